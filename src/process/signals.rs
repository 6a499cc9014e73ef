//! Signal dispositions and masks.

use std::io;

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Gives signals their default action.
pub fn reset_to_default(signals: &[libc::c_int]) -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for &signal in signals {
        // SAFETY: the default action runs no code of ours.
        unsafe { sigaction(Signal::try_from(signal)?, &default) }?;
    }
    Ok(())
}
