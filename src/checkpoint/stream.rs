//! Streams: lines of JSON, appended by one write, read back whole or up to a torn last line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};

use super::error::CheckpointError;
use super::files;
use super::lines::Lines;
use super::record::Record;
use crate::process::failpoint::failpoint;

/// A stream that this process alone writes.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    length: u64,
    durable: bool,
}

impl Writer {
    /// Opens a stream to append to, creating it if need be; `durable` syncs what is asked for.
    pub fn open(path: &Path, durable: bool) -> Result<Writer, CheckpointError> {
        let mut options = OpenOptions::new();
        let options = options.append(true).create(true).mode(0o600);
        let (file, metadata) = files::open_and_look("open", path, options, 0)?;
        Ok(Writer { length: metadata.len(), ..Writer::of_empty(file, path, durable) })
    }

    /// Takes over an open file that is empty.
    pub fn of_empty(file: File, path: &Path, durable: bool) -> Writer {
        Writer { file, path: path.to_owned(), length: 0, durable }
    }

    /// Goes on under another name, which the stream was given.
    pub(super) fn renamed(self, path: &Path) -> Writer {
        Writer { path: path.to_owned(), ..self }
    }

    /// Cuts off what follows the first `length` bytes, such as a torn last line of a stream that changed owners.
    pub fn truncate(&mut self, length: u64) -> Result<(), CheckpointError> {
        if length == self.length {
            return Ok(());
        }
        failpoint!("truncate.before");
        self.file.set_len(length).map_err(CheckpointError::io("truncate", &self.path))?;
        failpoint!("truncate.after");
        self.length = length;
        Ok(())
    }

    /// Makes sure that `bytes` more fit even if the disk fills up; a file system that cannot promise is trusted.
    pub fn reserve(&self, bytes: i64) -> Result<(), CheckpointError> {
        let offset = self.length as i64;
        match fallocate(&self.file, FallocateFlags::FALLOC_FL_KEEP_SIZE, offset, bytes) {
            Ok(()) | Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
            Err(error) => Err(CheckpointError::io("write", &self.path)(error.into())),
        }
    }

    /// Appends records by one write: after an error the stream is as before.
    pub fn append<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<(), CheckpointError> {
        let mut buffer = Vec::with_capacity(512);
        for record in records {
            let written = record.write_line(&mut buffer).map_err(io::Error::from);
            written.map_err(CheckpointError::io("write", &self.path))?;
        }
        self.append_bytes(&buffer)
    }

    /// Makes sure that what was appended survives a power failure, if the stream is durable.
    pub fn sync(&self) -> Result<(), CheckpointError> {
        if self.durable { self.sync_always() } else { Ok(()) }
    }

    /// Makes sure that what was appended survives a power failure.
    pub(super) fn sync_always(&self) -> Result<(), CheckpointError> {
        self.file.sync_data().map_err(CheckpointError::io("sync", &self.path))
    }

    pub(super) fn append_bytes(&mut self, buffer: &[u8]) -> Result<(), CheckpointError> {
        failpoint!("write.before");
        failpoint!("write.torn", self.file.write(&buffer[..buffer.len() / 2]));
        failpoint!("write.unended", self.file.write(&buffer[..buffer.len().saturating_sub(1)]));
        let written = loop {
            match self.file.write(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let error = match written {
            Ok(count) if count == buffer.len() => {
                failpoint!("write.after");
                self.length += count as u64;
                return Ok(());
            }
            // The rest of a short write would have met a full disk.
            Ok(_) => io::Error::from(io::ErrorKind::StorageFull),
            Err(error) => error,
        };
        self.file.set_len(self.length).map_err(CheckpointError::io("truncate", &self.path))?;
        Err(CheckpointError::io("write", &self.path)(error))
    }
}

/// What was read of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Bytes of its whole lines; what follows is torn.
    pub length: u64,
    /// Which file it was: a compacted stream is another file of the same name.
    pub file: Option<FileId>,
}

/// Device and inode.
pub type FileId = (u64, u64);

/// Returns which file has a name now.
pub fn file_id(path: &Path) -> Result<Option<FileId>, CheckpointError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => {
            found.map(|found| Some((found.dev(), found.ino()))).map_err(CheckpointError::io("read", path))
        }
    }
}

