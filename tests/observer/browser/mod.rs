//! The observer in a real browser, as people use it.

mod appearance;
mod driver;

use std::fs::OpenOptions;
use std::io::Write;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use self::driver::{Browser, ENTER, ESCAPE, TAB};
use super::client::Observer;
use crate::harness::{Recorded, Thermos};

/// A task that prints `first`, waits for the gate, and prints `second`.
const GATED: &str = "echo first; read -r line < gate; echo $line";

fn start_gated(thermos: &Thermos) {
    mkfifo(&thermos.home().join("gate"), Mode::from_bits_truncate(0o600)).unwrap();
    thermos.run(["simplerun", "--daemon", "--task-id", "gated", GATED]).expect_code(0);
}

fn open_gate(thermos: &Thermos) {
    let mut gate = OpenOptions::new().write(true).open(thermos.home().join("gate")).unwrap();
    gate.write_all(b"second\n").unwrap();
}

fn expect_silence(browser: &Browser) {
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_running_task_turns_green_without_a_reload() {
    let thermos = Thermos::new();
    let Some(browser) = Browser::start(&thermos) else { return };
    start_gated(&thermos);
    let observer = Observer::start(&thermos, &[]);
    browser.open(&observer.place("/task/gated"));
    browser.get("(window.isSame = true)");
    browser.wait_for("document.querySelector('#live-head .badge.busy')");
    browser.wait_for("document.querySelector('#live-processes td:nth-child(8)').textContent.includes('iB')");
    browser.wait_for("document.querySelector('#live').textContent === 'live'");
    open_gate(&thermos);
    browser.wait_for("document.querySelector('#live-head .badge.good')");
    browser.wait_for(
        "document.querySelector('#live-graph .good') && document.querySelector('#live-timeline .good')",
    );
    browser.wait_for("document.querySelector('#live-history li:last-child .badge.good')");
    assert_eq!(browser.get("window.isSame"), true);
    browser.get(
        "document.querySelector('#live-graph a').dispatchEvent(new MouseEvent('click', {bubbles: true}))",
    );
    browser.wait_for("document.querySelector('h1').textContent === 'simple'");
    expect_silence(&browser);
}

#[test]
fn the_page_of_a_task_that_is_removed_says_so() {
    let thermos = Thermos::new();
    let Some(browser) = Browser::start(&thermos) else { return };
    Recorded::new(&thermos, "old").run("p", 0, 0, b"", b"").state("SUCCESS").write();
    let observer = Observer::start(&thermos, &[]);
    browser.open(&observer.place("/task/old"));
    browser.wait_for("document.querySelector('#live').textContent === 'live'");
    thermos.run(["gc", "--max-tasks", "0"]).expect_code(0);
    browser.wait_for("document.querySelector('.trouble h1').textContent === 'There is no task old'");
}

#[test]
fn a_task_appears_in_the_list_and_turns_green_there() {
    let thermos = Thermos::new();
    let Some(browser) = Browser::start(&thermos) else { return };
    let observer = Observer::start(&thermos, &[]);
    browser.open(&observer.place("/"));
    browser.get("(window.isSame = true)");
    browser.wait_for("document.querySelector('#live').textContent === 'live'");
    start_gated(&thermos);
    browser.wait_for("document.querySelector('td.main a[href=\"/task/gated\"]')");
    open_gate(&thermos);
    browser.wait_for("document.querySelector('tbody .badge.good')");
    assert_eq!(browser.get("window.isSame"), true);
    expect_silence(&browser);
}

#[test]
fn a_log_is_followed_and_searched() {
    let thermos = Thermos::new();
    let Some(browser) = Browser::start(&thermos) else { return };
    start_gated(&thermos);
    let observer = Observer::start(&thermos, &[]);
    let log = observer.place("/logs/gated/simple/0/stdout");
    crate::harness::wait_until(&thermos.root().join("logs/gated/simple/0/stdout"), || {
        std::fs::read(thermos.root().join("logs/gated/simple/0/stdout")).is_ok_and(|text| text == b"first\n")
    });
    browser.open(&log);
    browser.wait_for("document.querySelector('#live').textContent === 'live'");
    assert_eq!(browser.get("document.getElementById('log').textContent"), "first\n");
    open_gate(&thermos);
    browser.wait_for("document.getElementById('log').textContent === 'first\\nsecond\\n'");
    browser.press("/");
    browser.press(&format!("SECO{ENTER}"));
    browser.wait_for("document.querySelector('.matches mark').textContent === 'seco'");
    assert_eq!(browser.get("document.querySelectorAll('.matches li').length"), 1);
    expect_silence(&browser);
}

#[test]
fn tasks_are_searched_by_keyboard_alone() {
    let thermos = Thermos::new();
    let Some(browser) = Browser::start(&thermos) else { return };
    for number in 0..60 {
        Recorded::new(&thermos, &format!("old-{number}")).run("p", 0, 0, b"", b"").state("SUCCESS").write();
    }
    let observer = Observer::start(&thermos, &[]);
    browser.open(&observer.place("/"));
    browser.press(TAB);
    assert_eq!(browser.get("document.activeElement.className"), "skip");
    browser.press("/");
    assert_eq!(browser.get("document.activeElement.id"), "search");
    browser.press(ESCAPE);
    assert_eq!(browser.get("document.activeElement.tagName"), "BODY");
    browser.press("/");
    browser.press(&format!("old-59 succ{ENTER}"));
    browser.wait_for("document.querySelectorAll('td.main a').length === 1");
    browser.get("document.querySelector('td.main a').focus()");
    // A page that is refreshed leaves the focus where it is.
    thermos.run(["simplerun", "--task-id", "old-590", "true"]).expect_code(0);
    browser.wait_for("document.querySelectorAll('td.main a').length === 2");
    assert_eq!(browser.get("document.activeElement.getAttribute('href')"), "/task/old-59");
    browser.press(ENTER);
    browser.wait_for("document.querySelector('h1').textContent === 'old-59'");
    browser.get("document.querySelector('#live-processes td.main a').focus()");
    browser.press(ENTER);
    browser.wait_for("document.querySelector('h1').textContent === 'p'");
    expect_silence(&browser);
}

#[test]
fn names_and_commands_that_are_markup_do_nothing() {
    const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>";
    let thermos = Thermos::new();
    let Some(browser) = Browser::start(&thermos) else { return };
    let names =
        ["<img src=x onerror=alert(3)>", "\"><svg onload=alert(4)>", "'&lt;b&gt;'&amp;", "a b%41#?&=+", "ä☃"];
    let processes: Vec<_> = names
        .map(|name| serde_json::json!({"name": name, "cmdline": format!("printf '%s\\n' \"{}\"; : '{HOSTILE}'", HOSTILE)}))
        .to_vec();
    let document = serde_json::json!({"name": HOSTILE, "processes": processes}).to_string();
    thermos.write("hostile.json", document);
    thermos.run(["run", "--json", "--task-id", "hostile", "hostile.json"]).expect_code(0);
    let observer = Observer::start(&thermos, &[]);
    browser.open(&observer.place("/task/hostile"));
    assert_eq!(browser.get("document.querySelector('#live-head dd').textContent"), HOSTILE);
    let links = browser.get("[...document.querySelectorAll('#live-processes td.main a')].map((link) => link.getAttribute('href'))");
    for (link, name) in links.as_array().unwrap().iter().zip(names) {
        let link = link.as_str().unwrap();
        browser.open(&observer.place(link));
        assert_eq!(browser.get("document.querySelector('h1').textContent"), name);
        assert!(browser.get("document.querySelector('pre').textContent").as_str().unwrap().contains(HOSTILE));
        browser.open(&observer.place(&format!("{}/0/stdout", link.replacen("/process/", "/logs/", 1))));
        browser.wait_for("document.querySelector('#live').textContent === 'live'");
        assert_eq!(browser.get("document.getElementById('log').textContent"), format!("{HOSTILE}\n"));
    }
    for place in ["/", "/?q=%3Cscript%3Ealert(1)%3C/script%3E", "/task/%3Cscript%3Ealert(1)%3C%2Fscript%3E"] {
        browser.open(&observer.place(place));
        assert_eq!(browser.get("document.querySelectorAll('main script, main img').length"), 0, "{place}");
    }
    // What is not there is told by its status, which the browser notes; nothing else is.
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|complaint| complaint.contains("404 (Not Found)")), "{complaints:?}");
}
