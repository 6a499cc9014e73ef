//! What pages and data say.

use std::io::{Seek, Write};
use std::os::unix::ffi::OsStrExt;

use serde_json::json;

use super::client::Observer;
use crate::harness::{Recorded, Thermos};

#[test]
fn tasks_are_listed_searched_paged_and_told_as_data() {
    let thermos = Thermos::new();
    for number in 0..60 {
        Recorded::new(&thermos, &format!("old-{number}"))
            .run("p", 0, 0, b"out\n", b"")
            .state("SUCCESS")
            .write();
    }
    Recorded::new(&thermos, "open").run("p", 0, 1, b"", b"").write();
    let observer = Observer::start(&thermos, &[]);
    let first = observer.get("/").text();
    assert!(first.contains("href=\"/task/open\"") && first.contains("its runner is gone"), "{first}");
    assert!(first.contains("1–50 of 61") && first.contains("rel=\"next\""), "{first}");
    assert!(observer.get("/?offset=50").text().contains("51–61 of 61"));
    assert!(observer.get("/?q=old-59").text().contains("1–1 of 1"));
    assert_eq!(observer.get("/j/task_id_count").json(), json!({"active": 1, "finished": 60, "all": 61}));
    let page = observer.get("/j/task_ids/finished/58/5").json();
    assert_eq!((page["task_ids"].as_array().unwrap().len(), &page["task_count"]), (2, &json!(60)));
    let status = thermos.run(["status", "--format", "json", "open"]).json();
    assert_eq!(observer.get("/j/task/open").json(), status[0]);
    assert_eq!(observer.get("/j/task?task_id=open,old-1").json()["open"], status[0]);
    assert_eq!(observer.get("/j/process/open/p/0").json()["return_code"], 1);
    assert_eq!(observer.get("/j/processes?task_ids=open").json()["open"]["failed"], json!(["p"]));
    assert_eq!(observer.get("/health").json(), json!({"status": "ok"}));
    let metrics = observer.get("/metrics").text();
    let lines = metrics.lines().map(|line| Ok(line.to_owned()));
    let scrape = prometheus_parse::Scrape::parse(lines).unwrap();
    assert!(scrape.samples.iter().any(|sample| sample.metric == "thermos_tasks"), "{metrics}");
}

#[test]
fn a_task_that_comes_while_the_observer_runs_is_seen_at_once() {
    let thermos = Thermos::new();
    let observer = Observer::start(&thermos, &[]);
    assert!(observer.get("/").text().contains("No tasks here yet"));
    thermos.run(["simplerun", "--task-id", "new", "echo hello"]).expect_code(0);
    assert!(observer.get("/").text().contains("href=\"/task/new\""));
    let page = observer.get("/task/new").text();
    for part in ["success", "class=\"graph\"", "class=\"timeline\"", "href=\"/process/new/simple\""] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(observer.get("/process/new/simple").text().contains("echo hello"));
    assert!(observer.get("/logs/new/simple/0/stdout").text().contains("hello"));
    assert!(observer.get("/logs/new/simple/0/stdout?q=HELL").text().contains("<mark>hell</mark>"));
}

#[test]
fn parts_of_a_log_are_sent_and_what_cannot_be_asked_for_is_refused() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "t").run("p", 0, 0, b"0123456789", b"").state("SUCCESS").write();
    let observer = Observer::start(&thermos, &[]);
    let raw = "/logs/t/p/0/stdout?raw=1";
    let part = observer.get_with(raw, &[("Range", "bytes=2-4")]);
    assert_eq!((part.status, part.text(), part.header("content-range")), (206, "234".into(), "bytes 2-4/10"));
    assert_eq!(observer.get_with(raw, &[("Range", "bytes=10-")]).status, 416);
    assert_eq!(observer.get_with(raw, &[("Range", "bytes=4-2")]).status, 400);
    for malformed in
        ["/?offset=x", "/j/task_ids/all/-1", "/j/task_ids/some", "/logs/t/p/0/stdout?from=x", "/%zz"]
    {
        assert_eq!(observer.get(malformed).status, 400, "{malformed}");
    }
    for missing in
        ["/task/none", "/task/..", "/nothing", "/process/t/none", "/logs/t/p/9/stdout", "/j/task/none"]
    {
        let answer = observer.get(missing);
        assert_eq!(answer.status, 404, "{missing}");
        assert!(missing.starts_with("/j/") || answer.text().contains("All tasks"), "{missing}");
    }
}

