//! The build with failpoints, and the plans that its processes follow (`src/process/failpoint/`).

#[cfg(not(feature = "failpoints"))]
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::harness::{Invocation, Thermos};

/// Returns the build with failpoints, after building it if need be.
///
/// It shares all dependencies with the tests, so that only `thermos` itself is built once more. `make test` does that in
/// advance.
pub(crate) fn binary() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--offline", "--message-format", "json"])
        .args(["--features", "failpoints", "--example", "thermos-failpoints", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).unwrap();
    let messages = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back().unwrap()
}

/// A passing of a place: the n-th, from 1, by one process. `*` stands for any role or place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Point {
    pub(crate) role: String,
    pub(crate) place: String,
    pub(crate) n: u64,
}

impl Point {
    pub(crate) fn new(role: &str, place: &str, n: u64) -> Point {
        Point { role: role.to_owned(), place: place.to_owned(), n }
    }

    /// Says whether a runner dies there, and not a coordinator.
    pub(crate) fn is_of_runner(&self) -> bool {
        self.role == "runner"
    }

    /// Returns the part of the place's name that says what is being done there.
    pub(crate) fn topic(&self) -> &str {
        self.place.split('.').next().unwrap()
    }

    /// Returns a number that is the same in each run of the tests.
    pub(crate) fn hash(&self) -> u64 {
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.to_string().bytes().fold(0xcbf2_9ce4_8422_2325, fold)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.role, self.place, self.n)
    }
}

/// What one call is to do, and what it has done.
pub(crate) struct Plan {
    folder: PathBuf,
}

impl Plan {
    /// Makes a plan to kill at a point, or to count points only.
    pub(crate) fn new(thermos: &Thermos, point: Option<&Point>) -> Plan {
        Plan::with_signal(thermos, point, "SIGKILL")
    }

    /// Makes a plan to send a signal at a point.
    pub(crate) fn with_signal(thermos: &Thermos, point: Option<&Point>, signal: &str) -> Plan {
        let parent = thermos.home().join("plans");
        fs::create_dir_all(&parent).unwrap();
        let folder = parent.join(fs::read_dir(&parent).unwrap().count().to_string());
        fs::create_dir(&folder).unwrap();
        if let Some(point) = point {
            fs::write(folder.join("plan"), format!("{point} {signal}\n")).unwrap();
        }
        Plan { folder }
    }

    /// Has a call follow the plan.
    pub(crate) fn arm(&self, invocation: Invocation) -> Invocation {
        invocation.env("THERMOS_FAILPOINTS", &self.folder)
    }

    /// Returns the file that the process writes that gets the signal.
    pub(crate) fn witness(&self) -> PathBuf {
        self.folder.join("died")
    }

    /// Returns the role of the process that has died, and the place.
    pub(crate) fn died(&self) -> Option<(String, String)> {
        let text = fs::read_to_string(self.witness()).ok()?;
        text.trim().split_once(' ').map(|(role, place)| (role.to_owned(), place.to_owned()))
    }

    /// Returns all passings, in the order in which they came.
    pub(crate) fn passed(&self) -> Vec<Point> {
        let text = fs::read_to_string(self.folder.join("passed")).unwrap_or_default();
        let mut counts: HashMap<(&str, &str), u64> = HashMap::new();
        let mut points: Vec<Point> = Vec::new();
        for (role, place) in text.lines().filter_map(|line| line.split_once(' ')) {
            let n = counts.entry((role, place)).or_default();
            *n += 1;
            points.push(Point::new(role, place, *n));
        }
        points
    }

    /// Returns the passings of the runner up to the end of its takeover; what follows it does like any other runner.
    pub(crate) fn passed_until_taken_over(&self) -> Vec<Point> {
        let mut points = self.passed();
        points.retain(Point::is_of_runner);
        let end = points.iter().position(|point| point.place == "takeover.after").unwrap();
        points.truncate(end + 1);
        points
    }
}

#[cfg(not(feature = "failpoints"))]
#[test]
fn no_other_build_has_a_trace_of_failpoints() {
    let trace =
        regex::bytes::Regex::new(r"THERMOS_FAILPOINTS|takeover\.recorded|write\.torn|fork\.child").unwrap();
    let traces = |path: PathBuf| {
        let bytes = fs::read(path).unwrap();
        trace.find_iter(&bytes).map(|found| found.as_bytes().to_vec()).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(traces(binary()), 4);
    assert_eq!(traces(env!("CARGO_BIN_EXE_thermos").into()), 0);
}
