//! The task that is killed everywhere, and the trace that its commands write: a line when they start and one when they
//! end, so that a test knows what has really happened.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// What every command does first. A run that starts while anything of an earlier run of its process lives says TWICE:
/// all of them hold the lock, which what is already dying lets go in no time.
const PROLOGUE: &str = r#"
    exec 9>> "lock.$THERMOS_PROCESS"
    echo "START $THERMOS_PROCESS $THERMOS_RUN $$" >> trace
    flock -w 0.5 9 || echo "TWICE $THERMOS_PROCESS $THERMOS_RUN $$" >> trace
    end() { echo "END $THERMOS_PROCESS $THERMOS_RUN $$ $1" >> trace; exit "$1"; }
"#;

/// Succeeds once it has failed twice; a run that is lost may have failed before.
const FAIL_TWICE: &str = r#"[ "$(grep -c "^END flaky .* 1$" trace)" -ge 2 ] || end 1; end 0"#;

/// Makes a process that traces itself.
pub(crate) fn traced(name: &str, command: &str, extra: Value) -> Value {
    let mut process = json!({"name": name, "cmdline": format!("{PROLOGUE}{command}"), "min_duration": 0});
    process.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    process
}

/// Ends and leaves somebody who does not care for TERM.
pub(crate) const LEAVE_THE_DEAF: &str = "(trap '' TERM; exec sleep 1000) & end 0";

/// A task with all kinds of processes; `middle` is what its last ordinary process does, which waits for the others.
pub(crate) fn of_all_kinds(middle: &str) -> Value {
    json!({
        "name": "t",
        "max_failures": 2,
        "processes": [
            traced("first", "sleep 1000 & setsid sleep 1000 & end 0", json!({})),
            traced("flaky", FAIL_TWICE, json!({"max_failures": 3})),
            traced("last", middle, json!({})),
            traced("broken", "end 3", json!({})),
            traced("server", r#"[ "$THERMOS_RUN" = 0 ] && end 0; exec sleep 1000"#,
                json!({"daemon": true, "ephemeral": true})),
            traced("watcher", "exec sleep 1000", json!({"ephemeral": true})),
            traced("report", "end 0", json!({"final": true})),
            traced("sweep", "end 0", json!({"final": true})),
        ],
        "constraints": [{"order": ["first", "flaky", "last"]}, {"order": ["report", "sweep"]}],
    })
}

/// A run of a process.
pub(crate) type Run = (String, u64);

/// What the commands of a task have written.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// `START`, `END` or `TWICE`, the run, its pid, and the exit code.
    pub(crate) lines: Vec<(String, Run, i32, Option<i32>)>,
}

impl Trace {
    /// Reads the trace in a sandbox.
    pub(crate) fn read(sandbox: &Path) -> Trace {
        let text = fs::read_to_string(sandbox.join("trace")).unwrap_or_default();
        let line = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let code = words.get(4).map(|code| code.parse().unwrap());
            let run = (words[1].to_owned(), words[2].parse().unwrap());
            (words[0].to_owned(), run, words[3].parse().unwrap(), code)
        };
        Trace { lines: text.lines().map(line).collect() }
    }

    /// Returns the pids of all starts of each run.
    pub(crate) fn starts(&self) -> BTreeMap<Run, Vec<i32>> {
        let mut starts: BTreeMap<Run, Vec<i32>> = BTreeMap::new();
        for (_, run, pid, _) in self.lines.iter().filter(|line| line.0 == "START") {
            starts.entry(run.clone()).or_default().push(*pid);
        }
        starts
    }

    /// Returns with which code a run has ended, if it has.
    pub(crate) fn end(&self, run: &Run) -> Option<i32> {
        self.lines.iter().find(|line| line.0 == "END" && line.1 == *run)?.3
    }

    /// Returns the place of the first line of this kind about a process, with this exit code if one is given.
    pub(crate) fn position(&self, kind: &str, process: &str, code: Option<i32>) -> Option<usize> {
        self.lines
            .iter()
            .position(|line| line.0 == kind && line.1.0 == process && (code.is_none() || line.3 == code))
    }
}
