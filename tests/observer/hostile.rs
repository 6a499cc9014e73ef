//! What is tried against the observer.

use std::fs;
use std::os::unix::fs::symlink;

use super::client::Observer;
use crate::harness::{Recorded, Thermos};

#[test]
fn only_who_has_the_token_or_a_name_of_the_observer_is_let_in() {
    let thermos = Thermos::new();
    let observer = Observer::start(&thermos, &["--token", "secret"]);
    assert_eq!(observer.get("/").status, 401);
    assert_eq!(observer.get("/?token=wrong").status, 401);
    assert_eq!(observer.get_with("/", &[("Authorization", "Bearer secret")]).status, 200);
    let welcome = observer.get("/?token=secret&q=a");
    assert_eq!((welcome.status, welcome.header("location")), (303, "/?q=a"));
    let cookie = welcome.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(!cookie.contains("secret"));
    assert_eq!(observer.get_with("/", &[("Cookie", &cookie)]).status, 200);
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil", ""] {
        assert_eq!(observer.get_with("/", &[("Host", host), ("Cookie", &cookie)]).status, 421, "{host}");
    }
    let post = observer
        .send(b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(post.status, 405);
    let answer = observer.get("/health");
    assert_eq!((answer.status, answer.header("x-content-type-options")), (200, "nosniff"));
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
}

#[test]
fn names_that_are_markup_harm_nothing_and_lead_back() {
    let thermos = Thermos::new();
    let names = ["<script>alert(1)<", "a b%41#?&=+", "ä☃", "\"onload='x'"];
    let mut task = Recorded::new(&thermos, "t");
    for name in names {
        task = task.run(name, 0, 0, b"<script>alert(2)</script>\x1b[31m<b>", b"");
    }
    task.state("SUCCESS").write();
    let observer = Observer::start(&thermos, &[]);
    let page = observer.get("/task/t").text();
    assert!(!page.contains("<script>alert"), "{page}");
    let links = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let links: Vec<&str> = links.filter(|link| link.starts_with("/process/")).collect();
    assert_eq!(links.len(), names.len());
    for link in links {
        let answer = observer.get(link);
        assert_eq!(answer.status, 200, "{link}");
        assert!(!answer.text().contains("<script>alert"));
        let log = observer.get(&format!("{}/0/stdout", link.replacen("/process/", "/logs/", 1)));
        assert!(log.status == 200 && log.text().contains("&lt;script&gt;alert(2)"), "{link}");
        assert!(!log.text().contains("<script>alert"));
    }
}

#[test]
fn no_path_leads_out_of_a_sandbox() {
    let thermos = Thermos::new();
    thermos.write("outside", "TOP SECRET");
    thermos.write("box/inside", "fine");
    let sandbox = thermos.home().join("box");
    symlink("../outside", sandbox.join("link")).unwrap();
    symlink("/etc/passwd", sandbox.join("absolute")).unwrap();
    symlink("..", sandbox.join("up")).unwrap();
    symlink("/proc/self/root", sandbox.join("magic")).unwrap();
    symlink("inside", sandbox.join("within")).unwrap();
    nix::unistd::mkfifo(&sandbox.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let run = thermos.run(["simplerun", "--sandbox", "box", "--task-id", "t", "true"]);
    run.expect_code(0);
    let observer = Observer::start(&thermos, &[]);
    assert_eq!(observer.get("/file/t/within").status, 200);
    assert_eq!(observer.get("/download/t/inside").text(), "fine");
    let steps = [
        "..",
        "%2e%2e",
        ".%2e",
        "%2E%2E%2F",
        "..%2f",
        "..%5c",
        "%252e%252e",
        "up",
        "magic",
        ".",
        "%00",
        "..%00",
    ];
    let ends = ["outside", "etc/passwd", "home/outside", "%2foutside", "../outside", "%2e%2e/outside"];
    let mut tried: Vec<String> =
        ["link", "absolute", "fifo", "up", "magic/etc/passwd", "/etc/passwd", "%2fetc%2fpasswd"]
            .map(str::to_owned)
            .into();
    tried.extend(steps.iter().flat_map(|step| ends.iter().map(move |end| format!("{step}/{end}"))));
    let mut count = 0;
    for path in &tried {
        for kind in ["file", "download", "browse"] {
            let answer = observer.get(&format!("/{kind}/t/{path}"));
            let text = answer.text();
            assert!(!text.contains("TOP SECRET") && !text.contains("root:"), "/{kind}/t/{path}: {text}");
            assert!([400, 403, 404].contains(&answer.status), "/{kind}/t/{path}: {}", answer.status);
            count += 1;
        }
    }
    assert!(count >= 100);
    for name in ["..", "%2e%2e", "..%2f..", "..%2f..%2f..%2fhome", "%00", "%2f", "%2fetc", "simple%2f.."] {
        for place in ["/logs", "/events"] {
            let answer = observer.get(&format!("{place}/t/{name}/0/stdout"));
            assert_eq!(answer.status, 404, "{place} of {name}: {}", answer.text());
        }
    }
}

#[test]
fn a_folder_that_is_swapped_for_a_link_shows_nothing_outside() {
    let thermos = Thermos::new();
    thermos.write("out/file", "TOP SECRET");
    thermos.write("box/folder/file", "fine");
    thermos.run(["simplerun", "--sandbox", "box", "--task-id", "t", "true"]).expect_code(0);
    let observer = Observer::start(&thermos, &[]);
    let sandbox = thermos.home().join("box");
    symlink("../out", sandbox.join("link")).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                for [from, to] in
                    [["folder", "aside"], ["link", "folder"], ["folder", "link"], ["aside", "folder"]]
                {
                    fs::rename(sandbox.join(from), sandbox.join(to)).unwrap();
                }
            }
        });
        for _ in 0..200 {
            let answer = observer.get("/download/t/folder/file");
            assert!(!answer.text().contains("TOP SECRET"), "{}", answer.status);
            assert!([200, 403, 404].contains(&answer.status), "{}", answer.status);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn who_listens_to_others_without_a_token_is_warned() {
    let thermos = Thermos::new();
    let warning = "0.0.0.0:0 can be reached from other machines";
    let listen = ["--listen", "0.0.0.0:0"];
    let observer = Observer::start_at(&thermos, &listen);
    assert!(observer.complaint().contains(warning));
    let observer = Observer::start_at(&thermos, &[&listen[..], &["--token", "secret"]].concat());
    assert_eq!(observer.get("/").status, 401);
    assert_eq!(observer.complaint(), "");
}

#[test]
fn requests_that_are_too_large_or_malformed_are_refused_and_the_next_is_answered() {
    let thermos = Thermos::new();
    let observer = Observer::start(&thermos, &[]);
    let long = "x".repeat(64 << 10);
    assert_eq!(observer.get_with("/", &[("X-Long", &long)]).status, 431);
    assert!([414, 431].contains(&observer.get(&format!("/{long}")).status));
    assert_eq!(observer.send(b"GET / HTTP/1.1\r\nHost\r\n\r\n").status, 400);
    assert_eq!(observer.send(b"\x16\x03\x01\x00\xff not HTTP\r\n\r\n").status, 400);
    let many: Vec<_> = (0..300).map(|_| std::net::TcpStream::connect(observer.address).unwrap()).collect();
    drop(many);
    assert_eq!(observer.get("/").status, 200);
}
