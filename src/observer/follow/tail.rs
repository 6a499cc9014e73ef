//! The end of a log: what it grew by since it was read last, as events.

use std::fs::File;
use std::io;

use serde_json::json;

use super::{Log, Place, inode};
use crate::observer::ansi::html;
use crate::observer::events::event;
use crate::observer::log::{self, Window};
use crate::process::changes::Changes;

/// The most of a log that is sent at once, and by how much a reader may fall behind before a part is left out.
const MOST_SENT: usize = 1 << 20;
const MOST_BEHIND: u64 = 4 << 20;

/// The end of a log.
pub(super) struct Tail {
    log: Log,
    place: Place,
    changes: Option<Changes<()>>,
    /// What was read last.
    file: Option<File>,
    /// What was sent of a line that has no end yet.
    open: String,
    /// Whether there was more than is sent at once.
    pub(super) is_behind: bool,
}

impl Tail {
    /// Has read nothing yet.
    pub(super) fn new(log: Log, place: Place, changes: Option<Changes<()>>) -> Tail {
        Tail { log, place, changes, file: None, open: String::new(), is_behind: false }
    }

    /// Reads what is new, as events.
    pub(super) fn read(&mut self) -> String {
        if let Some(changes) = &mut self.changes {
            // What has changed does not matter: the log is looked at.
            let _ = changes.take();
        }
        let Ok(found) = self.log.open() else { return String::new() };
        let mut text = String::new();
        if self.file.is_none() {
            if inode(&found) != self.place.inode {
                self.restart(&found, &mut text);
            }
            self.file = found.try_clone().ok();
        }
        self.is_behind = false;
        while let Some(file) = self.file.take() {
            if text.len() >= MOST_SENT {
                (self.file, self.is_behind) = (Some(file), true);
                break;
            }
            let more = self.read_part(&file, &mut text).unwrap_or(false);
            let is_rotated = !more && inode(&found) != self.place.inode;
            if is_rotated {
                self.go_on_with(&found, &mut text);
                self.file = found.try_clone().ok();
                continue;
            }
            self.file = Some(file);
            if !more {
                break;
            }
        }
        text
    }

    /// Reads a part of a file; says whether there is more.
    fn read_part(&mut self, file: &File, text: &mut String) -> io::Result<bool> {
        let size = file.metadata()?.len();
        if size < self.place.offset {
            self.restart(file, text);
        }
        if size - self.place.offset > MOST_BEHIND {
            let skipped = size - self.place.offset - log::WINDOW;
            *text += &event("skip", &json!({ "bytes": skipped }));
            self.place.offset += skipped;
        }
        let window = Window::at(file, self.place.offset)?;
        let (lines, open) = window.bytes.split_at(window.lines());
        let lines = html(lines, &mut self.place.look);
        let open = html(open, &mut self.place.look.clone());
        self.place.offset += window.lines() as u64;
        if !lines.is_empty() || open != self.open {
            let data = json!({"html": lines, "open": open});
            *text += &format!("id: {}\n{}", self.place, event("text", &data));
        }
        self.open = open;
        Ok(window.end < window.size)
    }

    /// Goes on with the next file of a log; a line that had no end has one now.
    fn go_on_with(&mut self, file: &File, text: &mut String) {
        let look = std::mem::take(&mut self.place.look);
        self.place = Place { inode: inode(file), offset: 0, look };
        let open = std::mem::take(&mut self.open);
        if !open.is_empty() {
            let data = json!({"html": open, "open": ""});
            *text += &format!("id: {}\n{}", self.place, event("text", &data));
        }
    }

    /// Goes back to the beginning, and lets the page forget what it has.
    fn restart(&mut self, file: &File, text: &mut String) {
        self.place = Place { inode: inode(file), ..Place::default() };
        *text += &event("restart", &json!({}));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn tail(folder: &std::path::Path) -> Tail {
        let parts = [b"p".to_vec(), b"0".to_vec(), b"stdout".to_vec()];
        let log = Log { folder: folder.to_owned(), parts, owner: None };
        let place = Place { inode: inode(&log.open().unwrap()), ..Place::default() };
        Tail::new(log, place, None)
    }

    #[test]
    fn a_log_is_followed_through_rotation_and_truncation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p/0/stdout");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "one\nop").unwrap();
        let mut tail = tail(folder.path());
        assert!(tail.read().contains(r#"{"html":"one\n","open":"op"}"#));
        assert_eq!(tail.read(), "");
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"en\n").unwrap();
        fs::rename(&path, path.with_extension("1")).unwrap();
        fs::write(&path, "next\n").unwrap();
        let news = tail.read();
        assert!(
            news.contains(r#"{"html":"open\n","open":""}"#) && news.contains(r#"{"html":"next\n""#),
            "{news}"
        );
        fs::write(&path, "x\n").unwrap();
        let news = tail.read();
        assert!(news.starts_with("event: restart") && news.contains(r#"{"html":"x\n""#), "{news}");
        fs::remove_file(&path).unwrap();
        assert_eq!(tail.read(), "");
    }

    #[test]
    fn what_is_much_is_sent_in_turns_and_a_line_without_an_end_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p/0/stdout");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "line\n".repeat(3 << 17) + "no end").unwrap();
        let mut tail = tail(folder.path());
        let (mut news, mut turns) = (String::new(), 0);
        while turns == 0 || tail.is_behind {
            news += &tail.read();
            turns += 1;
        }
        assert!(turns > 1 && news.matches("line").count() == 3 << 17 && news.contains(r#""open":"no end""#));
        fs::rename(&path, path.with_extension("1")).unwrap();
        fs::write(&path, "next\n").unwrap();
        assert!(tail.read().contains(r#"{"html":"no end","open":""}"#));
    }

    #[test]
    fn a_reader_that_falls_behind_is_told_what_it_misses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p/0/stdout");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "line\n".repeat(2 << 20)).unwrap();
        let news = tail(folder.path()).read();
        assert!(news.starts_with("event: skip\ndata: {\"bytes\":10354688}"), "{}", &news[..80]);
    }
}
