//! Who a process is: host, boot, number and start time together name one process for ever.

use std::fs::{self, File};
use std::io::{self, Read};
use std::sync::OnceLock;

use nix::libc;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::pidfd::PidFd;

/// A machine from one boot to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Host name.
    pub host: String,
    /// The kernel's id of this boot.
    pub boot_id: String,
}

impl Machine {
    /// Reads what this machine is now.
    pub fn current() -> io::Result<Machine> {
        let host = nix::unistd::gethostname()?.to_string_lossy().into_owned();
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned();
        Ok(Machine { host, boot_id })
    }
}

/// What /proc tells of a process in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// One letter: `R`, `S`, `T`, `Z` and so on.
    pub state: char,
    /// The parent's number.
    pub parent: i32,
    /// The session's number.
    pub session: i32,
    /// Clock ticks from boot to start.
    pub start_ticks: u64,
}

/// Reads the line of a process; nothing if there is no such process.
pub fn stat(pid: Pid) -> io::Result<Option<Stat>> {
    // 52 numbers and a name of at most 16 bytes fit: read by one call, not by doubling.
    let mut line = [0; 2048];
    let read = File::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read(&mut line));
    match read {
        Ok(length) => {
            parse_stat(&line[..length]).map(Some).ok_or_else(|| io::Error::other("unreadable /proc/PID/stat"))
        }
        // A process that ends while it is read gives ESRCH.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The command's name is in parentheses and may hold anything, parentheses too.
fn parse_stat(line: &[u8]) -> Option<Stat> {
    let end = line.iter().rposition(|byte| *byte == b')')?;
    let text = std::str::from_utf8(&line[end + 1..]).ok()?;
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
    })
}

/// Returns the start time of a process in clock ticks since boot.
pub fn start_ticks(pid: Pid) -> io::Result<u64> {
    stat(pid)?.map(|stat| stat.start_ticks).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// A moment of the clock by which the kernel says when a process began (`CLOCK_BOOTTIME`, clock_gettime(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub(super) u64);

impl Moment {
    /// Returns this moment. Allocates nothing, locks nothing, asks for no system call.
    pub fn now() -> Moment {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the time outlives the call, which cannot fail for this clock.
        unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
        Moment(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }

    /// Returns this moment in clock ticks since boot.
    pub fn tick(self) -> u64 {
        static NANOSECONDS: OnceLock<u64> = OnceLock::new();
        let length = NANOSECONDS.get_or_init(|| {
            // SAFETY: sysconf has no preconditions.
            1_000_000_000 / unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as u64
        });
        self.0 / length
    }

    /// Returns when a process began that was made between this moment and a later one, in clock ticks since boot: looked up
    /// only if a tick lies between the two.
    pub fn start_ticks_until(self, later: Moment, pid: Pid) -> io::Result<u64> {
        let (first, last) = (self.tick(), later.tick());
        if first == last { Ok(first) } else { start_ticks(pid) }
    }
}

/// Opens a recorded process of this boot if it still runs; a stranger that got its number is nothing.
pub fn prove(pid: i32, ticks: u64) -> io::Result<Option<PidFd>> {
    if pid <= 0 {
        return Ok(None);
    }
    let pid = Pid::from_raw(pid);
    let opened = match PidFd::open(pid) {
        Ok(opened) => opened,
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(None),
        Err(error) => return Err(error),
    };
    // Opened first, then looked at: what is read is either of the opened process, or that one has ended already.
    let alive = stat(pid)?.is_some_and(|stat| stat.start_ticks == ticks && !matches!(stat.state, 'Z' | 'X'));
    Ok(alive.then_some(opened))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_past_any_name() {
        let line = b"42 (a) b (c) S 7 42 40 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 0";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.session, stat.start_ticks), ('S', 7, 40, 123_456));
    }

    #[test]
    fn when_a_process_began_is_known_without_looking_it_up() {
        for _ in 0..200 {
            let before = Moment::now();
            let mut child = std::process::Command::new("true").spawn().unwrap();
            let (after, pid) = (Moment::now(), Pid::from_raw(child.id() as i32));
            assert_eq!(before.start_ticks_until(after, pid).unwrap(), start_ticks(pid).unwrap());
            child.wait().unwrap();
        }
    }

    #[test]
    fn this_process_is_proven_and_a_namesake_is_not() {
        let pid = std::process::id() as i32;
        let ticks = start_ticks(Pid::this()).unwrap();
        assert!(prove(pid, ticks).unwrap().is_some());
        assert!(prove(pid, ticks + 1).unwrap().is_none());
        assert!(prove(0, 0).unwrap().is_none());
    }
}
