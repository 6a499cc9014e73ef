//! One call of the binary: prepared, running, ended.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::disk::SmallDisk;
use super::screen::Screen;
use super::waiting::LIMIT;

/// A call that has not started.
pub(crate) struct Invocation {
    command: Command,
    stdin: Option<Vec<u8>>,
    limit: Duration,
    stdout: Option<Stdio>,
    _held: Option<File>,
}

impl Invocation {
    pub(super) fn new(command: Command) -> Invocation {
        Invocation { command, stdin: None, limit: LIMIT, stdout: None, _held: None }
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Invocation {
        self.command.arg(argument);
        self
    }

    /// Runs it as another user, in the group of the same number; takes root.
    pub(crate) fn user(mut self, uid: u32) -> Invocation {
        self.command.uid(uid).gid(uid);
        self
    }

    /// Keeps a file open until it has started.
    pub(super) fn holding(mut self, file: File) -> Invocation {
        self._held = Some(file);
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Invocation {
        self.command.env(name, value);
        self
    }

    /// Removes a variable of the environment.
    pub(crate) fn without_env(mut self, name: &str) -> Invocation {
        self.command.env_remove(name);
        self
    }

    /// Sets the working directory.
    pub(crate) fn current_dir(mut self, folder: &Path) -> Invocation {
        self.command.current_dir(folder);
        self
    }

    /// Gives it something to read; without this, standard input is empty.
    pub(crate) fn stdin(mut self, text: impl Into<Vec<u8>>) -> Invocation {
        self.stdin = Some(text.into());
        self
    }

    /// Closes the reading end of its standard output before it starts.
    pub(crate) fn without_stdout_reader(mut self) -> Invocation {
        self.stdout = Some(std::io::pipe().unwrap().1.into());
        self
    }

    /// Opens a file as its standard output.
    pub(crate) fn stdout_to(mut self, path: &str) -> Invocation {
        self.stdout = Some(File::options().write(true).open(path).unwrap().into());
        self
    }

    /// Gives it something else as its standard output.
    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Invocation {
        self.stdout = Some(stdout.into());
        self
    }

    /// Runs it where a small disk is mounted.
    pub(crate) fn inside(mut self, disk: &SmallDisk) -> Invocation {
        self.command = disk.enter(&self.command);
        self
    }

    /// Bounds the time that it may take.
    pub(crate) fn limit(mut self, limit: Duration) -> Invocation {
        self.limit = limit;
        self
    }

    /// Runs it to its end, and until nobody holds its output open.
    pub(crate) fn output(self) -> Output {
        self.spawn().wait()
    }

    /// Runs it with a terminal of `columns` as its standard output and error; what it shows becomes the text.
    pub(crate) fn output_on_terminal(mut self, columns: u16) -> Output {
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let terminal = openpty(Some(&size), None).unwrap();
        self.command.process_group(0).stdin(Stdio::null());
        self.command.stdout(terminal.slave.try_clone().unwrap()).stderr(terminal.slave);
        self.command.env_remove("NO_COLOR");
        self.watch(Some(File::from(terminal.master))).wait()
    }

    /// Starts it on a terminal of its own, which can be read and typed at.
    pub(crate) fn on_screen(self, rows: u16, columns: u16) -> Screen {
        Screen::start(&self.command, rows, columns)
    }

    /// Starts it in a process group of its own.
    pub(crate) fn spawn(mut self) -> Running {
        let stdin = if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
        self.command.process_group(0).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(stdout) = self.stdout.take() {
            self.command.stdout(stdout);
        }
        self.watch(None)
    }

    fn watch(mut self, terminal: Option<File>) -> Running {
        let what = format!("{:?}", self.command);
        let mut child = self.command.spawn().unwrap();
        // Lets go of this side's copies of the ends that the child has, or reading would never end.
        drop(self.command);
        if let (Some(text), Some(mut stdin)) = (self.stdin.take(), child.stdin.take()) {
            thread::spawn(move || stdin.write_all(&text));
        }
        let group = Pid::from_raw(child.id() as i32);
        let stdout = match terminal {
            Some(terminal) => read_all(terminal),
            None => child.stdout.take().map_or_else(nothing, read_all),
        };
        let stderr = child.stderr.take().map_or_else(nothing, read_all);
        let deadline = Instant::now() + self.limit;
        Running { group, what, stdout, stderr, status: reap(child), deadline, over: false }
    }
}

/// A call that has started; killed with its process group if it is dropped before its end.
pub(crate) struct Running {
    group: Pid,
    what: String,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    status: Receiver<ExitStatus>,
    deadline: Instant,
    over: bool,
}

impl Running {
    /// The process id.
    pub(crate) fn pid(&self) -> i32 {
        self.group.as_raw()
    }

    /// Sends a signal to the process alone.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.group, signal).unwrap();
    }

    /// Waits for the end, and until nobody holds the output open.
    pub(crate) fn wait(mut self) -> Output {
        let status = self.receive(|running| &running.status, "still runs");
        let stdout = self.receive(|running| &running.stdout, "ended, but its standard output is held open");
        let stderr = self.receive(|running| &running.stderr, "ended, but its standard error is held open");
        self.over = true;
        let code = status.code().unwrap_or_else(|| -status.signal().unwrap_or_default());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let whole_stderr = text(&stderr);
        Output {
            code,
            stderr: without_degradation(&whole_stderr),
            whole_stderr,
            text: text(&stdout),
            stdout,
            what: self.what.clone(),
        }
    }

    /// Waits for the end of the process alone, though others may hold its output open.
    pub(crate) fn wait_for_exit(mut self) {
        self.receive(|running| &running.status, "still runs");
        self.over = true;
    }

    fn receive<T>(&self, from: impl Fn(&Running) -> &Receiver<T>, trouble: &str) -> T {
        let left = self.deadline.saturating_duration_since(Instant::now());
        from(self).recv_timeout(left).unwrap_or_else(|_| {
            let _ = killpg(self.group, Signal::SIGKILL);
            let said = |receiver: &Receiver<Vec<u8>>| {
                let bytes = receiver.recv_timeout(Duration::from_secs(2)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            };
            let (stdout, stderr) = (said(&self.stdout), said(&self.stderr));
            panic!("{} {trouble}\nstdout:\n{stdout}\nstderr:\n{stderr}", self.what)
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
    }
}

fn read_all(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        sender.send(bytes)
    });
    receiver
}

/// Tests look the same on machines on which cgroups are not ours to make.
fn without_degradation(stderr: &str) -> String {
    stderr.split_inclusive('\n').filter(|line| !line.starts_with(" INFO] No cgroup")).collect()
}

fn nothing() -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    let _ = sender.send(Vec::new());
    receiver
}

fn reap(mut child: Child) -> Receiver<ExitStatus> {
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(child.wait().unwrap()));
    receiver
}

