//! A browser, driven over the WebDriver protocol: chromium without a window, by chromedriver.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Thermos, skip};

/// The key of an element in answers, as the protocol has it.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that are no characters, as the protocol has them.
pub(super) const TAB: &str = "\u{e004}";
pub(super) const ENTER: &str = "\u{e007}";
pub(super) const ESCAPE: &str = "\u{e00c}";

/// A browser with one page; ended when it is dropped.
pub(super) struct Browser {
    driver: Child,
    /// Read no more, but not closed.
    _output: Box<dyn Iterator<Item = String>>,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts a browser whose files and processes are a fixture's; nothing, with a word about it, if there is none.
    pub(super) fn start(thermos: &Thermos) -> Option<Browser> {
        for program in ["chromedriver", "chromium"] {
            if !is_there(program) {
                skip(&format!("there is no {program}: `make test` as root installs it"));
                return None;
            }
        }
        let folder = thermos.home().join("browser");
        fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("HOME", &folder).env("TMPDIR", &folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = command.spawn().unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let started = "ChromeDriver was started successfully on port ";
        let port = lines.find_map(|line| line.strip_prefix(started)?.trim_end_matches('.').parse().ok());
        let port = port.expect("chromedriver says where it listens");
        let mut browser = Browser { driver, _output: Box::new(lines), port, session: String::new() };
        browser.open_session(&folder);
        Some(browser)
    }

    fn open_session(&mut self, folder: &Path) {
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--hide-scrollbars",
            &profile,
        ];
        let wanted = json!({
            "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"}, "timeouts": {"script": 60_000},
            "goog:chromeOptions": {"args": arguments},
        });
        let answer = self.send("POST", "/session", &json!({"capabilities": {"alwaysMatch": wanted}}));
        self.session = answer["sessionId"].as_str().unwrap().to_owned();
    }

    /// Opens a page, and waits until it is loaded.
    pub(super) fn open(&self, address: &str) {
        self.post("/url", &json!({"url": address}));
    }

    /// Evaluates an expression in the page.
    pub(super) fn get(&self, expression: &str) -> Value {
        self.post("/execute/sync", &json!({"script": format!("return {expression};"), "args": []}))
    }

    /// Waits until an expression holds: asks again whenever something of the page changes.
    pub(super) fn wait_for(&self, expression: &str) {
        let script = format!(
            "const done = arguments[0];
            const holds = () => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }};
            if (holds()) {{ done(); return; }}
            const watch = new MutationObserver(() => {{ if (holds()) {{ watch.disconnect(); done(); }} }});
            watch.observe(document, {{subtree: true, childList: true, attributes: true, characterData: true}});"
        );
        self.post("/execute/async", &json!({"script": script, "args": []}));
    }

    /// Presses keys, wherever the focus is.
    pub(super) fn press(&self, keys: &str) {
        let element = self.send("GET", &format!("/session/{}/element/active", self.session), &Value::Null);
        let id = element[ELEMENT].as_str().unwrap();
        self.post(&format!("/element/{id}/value"), &json!({"text": keys}));
    }

    /// Makes the page so many pixels large, light or dark.
    pub(super) fn shape(&self, width: u32, height: u32, scheme: &str) {
        self.execute(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}),
        );
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]);
        self.execute("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Takes a picture of all of the page.
    pub(super) fn picture(&self, path: &Path) {
        let answer = self.execute("Page.captureScreenshot", &json!({"captureBeyondViewport": true}));
        fs::write(path, decode(answer["data"].as_str().unwrap())).unwrap();
    }

    /// Takes what the page has said on its console.
    pub(super) fn complaints(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().unwrap();
        entries.iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    fn execute(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", &format!("/session/{}{path}", self.session), body)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.request(method, path, body).unwrap();
        assert_eq!(status, 200, "{method} {path} {body}: {answer}");
        answer["value"].clone()
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        let mut answer = BufReader::new(stream);
        let (mut status, mut length, mut line) = (0, 0, String::new());
        while answer.read_line(&mut line)? > 2 {
            if let Some((name, value)) = line.split_once(':') {
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap_or(0);
                }
            } else {
                status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
            }
            line.clear();
        }
        let mut text = vec![0; length];
        answer.read_exact(&mut text)?;
        Ok((status, serde_json::from_slice(&text)?))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A browser that has died is gone all the same.
        let _ = self.request("DELETE", &format!("/session/{}", self.session), &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Reads base64.
fn decode(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = text.bytes().filter_map(digit).collect();
    let group = |four: &[u8]| {
        let bits = four
            .iter()
            .enumerate()
            .fold(0_u32, |bits, (at, digit)| bits | u32::from(*digit) << (18 - 6 * at));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}
