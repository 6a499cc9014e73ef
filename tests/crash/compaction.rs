//! The part of the matrix in which old runs are dropped: the runner dies at every point of a compaction.

use std::fs::{self, OpenOptions};
use std::io::Write;

use serde_json::{Value, json};

use super::failpoints::Point;
use super::life::Life;
use super::task::of_all_kinds;
use super::walk::walk;

/// More runs than are kept, by more than a compaction is worth while for.
const RUNS: u64 = 1150;

/// Those of them whose files and logs a compaction before this one has left.
const WITH_FILES: [u64; 4] = [3, 700, 1040, 1149];

/// Makes a task whose runner has died, and whose daemon `server` has run many times.
fn old() -> Life {
    let mut life = Life::new(&of_all_kinds("end 0"));
    life.call(life.run(), Some(&Point::new("runner", "fork.before", 1))).0.expect_code(-9);
    let stream = life.folder().join("runner");
    let mut stream = OpenOptions::new().append(true).open(stream).unwrap();
    for run in 0..RUNS {
        let records = records_of(run).map(|record| format!("{}\n", json!({ "process_status": record })));
        stream.write_all(records.concat().as_bytes()).unwrap();
        if WITH_FILES.contains(&run) {
            fs::write(life.paths().run("server", run), records[1..].concat()).unwrap();
            fs::create_dir_all(logs(&life, run)).unwrap();
        }
    }
    life
}

fn records_of(run: u64) -> [Value; 4] {
    let record = |step: u64, state: &str| json!({"seq": 4 * run + step, "process": "server", "run": run, "state": state});
    let mut records = [record(0, "WAITING"), record(1, "FORKED"), record(2, "RUNNING"), record(3, "SUCCESS")];
    records[1]["coordinator_pid"] = json!(1);
    records[3]["return_code"] = json!(0);
    records
}

fn logs(life: &Life, run: u64) -> std::path::PathBuf {
    life.paths().default_logs().join("server").join(run.to_string())
}

#[test]
fn a_runner_dies_at_every_point_of_a_compaction() {
    let mut life = old();
    let (output, plan) = life.call(life.resume(), None);
    output.expect_code(0);
    let takeover = plan.passed_until_taken_over().into_iter();
    let points: Vec<Point> = takeover.skip_while(|point| point.place != "compaction.before").collect();
    walk("while old runs are dropped", points, |point| {
        let mut life = old();
        life.call(life.resume(), Some(point)).0.expect_code(-9);
        life.call(life.resume(), Some(&Point::new("runner", "*", 1 + point.hash() % 60)));
        life.finish();
        // Of the dropped runs, what a death after the renaming has left goes with the next compaction, a thousand runs away.
        assert!(life.paths().run("server", RUNS - 1).exists(), "the file of a run that is kept is gone");
        life
    });
}