/// What a call said and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit code; the negative number of the signal that ended it.
    pub(crate) code: i32,
    /// Standard output as it is.
    pub(crate) stdout: Vec<u8>,
    /// Standard output as text.
    pub(crate) text: String,
    /// Standard error as text, without what is said on machines where no cgroup can be made.
    pub(crate) stderr: String,
    /// All of standard error as text.
    pub(crate) whole_stderr: String,
    what: String,
}

impl Output {
    /// Asserts the exit code; shows everything if it is another.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Output {
        let Output { what, text, stderr, .. } = &self;
        assert_eq!(self.code, code, "exit code of {what}\nstdout:\n{text}\nstderr:\n{stderr}");
        self
    }

    /// Asserts that standard error has `part`, and that it is neither a panic nor a backtrace.
    #[track_caller]
    pub(crate) fn expect_stderr(self, part: &str) -> Output {
        assert!(self.stderr.contains(part), "{} does not say {part:?}:\n{}", self.what, self.stderr);
        assert!(!self.stderr.contains("panicked at"), "{}", self.stderr);
        self
    }

    /// Asserts that nothing was said on standard error.
    #[track_caller]
    pub(crate) fn expect_silence(self) -> Output {
        assert_eq!(self.stderr, "", "{}", self.what);
        self
    }

    /// Asserts that standard output has `part`.
    #[track_caller]
    pub(crate) fn expect_stdout(self, part: &str) -> Output {
        assert!(self.text.contains(part), "{} does not print {part:?}:\n{}", self.what, self.text);
        self
    }

    /// Asserts that it ended with a diagnostic: the code, then a message with `part`, and a help line.
    #[track_caller]
    pub(crate) fn expect_diagnostic(self, code: &str, part: &str) -> Output {
        let head = format!("error[thermos::{code}]");
        assert!(self.stderr.contains("\n  help: "), "no help line:\n{}", self.stderr);
        self.expect_stderr(&head).expect_stderr(part)
    }

    /// Reads standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", self.text))
    }
}
