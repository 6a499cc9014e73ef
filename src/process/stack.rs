//! How far the stack of the main thread may grow: the kernel looks at the limit when it grows, not when it begins.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Lets the stack grow to as many bytes, or as far as the hard limit allows; returns the limit before.
pub fn limit(bytes: u64) -> io::Result<u64> {
    let (before, highest) = getrlimit(Resource::RLIMIT_STACK)?;
    setrlimit(Resource::RLIMIT_STACK, bytes.min(highest), highest)?;
    Ok(before)
}
