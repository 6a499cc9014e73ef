//! An observer that is running, and a client that sends what it is told, however malformed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::harness::{LIMIT, THERMOS, Thermos};

/// An observer of a fixture's root; ended when it is dropped.
pub(super) struct Observer {
    child: Child,
    pub(super) address: SocketAddr,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Observer {
    pub(super) fn start(thermos: &Thermos, arguments: &[&str]) -> Observer {
        Observer::start_at(thermos, &[&["--listen", "127.0.0.1:0"], arguments].concat())
    }

    /// Starts it where the arguments say.
    pub(super) fn start_at(thermos: &Thermos, arguments: &[&str]) -> Observer {
        let mut command = Command::new(THERMOS);
        command.arg("observe").args(arguments).env_clear();
        command.env("THERMOS_ROOT", thermos.root()).env("HOME", thermos.home()).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address: SocketAddr =
            line.trim().trim_end_matches('/').rsplit_once("http://").unwrap().1.parse().unwrap();
        let address = SocketAddr::new([127, 0, 0, 1].into(), address.port());
        Observer { child, address }
    }

    /// Ends it and returns what it has complained about.
    pub(super) fn complaint(mut self) -> String {
        self.child.kill().unwrap();
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// Returns the whole address of a page.
    pub(super) fn place(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(super) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let host = self.address.to_string();
        let has_host = headers.iter().any(|(name, _)| *name == "Host");
        let mut head = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n");
        for (name, value) in headers.iter().chain((!has_host).then_some(&("Host", host.as_str()))) {
            head += &format!("{name}: {value}\r\n");
        }
        self.send(format!("{head}\r\n").as_bytes())
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Begins to listen to a stream of events.
    pub(super) fn listen(&self, path: &str, headers: &[(&str, &str)]) -> Listener {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.address).unwrap();
        Listener(BufReader::new(stream))
    }

    pub(super) fn send(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut body = bytes.split_off((end + 4).min(bytes.len()));
        if head.to_lowercase().contains("transfer-encoding: chunked") {
            body = without_chunks(&body);
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head, body }
    }
}

/// Somebody who listens to events.
pub(super) struct Listener(BufReader<TcpStream>);

impl Listener {
    /// Waits for a line that begins so, and returns it.
    pub(super) fn wait_for(&mut self, begin: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line);
            assert!(read.is_ok_and(|read| read > 0), "no line begins with {begin}");
            if line.starts_with(begin) {
                return line.trim_end().to_owned();
            }
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.head.lines().filter_map(|line| line.split_once(": "));
        found
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
            .unwrap_or("")
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

fn without_chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        body.extend(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    body
}
