//! How pages look: no page is wider than its window, all text can be read, and a person can look at pictures of them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::client::Observer;
use super::driver::Browser;
use crate::harness::{Recorded, Thermos};

/// Texts whose contrast with the ground behind them is below that of WCAG 2, level AA.
const PALE: &str = r#"(() => {
    const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const parse = (color) => color.match(/[\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = parse(getComputedStyle(at).backgroundColor);
            if (color.length < 4 || color[3] === 1) return color;
        }
        return [255, 255, 255];
    };
    const pale = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || element.closest("svg, .hidden, .skip, [hidden]")) continue;
        const style = getComputedStyle(element);
        const [text, back] = [luminance(parse(style.color)), luminance(ground(element))];
        const contrast = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
        const size = parseFloat(style.fontSize);
        const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        if (contrast < (isLarge ? 3 : 4.5)) pale.add(`${texts.currentNode.data.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
    }
    return [...pale];
})()"#;

const WIDTHS: [u32; 5] = [360, 768, 1280, 1920, 2560];
/// The sizes of the pictures that are kept.
const SIZES: [(u32, u32); 2] = [(390, 844), (1440, 900)];

#[test]
fn pages_fit_every_window_and_can_be_read_light_and_dark() {
    let thermos = Thermos::new();
    let Some(browser) = Browser::start(&thermos) else { return };
    make_tasks(&thermos);
    let observer = Observer::start(&thermos, &[]);
    let folder = pictures();
    for (name, place) in PAGES {
        browser.open(&observer.place(place));
        for scheme in ["light", "dark"] {
            for width in WIDTHS {
                browser.shape(width, 900, scheme);
                let wide = browser.get("document.documentElement.scrollWidth");
                assert!(wide.as_u64() <= Some(width.into()), "{place} is {wide} wide in {width}");
            }
            assert_eq!(browser.get(PALE), Value::Array(Vec::new()), "{place}, {scheme}");
            for (width, height) in SIZES {
                browser.shape(width, height, scheme);
                browser.picture(&folder.join(format!("{name}-{width}-{scheme}.png")));
            }
        }
    }
    thermos.run(["kill", "--force", "nightly-build"]).expect_code(0);
}

const PAGES: [(&str, &str); 12] = [
    ("tasks", "/"),
    ("nothing-found", "/?q=nothing-of-this-name"),
    ("task-running", "/task/nightly-build"),
    ("task-large", "/task/two-hundred"),
    ("task-failed", "/task/release-failed"),
    ("process", "/process/nightly-build/compile"),
    ("log", "/logs/release-failed/test/1/stdout"),
    ("log-search", "/logs/release-failed/test/1/stdout?q=error"),
    ("sandbox", "/browse/nightly-build?disk=1"),
    ("file", "/file/nightly-build/notes.txt"),
    ("damaged", "/task/damaged"),
    ("missing", "/task/no-such-task"),
];

/// Where pictures are kept for people to look at.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Makes tasks of all kinds: one that runs, one that failed, a large one, a damaged one and many others.
fn make_tasks(thermos: &Thermos) {
    for number in 0..60 {
        let end = ["SUCCESS", "SUCCESS", "SUCCESS", "FAILED", "KILLED", "LOST"][number % 6];
        let code = i32::from(end != "SUCCESS");
        let task = Recorded::new(thermos, &format!("nightly-2012{number:02}")).run("unpack", 0, 0, b"", b"");
        task.run("build", 0, code, b"", b"").state(end).write();
    }
    Recorded::new(thermos, "damaged").state("SUCCESS").write();
    std::fs::write(thermos.root().join("checkpoints/damaged/runner"), "no record\nat all\n").unwrap();
    thermos.write("failed.thermos", FAILED);
    thermos.run(["run", "--task-id", "release-failed", "failed.thermos"]).expect_code(1);
    thermos.write("large.thermos", LARGE);
    thermos.run(["run", "--task-id", "two-hundred", "large.thermos"]).expect_code(0);
    thermos.write("build.thermos", RUNNING);
    thermos.write("box/notes.txt", "What is to be done:\n- unpack\n- compile\n");
    thermos.write("box/results/a.json", "{}\n");
    nix::unistd::mkfifo(&thermos.home().join("box/gate"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::os::unix::fs::symlink("results/a.json", thermos.home().join("box/latest.json")).unwrap();
    let run = [
        "run",
        "--daemon",
        "-P",
        "http:8080",
        "--sandbox",
        "box",
        "--task-id",
        "nightly-build",
        "build.thermos",
    ];
    thermos.run(run).expect_code(0);
    thermos.wait_for_file("box/compiling");
}

const FAILED: &str = r##"
let colours = #"for i in $(seq 40); do printf '\e[32mok\e[0m %s test_number_%s\n' $i $i; done; printf '\e[1;31merror\e[0m: \e[4msrc/main.rs:12\e[0m expected `;`\n'; exit 1"#;
export(Task(name = "release", processes = [
    Process(name = "fetch", cmdline = "echo fetched"),
    Process(name = "test", cmdline = colours, max_failures = 2, min_duration = 0),
    Process(name = "package", cmdline = "tar cf all.tar ."),
    Process(name = "clean", cmdline = "true", final = true),
], constraints = order("fetch", "test", "package")))
"##;

const LARGE: &str = r#"
let map = range(198).map(|i| Process(name = "map-part-%03d" % i, cmdline = "true"));
let split = Process(name = "split", cmdline = "true");
let reduce = Process(name = "reduce", cmdline = "true");
let constraints = map.map(|p| Constraint(order = ["split", p.name, "reduce"]));
export(Task(name = "two-hundred", processes = [split] + map + [reduce], constraints = constraints, max_concurrency = 20))
"#;

const RUNNING: &str = r##"
export(Task(name = "nightly", processes = [
    Process(name = "unpack", cmdline = "echo unpacked"),
    Process(name = "configure", cmdline = "./configure --prefix=/usr/local || true"),
    Process(name = "compile", cmdline = #"printf '%s\n' compiling > compiling; read -r line < gate; cc -O2 -Wall -Wextra -Wpedantic -std=c17 -Iinclude -Ithird_party/include -DNDEBUG -DVERSION='"1.2.3"' -o build/a-rather-long-name-of-a-program src/one.c src/two.c src/three.c && echo 'an argument that goes on and on so that the line has to be broken somewhere in the middle of it'"#,
        resources = Resources(cpu = 2.0, ram = 512 * MB, disk = 1 * GB)),
    Process(name = "serve", cmdline = "exec sleep 1000 # {{thermos.ports[http]}}", ephemeral = true, daemon = true),
    Process(name = "test", cmdline = "make test"),
    Process(name = "package", cmdline = "make package"),
    Process(name = "clean", cmdline = "rm -rf build", final = true),
], constraints = order("unpack", "configure", "compile", "test", "package"),
   resources = Resources(cpu = 2.5, ram = 1 * GB, disk = 2 * GB)))
"##;
