//! `thermos man`: the manual pages, made from the same arguments that are parsed.

mod page;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, ValueHint};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::{Thermos, VERSION};
use crate::diagnostics::{Diagnostic, did_you_mean_help};

/// Print the manual page of thermos or of one of its commands
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArguments {
    /// Write all pages into this folder instead, as thermos.1, thermos-run.1 and so on
    #[arg(long, value_name = "DIR", conflicts_with = "command", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
    /// The command; without one, the page of thermos itself
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

const EXAMPLES: &str = "Examples:
  thermos man run | man -l -
  thermos man --dir ~/.local/share/man/man1";

impl ManArguments {
    /// Prints a page, or writes all of them.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let pages = pages();
        match (&self.dir, &self.command) {
            (Some(folder), _) => {
                write(&pages, folder)
                    .map_err(|error| Failure::file("cannot write pages into", folder, &error))?;
            }
            (None, name) => {
                let wanted = name.as_ref().map_or("thermos".to_owned(), |name| format!("thermos-{name}"));
                let page = pages.iter().find(|page| page.get_name() == wanted);
                let page = page.ok_or_else(|| unknown(name.as_deref().unwrap_or_default(), &pages))?;
                context.terminal.print(page::render(page))?;
            }
        }
        Ok(Exit::Success)
    }
}

/// Returns what has a page: `thermos`, then each command under the name of its page.
fn pages() -> Vec<clap::Command> {
    let mut thermos = Thermos::command().disable_help_subcommand(true).subcommand_help_heading("COMMANDS");
    thermos.build();
    let commands = thermos.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let page = |command: clap::Command| {
        let (name, called) =
            (format!("thermos-{}", command.get_name()), format!("thermos {}", command.get_name()));
        command.version(VERSION).display_name(name.clone()).name(name).bin_name(called)
    };
    let commands: Vec<clap::Command> = commands.map(page).collect();
    std::iter::once(thermos).chain(commands).collect()
}

/// Writes each page beside its place, then moves it there.
fn write(pages: &[clap::Command], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for page in pages {
        let path = folder.join(format!("{}.1", page.get_name()));
        let beside = folder.join(format!(".{}.1.{}", page.get_name(), std::process::id()));
        let written = fs::write(&beside, page::render(page)).and_then(|()| fs::rename(&beside, &path));
        written.inspect_err(|_| {
            let _ = fs::remove_file(&beside);
        })?;
    }
    Ok(())
}

fn unknown(name: &str, pages: &[clap::Command]) -> Failure {
    let names = pages.iter().filter_map(|page| page.get_name().strip_prefix("thermos-"));
    let diagnostic = Diagnostic::error("usage", format!("there is no command '{name}'"))
        .with_help("`thermos --help` lists all commands")
        .with_optional_help(did_you_mean_help(name, names));
    Failure::new(Exit::Usage, diagnostic)
}
