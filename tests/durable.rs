//! `--durable`: what is recorded is on the disk before anything follows from it.

use std::path::Path;

use serde_json::json;

use crate::harness::{Deed, Thermos, trace};

fn task(thermos: &Thermos) {
    let process = |name: &str, command: &str| json!({"name": name, "cmdline": command, "min_duration": 0});
    let mut last = process("last", "true");
    last["final"] = json!(true);
    let task = json!({"name": "t", "processes": [process("p", "true"), process("q", "exit 1"), last]});
    thermos.write("task.json", task.to_string());
}

/// Returns what each process did, one after the other, to files below the root other than logs.
fn deeds(thermos: &Thermos, arguments: &[&str]) -> Option<Vec<Vec<Deed>>> {
    let all = trace(thermos, arguments)?;
    let (root, logs) = (thermos.root(), thermos.root().join("logs"));
    let ours = |path: &Path| path.starts_with(&root) && !path.starts_with(&logs);
    let counts = |deed: &Deed| match deed {
        Deed::Wrote(path) | Deed::MadeFolder(path) | Deed::Removed(path) | Deed::Renamed(_, path) => {
            ours(path)
        }
        Deed::Synced(_) | Deed::Forked => true,
    };
    let mut pids: Vec<u32> = all.iter().map(|(pid, _)| *pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let of = |pid: u32| {
        all.iter().filter(|(by, deed)| *by == pid && counts(deed)).map(|(_, deed)| deed.clone()).collect()
    };
    Some(pids.into_iter().map(of).collect())
}

/// Says what has to be synced after a deed.
fn debt(deed: &Deed) -> Option<&Path> {
    match deed {
        Deed::Wrote(path) => Some(path),
        Deed::MadeFolder(path) | Deed::Renamed(_, path) => path.parent(),
        _ => None,
    }
}

#[test]
fn nothing_starts_or_gets_its_name_before_its_record_is_on_the_disk() {
    let thermos = Thermos::new();
    task(&thermos);
    let Some(all) = deeds(&thermos, &["run", "--durable", "--json", "--task-id", "id", "task.json"]) else {
        return;
    };
    let (mut forks, mut renames) = (0, 0);
    for deeds in all {
        let mut debts: Vec<&Path> = Vec::new();
        for deed in &deeds {
            match deed {
                Deed::Synced(path) => debts.retain(|debt| debt != path),
                Deed::Forked | Deed::Renamed(..) => {
                    assert!(debts.is_empty(), "{deed:?} before {debts:?} is on the disk:\n{deeds:#?}");
                    forks += u32::from(*deed == Deed::Forked);
                    renames += u32::from(*deed != Deed::Forked);
                }
                _ => {}
            }
            debts.extend(debt(deed));
        }
        assert!(debts.is_empty(), "a process has ended before {debts:?} is on the disk:\n{deeds:#?}");
    }
    // One for the configuration; for each of three runs a coordinator and a command; the task's file, and three claims.
    assert_eq!((forks, renames), (7, 5));
}

#[test]
fn without_it_nothing_waits_for_the_disk() {
    let thermos = Thermos::new();
    task(&thermos);
    let Some(all) = deeds(&thermos, &["run", "--json", "--task-id", "id", "task.json"]) else { return };
    assert!(all.concat().iter().all(|deed| !matches!(deed, Deed::Synced(_))), "{all:#?}");
}
