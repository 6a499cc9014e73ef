//! The observer: pages and JSON about what happens under a root. Reads, never writes, and tells nothing to a terminal.
//!
//! - `address`: where a page is: names of any bytes in the path of a URL and back.
//! - `ansi`: output of commands as HTML.
//! - `answer`: what a request gets.
//! - `api`: the same facts as JSON.
//! - `beneath`: opening what is below a folder and nothing else.
//! - `disk`: how much a folder takes.
//! - `events`: telling browsers what has changed.
//! - `follow`: telling browsers what a log grows by.
//! - `guard`: who may ask, and what a browser is told to forbid.
//! - `index`: the tasks under the root, kept up to date by inotify.
//! - `log`: parts of files of any size, and search in them.
//! - `metrics`: for Prometheus.
//! - `pages`: what people read.
//! - `patient`: connections that do not wait for ever.
//! - `ranges`: parts of a file that are asked for.
//! - `server`: connections, their number, and who answers them.
//! - `sight`: a task, read for a page.
//! - `usage`: what living processes use.

mod address;
mod ansi;
mod answer;
mod api;
mod beneath;
mod disk;
mod events;
mod follow;
mod guard;
mod index;
mod log;
mod metrics;
mod pages;
mod patient;
mod ranges;
mod server;
mod sight;
mod usage;

use std::io;
use std::net::SocketAddr;

use jiff::tz::TimeZone;

use crate::checkpoint::Root;

pub use server::serve;

/// What is observed, and for whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the tasks are.
    pub root: Root,
    /// Where to listen; port 0 is a free one.
    pub listen: SocketAddr,
    /// What who asks has to know.
    pub token: Option<String>,
    /// Names by which the observer may be called, besides addresses, `localhost` and this machine's own.
    pub hosts: Vec<String>,
    /// In which times are written.
    pub zone: TimeZone,
}

/// The observer cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ObserverError {
    /// The address is not to be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The system refused something else.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}
