//! Which state may follow which (RUNNER.md section 1). Of states that are not known, anything may be true.

use super::states::{ProcessState, TaskState};

/// The transitions of a run (RUNNER.md section 1).
pub(super) fn may_follow_run(from: Option<&ProcessState>, to: &ProcessState) -> bool {
    use ProcessState::{Failed, Forked, Killed, Lost, Other, Running, Success, Waiting};
    match (from, to) {
        (None, Waiting | Other(_)) => true,
        (None, _) => false,
        (Some(Other(_)), _) | (Some(Waiting | Forked | Running), Other(_)) => true,
        (Some(Waiting), Forked | Lost | Failed) => true,
        (Some(Forked), Running | Killed | Lost) => true,
        (Some(Running), Success | Failed | Killed | Lost) => true,
        _ => false,
    }
}

/// The transitions of a task; the same state again is a takeover, or a new decision on how to end.
pub(super) fn may_follow_task(from: Option<&TaskState>, to: &TaskState) -> bool {
    use TaskState::{Active, Cleaning, Finalizing, Other};
    match (from, to) {
        (None, Active | Other(_)) => true,
        (None, _) => false,
        (Some(Other(_)), _) => true,
        (Some(from), _) if from.is_terminal() => false,
        (Some(from), to) if from == to => true,
        (Some(_), Other(_)) => true,
        (Some(Active), Cleaning) | (Some(Cleaning), Finalizing) => true,
        (Some(_), to) => to.is_terminal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_ends_once_and_may_be_taken_over_before() {
        use TaskState::*;
        assert!(may_follow_task(Some(&Cleaning), &Cleaning) && may_follow_task(Some(&Active), &Lost));
        assert!(!may_follow_task(Some(&Killed), &Killed) && !may_follow_task(Some(&Finalizing), &Active));
        assert!(!may_follow_task(None, &Success));
    }
}
