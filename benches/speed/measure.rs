//! What one command costs, measured by a process of its own, whose only children are those of the command.

use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

use crate::Outcome;
use crate::work::MEMORY;

/// The argument that makes this program measure the command behind it.
pub(crate) const ROLE: &str = "--measure";

/// What a command and all that it waited for cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Seconds on the clock.
    pub(crate) clock: f64,
    /// Seconds of the processor.
    pub(crate) processor: f64,
    /// The most memory that one of its processes had, in MB.
    pub(crate) memory: f64,
}

/// Runs a command without output; fails if the command does.
pub(crate) fn measure(command: &Command) -> Outcome<Cost> {
    let mut call = Command::new(std::env::current_exe()?);
    call.arg(ROLE).arg(command.get_program()).args(command.get_args());
    // The same small environment for all: what is in it costs time in each program.
    call.env_clear().stdin(Stdio::null());
    for name in ["PATH", "HOME", "USER", "LOGNAME"] {
        call.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    call.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.get_current_dir().map(|folder| call.current_dir(folder));
    let output = call.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{:?} failed: {}", command.get_program(), said.trim()).into());
    }
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| answer[name].as_f64().ok_or("no measure");
    Ok(Cost { clock: number("clock")?, processor: number("processor")?, memory: number("memory")? })
}

/// Measures in this process, which was started for that.
pub(crate) fn serve(command: &[String]) -> Outcome<()> {
    let (program, arguments) = command.split_first().ok_or("no command to measure")?;
    // Into a file in memory: who reads a pipe meanwhile takes a processor from what is measured at each line.
    let mut said = tempfile::tempfile_in(MEMORY)?;
    let begin = Instant::now();
    let status =
        Command::new(program).args(arguments).stdout(Stdio::null()).stderr(said.try_clone()?).status()?;
    let clock = begin.elapsed().as_secs_f64();
    if !status.success() {
        let mut text = Vec::new();
        said.rewind()?;
        said.read_to_end(&mut text)?;
        return Err(String::from_utf8_lossy(&text).trim().to_owned().into());
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let processor = seconds(usage.user_time()) + seconds(usage.system_time());
    println!(
        "{}",
        json!({"clock": clock, "processor": processor, "memory": usage.max_rss() as f64 / 1024.0})
    );
    Ok(())
}

/// Returns the value that a part of the values does not exceed: 0.5 for the median.
pub(crate) fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}
