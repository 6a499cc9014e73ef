//! `thermos inspect`: shows the tasks of a configuration as typechecked.

use clap::Args;
use serde_json::Value as Json;

use super::arguments::{ConfigArguments, Format};
use super::configuration;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::config::{self, Document, Parameter};

/// Show every exported task: defaults filled in, what it needs, what is still open
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InspectArguments {
    /// How to show the tasks; JSON is what `run --json` reads
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    /// Show what the script asks for with `param`, and so what -E may set in it, instead of the tasks
    #[arg(long)]
    params: bool,
    #[command(flatten)]
    config: ConfigArguments,
}

const EXAMPLES: &str = "Examples:
  thermos inspect pi.thermos
  thermos inspect --params pi.thermos             what -E may set
  thermos inspect --format json pi.thermos > pi.json";

impl InspectArguments {
    /// Shows the exported tasks; references may be open.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let loaded = config::inspect(&configuration::request(&self.config)?)?;
        configuration::announce(context, &loaded);
        let text = match (self.format, self.params) {
            (Format::Text, false) => loaded.tasks.iter().map(text).collect::<Vec<_>>().join("\n"),
            (Format::Json, false) => json(&loaded.tasks),
            (Format::Text, true) => loaded.parameters.iter().map(parameter).collect(),
            (Format::Json, true) => format!("{:#}\n", serde_json::json!(loaded.parameters)),
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

fn parameter(parameter: &Parameter) -> String {
    let Parameter { name, kind, default, value, place } = parameter;
    let set = if value == default { String::new() } else { format!(", here {value}") };
    let place = place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
    format!("{name}: {kind}, {default} by default{set}{place}\n")
}

/// One document, or a list if there are several: either is what `run --json` reads.
fn json(documents: &[Document]) -> String {
    let json = match documents {
        [document] => document.json.clone(),
        documents => documents.iter().map(|document| document.json.clone()).collect::<Json>(),
    };
    format!("{json:#}\n")
}
