//! The `thermos` binary: everything is in the library, the command line in [`thermos::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    thermos::cli::main()
}
