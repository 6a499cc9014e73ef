//! `thermos inspect`: shows the tasks of a configuration as typechecked.

use clap::Args;
use serde_json::Value as Json;

use super::arguments::{ConfigArguments, Format};
use super::configuration;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::config::{self, Document};

/// Show every exported task: defaults filled in, what it needs, what is still open
#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// How to show the tasks; JSON is what `run --json` reads
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    config: ConfigArguments,
}

impl InspectArguments {
    /// Shows the exported tasks; references may be open.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let loaded = config::inspect(&configuration::request(&self.config)?)?;
        configuration::announce(context, &loaded);
        let text = match self.format {
            Format::Text => loaded.tasks.iter().map(text).collect::<Vec<_>>().join("\n"),
            Format::Json => json(&loaded.tasks),
        };
        context.terminal.print(text)?;
        Ok(Exit::Success)
    }
}

fn text(document: &Document) -> String {
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let Document { name, text, ports, open, .. } = document;
    format!("task {name:?}\n{text}\nports: {}\nopen references: {}\n", list(ports), list(open))
}

/// One document, or a list if there are several: either is what `run --json` reads.
fn json(documents: &[Document]) -> String {
    let json = match documents {
        [document] => document.json.clone(),
        documents => documents.iter().map(|document| document.json.clone()).collect::<Json>(),
    };
    format!("{json:#}\n")
}
