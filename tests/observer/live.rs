//! What the observer tells while things happen, and that it sleeps while nothing does.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::client::Observer;
use crate::harness::{Recorded, Thermos};

#[test]
fn listeners_hear_of_tasks_that_come_and_change() {
    let thermos = Thermos::new();
    let observer = Observer::start(&thermos, &[]);
    let mut events = observer.listen("/events", &[]);
    events.wait_for("event: hello");
    thermos.run(["simplerun", "--task-id", "new", "true"]).expect_code(0);
    events.wait_for("data: {\"tasks\":[\"new\"]}");
    fs::remove_file(thermos.root().join("tasks/finished/new")).unwrap();
    events.wait_for("data: {\"tasks\":[\"new\"]}");
    assert_eq!(observer.get("/task/new").status, 404);
}

#[test]
fn a_log_is_told_from_the_place_on_that_was_heard_last() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "t").run("p", 0, 0, b"one\n", b"").state("SUCCESS").write();
    let observer = Observer::start(&thermos, &[]);
    let log = thermos.root().join("logs/t/p/0/stdout");
    let mut events = observer.listen("/events/t/p/0/stdout", &[]);
    events.wait_for(r#"data: {"html":"one\n","open":""}"#);
    let mut file = OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(b"\x1b[31mtwo\nthr").unwrap();
    let place = events.wait_for("id: ");
    events.wait_for(
        r#"data: {"html":"<span class=\"fore-1\">two</span>\n","open":"<span class=\"fore-1\">thr</span>"}"#,
    );
    let mut again = observer.listen("/events/t/p/0/stdout", &[("Last-Event-ID", &place["id: ".len()..])]);
    file.write_all(b"ee\n").unwrap();
    again.wait_for(r#"data: {"html":"<span class=\"fore-1\">three</span>\n","open":""}"#);
    fs::write(&log, "anew\n").unwrap();
    again.wait_for("event: restart");
    again.wait_for(r#"data: {"html":"anew\n","open":""}"#);
    assert_eq!(observer.get("/events/t/p/0/stdout?from=nowhere").status, 400);
    assert_eq!(observer.get("/events/t/p/7/stdout").status, 404);
}

#[test]
fn an_observer_sleeps_while_nothing_happens_though_somebody_listens() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "ended").run("p", 0, 0, b"", b"").state("SUCCESS").write();
    Recorded::new(&thermos, "left").run("p", 0, 0, b"", b"").write();
    let observer = Observer::start(&thermos, &[]);
    let mut events = observer.listen("/events", &[]);
    let mut log = observer.listen("/events/ended/p/0/stdout", &[]);
    events.wait_for("event: hello");
    log.wait_for("event: hello");
    let deadline = Instant::now() + crate::harness::LIMIT;
    // A window without a wake is looked for: a thread that has become idle wakes once more to end.
    loop {
        let before = wakes(&observer);
        sleep(Duration::from_secs(1));
        if wakes(&observer) == before {
            return;
        }
        assert!(Instant::now() < deadline, "it wakes all the time");
    }
}

/// Counts how often the threads of an observer have gone to sleep.
fn wakes(observer: &Observer) -> u64 {
    let threads = fs::read_dir(format!("/proc/{}/task", observer.pid())).unwrap().flatten();
    let statuses = threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    let count = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse::<u64>().ok())
    };
    statuses.filter_map(count).sum()
}

#[test]
fn what_vanishes_shrinks_or_is_replaced_gives_a_page_that_says_so() {
    let thermos = Thermos::new();
    Recorded::new(&thermos, "t").run("p", 0, 0, b"0123456789\n", b"err\n").state("SUCCESS").write();
    let observer = Observer::start(&thermos, &[]);
    let folder = thermos.root().join("logs/t/p/0");
    let (page, raw) = ("/logs/t/p/0/stdout", "/logs/t/p/0/stdout?raw=1");
    fs::write(folder.join("stdout"), "012\n").unwrap();
    let past = observer.get("/logs/t/p/0/stdout?from=8");
    assert!(past.status == 200 && past.text().contains("shorter than the place"), "{}", past.text());
    assert_eq!(observer.get_with(raw, &[("Range", "bytes=8-")]).status, 416);
    fs::remove_file(folder.join("stdout")).unwrap();
    thermos.write("secret", "TOP SECRET");
    std::os::unix::fs::symlink(thermos.home().join("secret"), folder.join("stdout")).unwrap();
    expect_trouble(&observer, page, 403);
    fs::remove_file(folder.join("stdout")).unwrap();
    nix::unistd::mkfifo(&folder.join("stdout"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    expect_trouble(&observer, page, 404);
    fs::remove_file(folder.join("stdout")).unwrap();
    expect_trouble(&observer, page, 404);
    fs::remove_dir_all(&folder).unwrap();
    expect_trouble(&observer, "/logs/t/p/0/stderr", 404);
    // The sandbox of a recorded task never was.
    expect_trouble(&observer, "/browse/t", 404);
    fs::remove_dir_all(thermos.root().join("checkpoints/t")).unwrap();
    expect_trouble(&observer, "/task/t", 404);
    assert_eq!(observer.get("/").status, 200);
}

fn expect_trouble(observer: &Observer, place: &str, status: u16) {
    let answer = observer.get(place);
    assert_eq!(answer.status, status, "{place}: {}", answer.text());
    assert!(answer.text().contains("class=\"trouble\"") && !answer.text().contains("TOP SECRET"), "{place}");
}
