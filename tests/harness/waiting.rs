//! Waiting for what others write to files, by events of the file system.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// How long anything is waited for; far more than a busy machine needs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Waits until `condition` holds, asking again whenever something happens to `path` or beside it.
///
/// Panics after [`LIMIT`]. The folders above `path` need not exist yet.
pub(crate) fn wait_until(path: &Path, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let folder = existing_folder(path);
        let events = watch(folder);
        // Whatever happened before the watch stood is seen by asking now.
        if condition() {
            return;
        }
        if existing_folder(path) == folder {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited {LIMIT:?} in vain for {}", path.display());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            poll(&mut [PollFd::new(events.as_fd(), PollFlags::POLLIN)], timeout).unwrap();
        }
    }
}

fn existing_folder(path: &Path) -> &Path {
    path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap()
}

fn watch(folder: &Path) -> Inotify {
    let events = Inotify::init(InitFlags::IN_CLOEXEC).unwrap();
    let what = AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_MODIFY
        | AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_MOVED_TO
        | AddWatchFlags::IN_MOVED_FROM
        | AddWatchFlags::IN_DELETE;
    events.add_watch(folder, what).unwrap();
    events
}

#[test]
fn a_file_in_a_folder_that_does_not_exist_yet_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/c");
    let writer = std::thread::spawn({
        let path = path.clone();
        move || {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "done").unwrap();
        }
    });
    wait_until(&path, || std::fs::read_to_string(&path).is_ok_and(|text| text == "done"));
    writer.join().unwrap();
}