#[test]
fn a_damaged_checkpoint_is_shown_beside_healthy_ones() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "fine").run("p", 0, 0, b"", b"").state("SUCCESS").write();
    Recorded::new(&thermos, "hurt").run("p", 0, 0, b"", b"").state("SUCCESS").write();
    std::fs::write(thermos.root().join("checkpoints/hurt/runner"), "no record\nat all\n").unwrap();
    let observer = Observer::start(&thermos, &[]);
    let page = observer.get("/").text();
    assert!(page.contains("damaged") && page.contains("href=\"/task/fine\""), "{page}");
    assert_eq!(observer.get("/task/hurt").status, 422);
    assert!(observer.get("/?q=damaged").text().contains("href=\"/task/hurt\""));
    assert_eq!(observer.get("/j/task?task_id=fine,hurt").json()["fine"]["state"], "SUCCESS");
}

#[test]
fn tasks_of_which_nothing_is_recorded_are_listed_and_head_requests_get_heads() {
    let thermos = Thermos::new();
    let finished = thermos.root().join("tasks/finished");
    std::fs::create_dir_all(&finished).unwrap();
    for number in 0..120 {
        std::fs::write(finished.join(format!("empty-{number}")), "{}").unwrap();
    }
    let observer = Observer::start(&thermos, &[]);
    assert!(observer.get("/?q=starting").text().contains("1–50 of 120"));
    assert_eq!(observer.get("/j/task_ids/all/0/120").json()["tasks"].as_array().unwrap().len(), 120);
    assert!(observer.get("/metrics").text().contains("thermos_tasks{state=\"STARTING\"} 120"));
    assert_eq!(observer.get("/task/empty-0").status, 404);
    let head = observer.send(b"HEAD /style.css HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), observer.get("/style.css").body.len().to_string());
}

#[test]
fn names_of_any_bytes_lead_through_a_sandbox_and_back() {
    let thermos = Thermos::new();
    let names: [&[u8]; 8] = [
        b"a b",
        b"%41",
        b"#?&=+;",
        "\u{e4}\u{2603}".as_bytes(),
        b"<img src=x>",
        b"\xff\xfe",
        b"line\nend",
        b"'\"",
    ];
    thermos.write("box/empty", "");
    for name in names {
        let folder = thermos.home().join("box").join(std::ffi::OsStr::from_bytes(name));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    let id = format!("{}-._", "I".repeat(190));
    thermos.run(["simplerun", "--sandbox", "box", "--task-id", &id, "true"]).expect_code(0);
    let observer = Observer::start(&thermos, &[]);
    let folders = links(&observer.get(&format!("/browse/{id}")).text(), "/browse/");
    assert_eq!(folders.len(), names.len());
    let mut seen = Vec::new();
    for folder in folders {
        let page = observer.get(&folder);
        assert_eq!(page.status, 200, "{folder}");
        let [file, download] = ["/file/", "/download/"].map(|kind| links(&page.text(), kind).remove(0));
        assert_eq!(observer.get(&file).status, 200, "{file}");
        let answer = observer.get(&download);
        assert!(answer.header("content-disposition").starts_with("attachment; filename*=UTF-8''"));
        seen.push(answer.body);
    }
    seen.sort();
    let mut names = names.map(<[u8]>::to_vec);
    names.sort();
    assert_eq!(seen, names);
    assert!(observer.get(&format!("/browse/{id}?disk=1")).text().contains("in 17 entries"));
}

/// Returns where a page leads that begins so, without what leads up.
fn links(page: &str, begin: &str) -> Vec<String> {
    let rows = page.split("<tbody>").nth(1).unwrap_or_default();
    let links = rows.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links
        .filter(|link| link.starts_with(begin) && !rows.contains(&format!("{link}\">..<")))
        .map(unescape)
        .collect()
}

fn unescape(text: &str) -> String {
    text.replace("&#x27;", "'").replace("&amp;", "&")
}

#[test]
fn a_file_of_five_gigabytes_opens_at_once_at_both_ends() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "t").run("p", 0, 0, b"begin\n", b"").state("SUCCESS").write();
    let log = thermos.root().join("logs/t/p/0/stdout");
    let mut file = std::fs::OpenOptions::new().write(true).open(log).unwrap();
    // A hole takes no room.
    file.seek(std::io::SeekFrom::Start(5 << 30)).unwrap();
    file.write_all(b"\nthe end\n").unwrap();
    let observer = Observer::start(&thermos, &[]);
    let page = observer.get("/logs/t/p/0/stdout").text();
    assert!(page.contains("the end") && page.contains("5.0 GiB") && page.len() < 1 << 20);
    assert!(observer.get("/logs/t/p/0/stdout?from=0").text().contains("begin"));
    let part = observer.get_with("/logs/t/p/0/stdout?raw=1", &[("Range", "bytes=-8")]);
    assert_eq!((part.status, part.text()), (206, "the end\n".into()));
    assert!(observer.get("/logs/t/p/0/stdout?q=END").text().contains("<mark>end</mark>"));
}
