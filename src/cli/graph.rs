//! `thermos graph`: who waits for whom, in a configuration or in a run.

use clap::{Args, ValueEnum};

use super::arguments::ConfigArguments;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::{clock, configuration, tasks};
use crate::checkpoint::{TaskId, TaskPaths};
use crate::config;
use crate::runner::RunnerError;
use crate::view::graph::{self, Picture};

/// Show who waits for whom
///
/// Of a configuration: what it would run. Of a task that was run, by its id: how each process is, and the critical path,
/// which is the chain of processes that the whole had to wait for.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("file", |arg| arg.value_name("FILE|TASK_ID").help(FILE)))]
pub(crate) struct GraphArguments {
    /// How to draw it
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: GraphFormat,
    #[command(flatten)]
    config: ConfigArguments,
}

const FILE: &str = "A .thermos script, or a .json file (`-` with --json reads standard input); if there is none, the id of a task";

const EXAMPLES: &str = "Examples:
  thermos graph pi.thermos                        in the terminal
  thermos graph --format svg TASK_ID > run.svg    the picture of a run
  thermos graph --format dot pi.thermos | dot -Tpng > pi.png";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum GraphFormat {
    /// For a terminal
    #[default]
    Text,
    /// A picture for browsers
    Svg,
    /// For Graphviz
    Dot,
    /// For pages that draw Mermaid
    Mermaid,
}

impl GraphArguments {
    /// Prints the picture; of several exported tasks, one after the other.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let pictures = match self.of_run(context)? {
            Some(picture) => vec![picture],
            None => self.of_config(context)?,
        };
        let style = context.terminal.stdout.into();
        let draw = |picture: &Picture| match self.format {
            GraphFormat::Text => graph::text(picture, &style),
            GraphFormat::Svg => graph::svg(picture),
            GraphFormat::Dot => graph::dot(picture),
            GraphFormat::Mermaid => graph::mermaid(picture),
        };
        context.terminal.print(pictures.iter().map(draw).collect::<Vec<_>>().join("\n"))?;
        Ok(Exit::Success)
    }

    /// A file is meant before a task, so that a configuration is never hidden by a task of its name.
    fn of_run(&self, context: &Context) -> Result<Option<Picture>, Failure> {
        let id = self.config.file.to_str().and_then(|text| TaskId::new(text).ok());
        let Some(id) = id.filter(|_| !self.config.file.exists()) else { return Ok(None) };
        match context.root.find(&id)? {
            Some(paths) => draw_run(&paths).map(Some),
            // What is called like a file is missed as a file.
            None if self.config.file.extension().is_some() => Ok(None),
            None => Err(tasks::unknown(&context.root, &id)),
        }
    }

    fn of_config(&self, context: &Context) -> Result<Vec<Picture>, Failure> {
        let loaded = config::check(&configuration::request(&self.config)?)?;
        configuration::announce(context, &loaded);
        let draw = |task| graph::of_task(task).map_err(|error| RunnerError::from(error).into());
        loaded.tasks.iter().map(draw).collect()
    }
}

fn draw_run(paths: &TaskPaths) -> Result<Picture, Failure> {
    let (task, status) = tasks::read(paths)?;
    graph::of_run(&task, &status, clock::seconds()).map_err(|error| RunnerError::from(error).into())
}
