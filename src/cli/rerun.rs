//! `thermos rerun`: a new task made of one that has ended, with what succeeded carried over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::arguments::{
    Assignment, ConfigArguments, Format, LimitArguments, PortArgument, PortArguments, RunArguments,
    assignment,
};
use super::context::{Context, absolute};
use super::exit::Exit;
use super::failure::Failure;
use super::report::visible;
use super::{completions, configuration, launch, ports, rehearsal, run, tasks};
use crate::checkpoint::{Rerun, TaskId, TaskState};
use crate::config;
use crate::diagnostics::{Diagnostic, did_you_mean_help};
use crate::plan::{self, ProcessId};
use crate::runner::{self, Earlier, Options, RunnerError};
use crate::schema::changes::changes;
use crate::schema::{Process, Task};

/// Run a task that has ended once more, without what succeeded
///
/// A new task is made, with an id of its own. Processes that succeeded in the old one are carried over: they count as
/// done and do not run, unless they wait for one that does. Final processes and daemons always run again. User, sandbox,
/// ports and limits are those of the old task unless flags name others; logs go to a new folder. In another sandbox nothing of
/// what it has made is there: all runs again.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("sandbox", |arg| arg.help("Where processes run [default: where the earlier task ran]")))]
#[command(mut_arg("progress", |arg| arg.hide_env_values(true)))]
pub(crate) struct RerunArguments {
    /// Run all that has not succeeded; this is what happens anyway
    #[arg(long, conflicts_with = "from")]
    failed: bool,
    /// Run this process and all that waits for it, though they succeeded; may be repeated
    #[arg(long, value_name = "PROCESS", add = completions::processes())]
    from: Vec<String>,
    /// Run the task as this file has it now, and tell what is different; what was changed runs again
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Bind a parameter or reference of the --config file; may be repeated
    #[arg(short = 'E', value_name = "NAME=VALUE", value_parser = assignment, requires = "config")]
    bindings: Vec<Assignment>,
    /// The task to take when the --config file exports several
    #[arg(long, value_name = "NAME", requires = "config")]
    task: Option<String>,
    /// Read the --config file as JSON, whatever its name ends with
    #[arg(long, requires = "config")]
    json: bool,
    /// Allow includes from this folder besides that of the --config file
    #[arg(long, value_name = "DIR", requires = "config")]
    include_root: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    ports: PortArguments,
    #[command(flatten)]
    run: RunArguments,
    /// Show in which order processes would start, and start none
    #[arg(long, conflicts_with = "daemon")]
    dry_run: bool,
    /// How to show that
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, requires = "dry_run")]
    format: Format,
    /// The id of the task that has ended
    #[arg(value_name = "TASK_ID", value_parser = tasks::parse_id, add = completions::task_ids())]
    earlier: TaskId,
}

const EXAMPLES: &str = "Examples:
  thermos rerun TASK_ID                               what failed, and what waits for it
  thermos rerun TASK_ID --from build                  build and what waits for it
  thermos rerun TASK_ID --config build.thermos        the same with what was mended in the file
  thermos rerun TASK_ID --from build --dry-run        what that would start";

