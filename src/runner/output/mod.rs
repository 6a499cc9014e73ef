//! Output that the coordinator itself takes out of pipes: for files that are rotated, and for `both`.
//!
//! - `pipes`: waiting for signals while output is passed on.
//! - `stream`: one of the two outputs of a command, from its pipe to its log and the console.
//! - `log`: a log file, and what is said where some of it was lost.
//! - `rotate`: files of bounded size.
//! - `console`: the runner's own output, which others write to and somebody may not read.
//!
//! Nothing here fails: what cannot be written is counted and told, and the command goes on. Knows nothing of records.

mod console;
mod log;
mod loss;
mod pipes;
mod rotate;
mod stream;

pub(super) use pipes::Pipes;
pub(super) use rotate::remove_backups;
