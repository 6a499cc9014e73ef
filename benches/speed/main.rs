//! What thermos costs, side by side with what else does the same work in the same minute.
//!
//! `cargo bench --bench speed -- [--short] [FIGURE..]` prints a table and writes `target/bench.json`. All cases of a
//! figure take turns, so that a machine whose speed drifts is fair to all; what is printed are medians, and medians of
//! the ratios of each turn. Tools that are missing are left out with a word. `--short` is a look, with less work.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod case;
mod figures;
mod measure;
mod peers;
mod report;
mod work;

use std::error::Error;
use std::process::ExitCode;

use figures::Scale;
use report::Report;

/// Whatever keeps a figure from being taken.
type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let done = match arguments.split_first() {
        Some((role, rest)) if role == measure::ROLE => measure::serve(rest),
        Some((role, rest)) if role == peers::LOOP => peers::spawn_loop(rest),
        _ => bench(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(arguments: &[String]) -> Outcome<()> {
    let (options, wanted): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    let known: Vec<&str> = figures::ALL.iter().map(|(name, _)| *name).collect();
    let stranger = options.iter().find(|option| **option != "--short");
    let stranger = stranger.or_else(|| wanted.iter().find(|name| !known.contains(&name.as_str())));
    if let Some(stranger) = stranger {
        let known = known.join(", ");
        return Err(format!("'{stranger}' is neither --short nor a figure; these are: {known}").into());
    }
    let scale = Scale { is_short: !options.is_empty() };
    let mut report = Report::new()?;
    for (name, take) in figures::ALL {
        if wanted.is_empty() || wanted.iter().any(|wanted| *wanted == name) {
            report.begin(name);
            if let Err(error) = take(&scale, &mut report) {
                report.note(&format!("not taken: {error}"));
            }
            report.save()?;
        }
    }
    report.finish()
}
