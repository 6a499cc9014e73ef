//! A terminal that somebody sits at: keys go in, a screen comes out, and it may change its size.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, ttyname};

use super::waiting::LIMIT;

/// A call of the binary whose controlling terminal this is; killed with its session's group if dropped before its end.
pub(crate) struct Screen {
    what: String,
    group: Pid,
    terminal: File,
    path: PathBuf,
    chunks: Receiver<Vec<u8>>,
    status: Receiver<std::process::ExitStatus>,
    parser: vt100::Parser,
    raw: Vec<u8>,
    over: bool,
}

impl Screen {
    /// Starts a command in a session of its own on a terminal of that size.
    pub(super) fn start(command: &Command, rows: u16, columns: u16) -> Screen {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).unwrap();
        let path = ttyname(&pair.slave).unwrap();
        // Spawned into its parent's group, setsid need not fork: the pid is that of the command.
        let mut inside = Command::new("setsid");
        inside.arg("--ctty").arg(command.get_program()).args(command.get_args());
        inside.env_clear().env("TERM", "xterm-256color");
        inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inside.env_remove("NO_COLOR");
        if let Some(folder) = command.get_current_dir() {
            inside.current_dir(folder);
        }
        inside
            .stdin(pair.slave.try_clone().unwrap())
            .stdout(pair.slave.try_clone().unwrap())
            .stderr(pair.slave);
        let mut child = inside.spawn().unwrap();
        let group = Pid::from_raw(child.id() as i32);
        // Lets go of this side's copies of the slave, or reading would never end.
        drop(inside);
        let terminal = File::from(pair.master);
        let chunks = read_chunks(terminal.try_clone().unwrap());
        let (sender, status) = channel();
        thread::spawn(move || sender.send(child.wait().unwrap()));
        let parser = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 10_000);
        Screen {
            what: format!("{command:?}"),
            group,
            terminal,
            path,
            chunks,
            status,
            parser,
            raw: Vec::new(),
            over: false,
        }
    }

    /// The process id.
    pub(crate) fn pid(&self) -> i32 {
        self.group.as_raw()
    }

    /// Sends a signal to the process alone.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.group, signal).unwrap();
    }

    /// Types; Enter is `\r`, Ctrl-C `\x03`, Ctrl-D `\x04`, Tab `\t`.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.type_bytes(keys.as_bytes());
    }

    /// Types what need not be text.
    pub(crate) fn type_bytes(&mut self, bytes: &[u8]) {
        self.terminal.write_all(bytes).unwrap();
    }

    /// Changes the size, as a window manager does: whoever is in the foreground gets SIGWINCH.
    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        let size = format!("rows {rows} cols {columns}");
        let status = Command::new("stty").arg("-F").arg(&self.path).args(size.split(' ')).status().unwrap();
        assert!(status.success(), "stty cannot set the size");
        self.parser.screen_mut().set_size(rows.try_into().unwrap(), columns.try_into().unwrap());
    }

    /// What is on the screen now, lines without trailing blanks.
    pub(crate) fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// The screen with its colours, cell by cell.
    pub(crate) fn cells(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Every byte that was written so far.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// Waits until the screen fulfils a condition; panics with the screen after a minute or at the end of the output.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, what: &str, mut condition: impl FnMut(&str) -> bool) {
        self.wait_for_cells(what, |screen| condition(&screen.contents()));
    }

    /// Waits until the screen, with its colours and its cursor, fulfils a condition.
    #[track_caller]
    pub(crate) fn wait_for_cells(&mut self, what: &str, mut condition: impl FnMut(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !condition(self.cells()) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.chunks.recv_timeout(left) {
                Ok(chunk) => self.take(&chunk),
                Err(error) => {
                    panic!("{}: {what} was never shown ({error}); the screen:\n{}", self.what, self.text())
                }
            }
        }
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        self.wait_for(&format!("{text:?}"), |screen| screen.contains(text));
    }

    /// Waits for the end; returns the exit code (the negative number of a signal), and keeps the last screen.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> i32 {
        let status = self.status.recv_timeout(LIMIT);
        let status =
            status.unwrap_or_else(|_| panic!("{} still runs; the screen:\n{}", self.what, self.text()));
        // The reader ends when nobody holds the terminal; whoever stays in the background is another test's matter.
        let deadline = Instant::now() + LIMIT;
        while let Ok(chunk) = self.chunks.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.take(&chunk);
        }
        self.over = true;
        status.code().unwrap_or_else(|| -status.signal().unwrap_or_default())
    }

    fn take(&mut self, chunk: &[u8]) {
        self.raw.extend_from_slice(chunk);
        self.parser.process(chunk);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if !self.over {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
    }
}

/// Hands on what is written, until nobody has the other side open: then reading gives an error.
fn read_chunks(mut terminal: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = terminal.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

#[test]
fn a_screen_shows_what_is_typed_and_knows_its_size() {
    let mut shell = Command::new("bash");
    shell.args(["-c", "read -r line; echo \"got $line\"; read -r line; stty size; exit 3"]);
    shell.env("PATH", std::env::var_os("PATH").unwrap());
    let mut screen = Screen::start(&shell, 24, 80);
    screen.type_keys("hello\r");
    screen.wait_for_text("got hello");
    screen.resize(50, 200);
    screen.type_keys("\r");
    assert_eq!(screen.wait(), 3);
    assert!(screen.text().contains("50 200"), "{}", screen.text());
}
