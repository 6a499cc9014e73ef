//! The `thermos` binary with failpoints; a target of its own, so that the ordinary binary stays as it is.

use std::process::ExitCode;

fn main() -> ExitCode {
    thermos::cli::main()
}
