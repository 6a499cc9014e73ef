//! `thermos schema`: the JSON Schema of a task document.

use clap::Args;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::schema::json_schema;

/// Print the JSON Schema of what `run --json` reads
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SchemaArguments {}

const EXAMPLES: &str = "Examples:
  thermos schema > task.schema.json";

impl SchemaArguments {
    /// Prints the schema.
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        context.terminal.print(format!("{:#}\n", json_schema()))?;
        Ok(Exit::Success)
    }
}