impl RerunArguments {
    /// Runs the new task to its end, or sees it off into the background.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        runner::keep_early_wishes()?;
        tasks::find(context, &self.earlier)?;
        // Before this process may become another user, who may not be allowed to read the file.
        let edited = self.config.as_ref().map(|file| self.evaluate(file, context)).transpose()?;
        let (earlier, caller) = runner::earlier(&context.root, &self.earlier, &launch::caller())?;
        let task = edited.as_ref().unwrap_or(&earlier.task);
        self.refuse_unknown(task)?;
        let rerun = self.carry_over(task, &earlier)?;
        self.refuse_nothing(task, &earlier, &rerun)?;
        if let Some(edited) = &edited {
            self.tell_changes(&earlier.task, edited, context);
        }
        tell_carried(&rerun, self.other_files(&earlier).as_deref(), context);
        let options = self.options(task, &earlier, rerun, context)?;
        ports::warn_of_idle(task, &self.ports, context);
        match self.dry_run {
            true => rehearsal::show(task, &options, self.format, context),
            false => launch::run_for(task, &options, &self.run, &caller, context),
        }
    }

    fn evaluate(&self, file: &Path, context: &Context) -> Result<Task, Failure> {
        let arguments = ConfigArguments {
            bindings: self.bindings.clone(),
            task: self.task.clone(),
            json: self.json,
            include_root: self.include_root.clone(),
            limits: self.limits.clone(),
            file: file.to_owned(),
        };
        let loaded = config::check(&configuration::request(&arguments)?)?;
        configuration::announce(context, &loaded);
        run::only(loaded.tasks)
    }

    fn refuse_unknown(&self, task: &Task) -> Result<(), Failure> {
        let names = || task.processes.iter().map(|process| process.name.as_str());
        let Some(unknown) = self.from.iter().find(|from| !names().any(|name| name == from.as_str())) else {
            return Ok(());
        };
        let help = did_you_mean_help(unknown, names())
            .unwrap_or_else(|| format!("`thermos graph {}` shows all of them", self.earlier));
        let message = format!("task {} has no process `{}`", self.earlier, visible(unknown));
        Err(Failure::new(Exit::Failed, Diagnostic::error("unknown_process", message).with_help(help)))
    }

    /// Finds what need not run again.
    fn carry_over(&self, task: &Task, earlier: &Earlier) -> Result<Rerun, Failure> {
        let is_same = |process: &Process| earlier.task.processes.iter().any(|other| other == process);
        let has_files = self.other_files(earlier).is_none();
        let may_stay = |process: &Process| {
            has_files
                && !self.from.contains(&process.name)
                && is_same(process)
                && earlier.success(&process.name).is_some()
        };
        let carried = plan::carry_over(task, may_stay).map_err(RunnerError::from)?;
        let run = |ProcessId(place): ProcessId| {
            let name = &task.processes[place as usize].name;
            earlier.success(name).map(|run| (name.clone(), run))
        };
        Ok(Rerun {
            task_id: self.earlier.clone(),
            carried_over: carried.into_iter().filter_map(run).collect(),
            extra: serde_json::Map::new(),
        })
    }

    /// Says why this run does not find the files that the earlier one has made, if it does not.
    fn other_files(&self, earlier: &Earlier) -> Option<String> {
        let header = &earlier.header;
        let real = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let sandbox = self.run.sandbox.as_deref().and_then(|sandbox| absolute(sandbox).ok());
        match sandbox {
            Some(sandbox) if real(&sandbox) != real(&header.sandbox) => {
                Some(format!("it ran in {}", header.sandbox.display()))
            }
            _ if self.run.chroot && !header.chroot => Some("it ran without --chroot".to_owned()),
            _ => None,
        }
    }

    /// A task that succeeded has nothing to run again unless something is named or was changed.
    fn refuse_nothing(&self, task: &Task, earlier: &Earlier, rerun: &Rerun) -> Result<(), Failure> {
        let is_done = |process: &Process| process.is_final || rerun.carried_over.contains_key(&process.name);
        if !self.from.is_empty()
            || earlier.outcome != TaskState::Success
            || *task != earlier.task
            || !task.processes.iter().all(is_done)
        {
            return Ok(());
        }
        let message = format!("task {} has succeeded, nothing of it is left to run", self.earlier);
        let help =
            "--from PROCESS runs a process and all that waits for it again; `thermos run` runs everything";
        Err(Failure::new(Exit::Other, Diagnostic::error("nothing_to_rerun", message).with_help(help)))
    }

    fn tell_changes(&self, before: &Task, after: &Task, context: &Context) {
        let found = changes(before, after);
        let file = self.config.as_deref().unwrap_or(Path::new("-")).display();
        let what = if found.is_empty() { "nothing is different" } else { "this is different" };
        context.terminal.say(format!(" INFO] In {file} {what}\n"));
        for change in found {
            context.terminal.say(format!(" INFO]   {}\n", visible(&change.to_string()).replace('\n', "\\n")));
        }
    }

    /// As the old task was launched, but for what flags say.
    fn options(
        &self,
        task: &Task,
        earlier: &Earlier,
        rerun: Rerun,
        context: &Context,
    ) -> Result<Options, Failure> {
        let header = &earlier.header;
        let named: BTreeSet<&str> = self.ports.ports.iter().map(|port| port.name.as_str()).collect();
        let kept = header.ports.iter().filter(|(name, _)| !named.contains(name.as_str()));
        let kept = kept.map(|(name, number)| PortArgument { name: name.clone(), number: Some(*number) });
        let ports = PortArguments { ports: kept.chain(self.ports.ports.iter().cloned()).collect() };
        let arguments = RunArguments {
            sandbox: Some(self.run.sandbox.clone().unwrap_or_else(|| header.sandbox.clone())),
            jobs: self.run.jobs.or(header.concurrency),
            user: self.run.user.clone().or_else(|| self.same_user(task, earlier)),
            chroot: self.run.chroot || header.chroot,
            preserve_env: self.run.preserve_env || header.preserve_env,
            enforce: self.run.enforce || header.enforce,
            durable: self.run.durable || header.durable,
            ..self.run.clone()
        };
        Ok(Options { rerun: Some(rerun), ..launch::options(task, &arguments, &ports, context)? })
    }

    /// The user that the file names counts if it names another than before.
    fn same_user(&self, task: &Task, earlier: &Earlier) -> Option<String> {
        (task.user == earlier.task.user).then(|| earlier.header.user.clone())
    }
}

fn tell_carried(rerun: &Rerun, why_nothing: Option<&str>, context: &Context) {
    let names: Vec<&str> = rerun.carried_over.keys().map(String::as_str).collect();
    let (shown, more) = names.split_at(names.len().min(8));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    let text = match shown {
        [] => {
            let why = why_nothing.map(|why| format!(": {why}")).unwrap_or_default();
            format!("Nothing is carried over from task {}{why}", rerun.task_id)
        }
        shown => format!("Carried over from task {}: {}{more}", rerun.task_id, shown.join(", ")),
    };
    context.terminal.say(format!(" INFO] {}\n", visible(&text).replace('\n', "\u{fffd}")));
}