/// Reads all whole lines of a stream, each with its number.
///
/// A last line without its newline is ignored: its writer may be at work on it, or died in it. A stream that does not
/// exist is empty; any other line that is no record is an error.
pub fn read(
    path: &Path,
    mut take: impl FnMut(u64, Record) -> Result<(), CheckpointError>,
) -> Result<Extent, CheckpointError> {
    let (file, metadata) = match files::open_and_look("read", path, OpenOptions::new().read(true), 0) {
        Err(error) if error.is_not_found() => return Ok(Extent::default()),
        opened => opened?,
    };
    let file_id = Some((metadata.dev(), metadata.ino()));
    let (mut lines, mut number) = (Lines::of(file, metadata.len()), 0);
    let damaged = |line, reason| CheckpointError::Damaged { path: path.to_owned(), line, reason };
    loop {
        let next = lines.next().map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => damaged(number + 1, error.to_string()),
            _ => CheckpointError::io("read", path)(error),
        });
        let Some(line) = next? else { break };
        number += 1;
        let record = Record::parse(line).map_err(|error| damaged(number, wrong(&error)))?;
        take(number, record)?;
    }
    Ok(Extent { length: lines.length(), file: file_id })
}

/// Says what is wrong with a line; that it is the first one of itself would mislead.
fn wrong(error: &serde_json::Error) -> String {
    let text = error.to_string().replace(" at line 1 column ", " at column ");
    if error.is_data() { text } else { format!("it is no JSON: {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::lines::CHUNK;
    use crate::checkpoint::record::ProcessStatus;

    fn record(seq: u64) -> Record {
        Record::ProcessStatus(Box::new(ProcessStatus {
            seq,
            process: "p".into(),
            ..ProcessStatus::default()
        }))
    }

    fn count(path: &Path) -> Result<(u64, u64), CheckpointError> {
        let mut count = 0;
        let extent = read(path, |_, _| {
            count += 1;
            Ok(())
        })?;
        Ok((count, extent.length))
    }

    #[test]
    fn a_torn_last_line_is_ignored_and_cut_off_by_a_new_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runner");
        assert_eq!(count(&path).unwrap(), (0, 0));
        let mut writer = Writer::open(&path, true).unwrap();
        writer.append(&[record(0), record(1)]).unwrap();
        let whole = fs::metadata(&path).unwrap().len();
        writer.append_bytes(b"{\"process_status\":{\"seq\":2").unwrap();
        assert_eq!(count(&path).unwrap(), (2, whole));
        let mut writer = Writer::open(&path, false).unwrap();
        writer.truncate(whole).unwrap();
        writer.append(&[record(2)]).unwrap();
        assert_eq!(count(&path).unwrap().0, 3);
    }

    #[test]
    fn a_torn_line_that_a_new_owner_replaced_was_read_as_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runner");
        let mut writer = Writer::open(&path, false).unwrap();
        writer.append(&[record(0)]).unwrap();
        let whole = writer.length;
        writer.append_bytes(b"{\"task_status\":{\"state\":\"ACT").unwrap();
        let mut seen = Vec::new();
        read(&path, |_, record| {
            // By now the torn line has been read.
            if seen.is_empty() {
                writer.truncate(whole)?;
                writer.append(&[self::record(100), self::record(101)])?;
            }
            seen.push(record);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [record(0), record(100), record(101)]);
    }

    #[test]
    fn a_line_may_be_longer_than_any_buffer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runner");
        let mut long = ProcessStatus { reason: Some("x".repeat(5 * CHUNK)), ..ProcessStatus::default() };
        long.process = "p".into();
        let long = Record::ProcessStatus(Box::new(long));
        Writer::open(&path, false).unwrap().append(&[record(0), long.clone(), record(1)]).unwrap();
        let mut seen = Vec::new();
        read(&path, |_, record| {
            seen.push(record);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [record(0), long, record(1)]);
    }

    #[test]
    fn damage_names_its_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runner");
        let mut writer = Writer::open(&path, false).unwrap();
        writer.append(&[record(0)]).unwrap();
        writer.append_bytes(b"{\"process\0\n").unwrap();
        writer.append(&[record(1)]).unwrap();
        let message = count(&path).unwrap_err().to_string();
        let expected = format!("{}:2: damaged checkpoint: it is no JSON: ", path.display());
        assert!(message.starts_with(&expected) && message.contains(" at column "), "{message}");
    }

    #[test]
    fn a_full_disk_leaves_the_stream_as_it_was() {
        let path = Path::new("/dev/full");
        let file = OpenOptions::new().append(true).open(path).unwrap();
        let mut writer = Writer { file, path: path.to_owned(), length: 0, durable: false };
        assert!(writer.append(&[record(0)]).is_err());
    }
}
