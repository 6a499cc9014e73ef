//! Reads where a test wants this process to die. Only in builds with the feature `failpoints`.

use std::env;

use crate::process::failpoint::armed;

/// Names the folder of a plan; see [`armed`].
const VARIABLE: &str = "THERMOS_FAILPOINTS";

/// Follows the plan that the environment names, if any.
pub(super) fn arm() {
    if let Some(folder) = env::var_os(VARIABLE) {
        armed::arm(folder.into());
    }
}
