//! The checkpoint: what a task has done, so that nothing is lost when anything dies.
//!
//! Records are lines of JSON in streams with one writer each; the state of a task is a fold over them through one
//! transition function, the same for status, tail, the observer, recovery and the runner (RUNNER.md section 3).
//!
//! - [`claim`]: how a coordinator, or the recovery that fences it, takes a run.
//! - [`compact`]: dropping old runs, so that nothing grows without bound.
//! - [`error`]: what can be wrong with a checkpoint.
//! - `fields`: reading the most frequent records fast.
//! - [`files`]: writing beside and renaming, syncing.
//! - [`find`]: the tasks under a root.
//! - `lines`: reading lines that are being written.
//! - [`load`]: from a task's streams to its state.
//! - [`lock`]: who may change a task.
//! - [`past`]: what is known of runs that were dropped.
//! - [`paths`]: where everything lies.
//! - [`record`]: what the lines say.
//! - [`removal`]: removing what a task has left.
//! - [`rerun`]: what a task has of an earlier one.
//! - [`request`]: what `kill` wants of a living runner.
//! - [`state`]: the fold.
//! - [`states`]: the words for states.
//! - [`status`]: what `status --format json` shows.
//! - [`stream`]: appending lines and reading them back.
//! - [`task_id`]: ids of tasks.
//! - `transitions`: which state may follow which.

pub mod claim;
pub mod compact;
pub mod error;
mod fields;
pub mod files;
pub mod find;
mod lines;
pub mod load;
pub mod lock;
pub mod past;
pub mod paths;
pub mod record;
pub mod removal;
pub mod request;
pub mod rerun;
pub mod state;
pub mod states;
pub mod status;
pub mod stream;
pub mod task_id;
mod transitions;

pub use error::CheckpointError;
pub use find::TaskEntry;
pub use lock::Ownership;
pub use past::{Past, ProcessSummary};
pub use paths::{Root, TaskPaths};
pub use record::{Header, ProcessState, ProcessStatus, Record, TaskState, TaskStatus};
pub use rerun::{CarriedRun, Rerun};
pub use state::{History, State};
pub use status::Status;
pub use task_id::TaskId;
