//! The command line: one file a command. Only this layer prints or exits.
//!
//! A command is a struct of arguments with a `run` that takes the [`context::Context`] and gives an
//! [`exit::Exit`], or a [`failure::Failure`] whose diagnostics are drawn here and nowhere else.
//! Results go to standard output, everything else to standard error.

mod arguments;
mod check;
mod clock;
mod completions;
mod configuration;
mod context;
mod convert;
mod daemon;
mod ending;
mod exit;
#[cfg(feature = "failpoints")]
mod failpoints;
mod failure;
mod follow;
mod gc;
mod graph;
mod inspect;
mod kill;
mod launch;
mod live;
mod logs;
mod lose;
mod man;
mod observe;
mod patterns;
mod ports;
mod progress;
mod read;
mod rehearsal;
mod repl;
mod report;
mod rerun;
mod resume;
mod run;
mod schema;
mod simple_task;
mod simplerun;
mod status;
mod tail;
mod task_id;
mod tasks;
mod terminal;
mod timeline;
mod usage;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueHint};

use self::context::Context;
use self::exit::Exit;
use self::failure::Failure;
use self::terminal::{Color, Terminal};
use crate::diagnostics::Diagnostic;
use crate::runner::fork_server;

/// Runs a graph of processes on this machine and loses nothing when anything dies
#[derive(Debug, Parser)]
#[command(name = "thermos", version = VERSION, after_help = EXIT_CODES)]
#[command(arg_required_else_help = true)]
struct Thermos {
    #[command(flatten)]
    global: GlobalArguments,
    #[command(subcommand)]
    command: Command,
}

/// The version, with the commit that it was built from if that is known.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("THERMOS_COMMIT"));

const GLOBAL: &str = "Global options";

const EXIT_CODES: &str = "Exit codes: 0 success; 1 the task failed, or nothing was found; 2 wrong usage; \
    3 invalid configuration; 4 the task was killed; 5 it was lost; 6 anything else";

#[derive(Debug, clap::Args)]
struct GlobalArguments {
    /// Folder of checkpoints and logs [env: THERMOS_ROOT] [default: ~/.thermos]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "DIR", value_hint = ValueHint::DirPath)]
    root: Option<PathBuf>,
    /// When to use colour
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "WHEN", value_enum, default_value_t)]
    #[arg(env = "THERMOS_COLOR", hide_env_values = true)]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunCommandArguments),
    Simplerun(simplerun::SimplerunArguments),
    Check(check::CheckArguments),
    Inspect(inspect::InspectArguments),
    Status(status::StatusArguments),
    Tail(tail::TailArguments),
    Graph(graph::GraphArguments),
    Timeline(timeline::TimelineArguments),
    Read(read::ReadArguments),
    Gc(gc::GcArguments),
    Kill(kill::KillArguments),
    Lose(lose::LoseArguments),
    Resume(resume::ResumeArguments),
    Rerun(rerun::RerunArguments),
    Observe(observe::ObserveArguments),
    Repl(repl::ReplArguments),
    Convert(convert::ConvertArguments),
    Schema(schema::SchemaArguments),
    Completions(completions::CompletionsArguments),
    Man(man::ManArguments),
}

impl Command {
    fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Command::Run(arguments) => arguments.run(context),
            Command::Simplerun(arguments) => arguments.run(context),
            Command::Check(arguments) => arguments.run(context),
            Command::Inspect(arguments) => arguments.run(context),
            Command::Status(arguments) => arguments.run(context),
            Command::Tail(arguments) => arguments.run(context),
            Command::Graph(arguments) => arguments.run(context),
            Command::Timeline(arguments) => arguments.run(context),
            Command::Read(arguments) => arguments.run(context),
            Command::Gc(arguments) => arguments.run(context),
            Command::Kill(arguments) => arguments.run(context),
            Command::Lose(arguments) => arguments.run(context),
            Command::Resume(arguments) => arguments.run(context),
            Command::Rerun(arguments) => arguments.run(context),
            Command::Observe(arguments) => arguments.run(context),
            Command::Repl(arguments) => arguments.run(context),
            Command::Convert(arguments) => arguments.run(context),
            Command::Schema(arguments) => arguments.run(context),
            Command::Completions(arguments) => arguments.run(context),
            Command::Man(arguments) => arguments.run(context),
        }
    }
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    failpoints::arm();
    if completions::answer() {
        return Exit::Success.into();
    }
    if std::env::args_os().nth(1).is_some_and(|role| role == fork_server::ROLE) {
        return serve_forks();
    }
    let arguments = match Thermos::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return stop_at_usage(&error).into(),
    };
    let terminal = Terminal::new(arguments.global.color);
    let outcome = Context::new(arguments.global.root.as_deref(), terminal)
        .and_then(|context| arguments.command.run(&context));
    outcome.unwrap_or_else(|failure| tell(&failure, terminal)).into()
}

/// What a runner starts to have its coordinators forked.
fn serve_forks() -> ExitCode {
    match fork_server::serve() {
        Ok(()) => Exit::Success.into(),
        Err(error) => {
            let message = format!("{} is what a runner starts, no command: {error}", fork_server::ROLE);
            let diagnostic =
                Diagnostic::error("usage", message).with_help("`thermos --help` lists the commands");
            tell(&Failure::new(Exit::Usage, diagnostic), Terminal::new(Color::Auto)).into()
        }
    }
}

/// Draws why a command ended, and returns the exit code.
fn tell(failure: &Failure, terminal: Terminal) -> Exit {
    let (shown, more) = failure.diagnostics.split_at(failure.diagnostics.len().min(MOST_SHOWN));
    terminal.say(report::draw(shown, terminal.stderr));
    if !more.is_empty() {
        terminal.say(format!("\n  and {} more; `thermos check --format json` lists all\n", more.len()));
    }
    failure.exit
}

/// Diagnostics that are drawn at once: nobody reads more before mending the first.
const MOST_SHOWN: usize = 25;

/// Shows help or the version if that was asked for, otherwise what is wrong with the arguments.
fn stop_at_usage(error: &clap::Error) -> Exit {
    let terminal = Terminal::new(Color::Auto);
    if usage::is_answer(error) {
        let answer = error.render().to_string();
        return terminal.print(answer).map_or_else(|failure| tell(&failure, terminal), |()| Exit::Success);
    }
    if usage::is_missing_command(error) {
        terminal.say(error.render().to_string());
        return Exit::Usage;
    }
    tell(&Failure::new(Exit::Usage, usage::diagnostic(error)), terminal)
}
