//! The plain task: what a configuration becomes once it has passed every check, and all that a runner knows.
//!
//! Nothing here is a template any more but the command lines, whose `thermos.*` references the runner binds.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::template::{self, Component, Reference};

/// A checked task. Serializes as the task document that `thermos run --json` reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// What the task is called; task ids begin with it.
    pub name: String,
    /// In the order in which ready processes start. Names are unique.
    pub processes: Vec<Process>,
    /// Which processes wait for which.
    pub constraints: Vec<Constraint>,
    /// What the task needs of a machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Failed processes that fail the task; 0 is no limit.
    pub max_failures: u32,
    /// Processes that run at once; 0 is no limit.
    pub max_concurrency: u32,
    /// Seconds from the end of the ordinary processes to the end of the final ones.
    pub finalization_wait: u32,
    /// The user to run as; the runner's own if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// A checked process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Unique in its task, and a valid file name.
    pub name: String,
    /// What bash runs.
    pub cmdline: CommandLine,
    /// What the process needs of a machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Failed runs that fail the process; 0 is no limit.
    pub max_failures: u32,
    /// Whether it runs again after success.
    pub daemon: bool,
    /// Whether the task is complete without it.
    pub ephemeral: bool,
    /// Seconds from the end of a run to the start of the next.
    pub min_duration: u32,
    /// Whether it runs in the finalizing stage.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Where its output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<Logger>,
}

/// Names of processes each of which waits for the one before it to succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// At least one name.
    pub order: Vec<String>,
}

/// What a task or process needs of a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Cores.
    pub cpu: f64,
    /// Bytes of memory.
    pub ram: u64,
    /// Bytes of disk.
    pub disk: u64,
    /// Graphics processors.
    pub gpu: u64,
}

/// Where the output of a process goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logger {
    /// Files, the runner's own output, both, or neither.
    pub destination: LogDestination,
    /// Plain or rotated files.
    pub mode: LogMode,
    /// When rotated files are rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate: Option<RotatePolicy>,
}

impl Logger {
    /// Returns when its files are rotated; nothing if they are not, or if there are none.
    pub fn rotation(&self) -> Option<RotatePolicy> {
        let has_files = matches!(self.destination, LogDestination::File | LogDestination::Both);
        (has_files && self.mode == LogMode::Rotate).then(|| self.rotate.unwrap_or_default())
    }
}

/// Where output goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogDestination {
    /// The run's log folder.
    #[default]
    File,
    /// The runner's standard output and error.
    Console,
    /// Both of them.
    Both,
    /// Nowhere.
    None,
}

impl LogDestination {
    /// Says whether output goes to the runner's own.
    pub fn has_console(self) -> bool {
        matches!(self, LogDestination::Console | LogDestination::Both)
    }
}

/// How log files grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogMode {
    /// One file that grows.
    #[default]
    Standard,
    /// Files of bounded size.
    Rotate,
}

/// When rotated files are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotatePolicy {
    /// Bytes at which a file is closed.
    pub log_size: u64,
    /// Closed files that are kept.
    pub backups: u32,
}

impl Default for RotatePolicy {
    fn default() -> RotatePolicy {
        RotatePolicy { log_size: 100 * 1024 * 1024, backups: 5 }
    }
}

/// A command line in pieces: text that is final, and what only the runner knows.
///
/// Text that looks like a tag is text: it cannot be bound twice. Serializes as one string in which such text is escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CommandLine(pub Vec<Fragment>);

/// A piece of a command line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fragment {
    /// Goes to bash as it stands.
    Text(String),
    /// `{{thermos.task_id}}`
    TaskId,
    /// `{{thermos.user}}`
    User,
    /// `{{thermos.ports[name]}}`
    Port(String),
}

/// What a command line's references stand for in one run of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// The id of the task.
    pub task_id: &'a str,
    /// The effective user.
    pub user: &'a str,
    /// Numbers of named ports.
    pub ports: &'a [(String, u16)],
}

/// A command line refers to something that no runner binds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandLineError {
    /// Braces around something that is no reference.
    #[error(transparent)]
    InvalidReference(#[from] template::InvalidReference),
    /// A reference other than those under `thermos`.
    #[error("Uninterpolated variables: {0}")]
    Unbound(String),
}

impl CommandLine {
    /// Makes a command line of text in which nothing is a reference.
    pub fn text(text: impl Into<String>) -> CommandLine {
        let text = text.into();
        CommandLine(if text.is_empty() { Vec::new() } else { vec![Fragment::Text(text)] })
    }

    /// Reads a command line whose only references are those that the runner binds.
    pub fn parse(text: &str) -> Result<CommandLine, CommandLineError> {
        let fragments = template::resolve_nothing(text)?;
        CommandLine::from_fragments(&fragments)
    }

    /// Takes over the pieces of a resolved template.
    pub fn from_fragments(fragments: &[template::Fragment]) -> Result<CommandLine, CommandLineError> {
        let fragment = |fragment: &template::Fragment| match fragment {
            template::Fragment::Literal(text) => Ok(Fragment::Text(text.clone())),
            template::Fragment::Tag(tag) => {
                runtime_fragment(&tag.reference).ok_or_else(|| CommandLineError::Unbound(tag.to_string()))
            }
        };
        fragments.iter().map(fragment).collect::<Result<_, _>>().map(CommandLine)
    }

    /// Returns the pieces that are final.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|fragment| match fragment {
            Fragment::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Returns the names of the ports it needs, in order of occurrence.
    pub fn ports(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|fragment| match fragment {
            Fragment::Port(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Returns the text for bash; nothing if a port is not bound in `context`.
    pub fn bind(&self, context: &Context<'_>) -> Option<String> {
        let mut text = String::new();
        for fragment in &self.0 {
            match fragment {
                Fragment::Text(literal) => text.push_str(literal),
                Fragment::TaskId => text.push_str(context.task_id),
                Fragment::User => text.push_str(context.user),
                Fragment::Port(name) => {
                    text.push_str(&context.ports.iter().find(|(port, _)| port == name)?.1.to_string())
                }
            }
        }
        Some(text)
    }
}

/// Writes the command line as a template that [`CommandLine::parse`] reads back.
impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|fragment| match fragment {
            Fragment::Text(text) => f.write_str(&template::escape(text)),
            Fragment::TaskId => f.write_str("{{thermos.task_id}}"),
            Fragment::User => f.write_str("{{thermos.user}}"),
            Fragment::Port(name) => write!(f, "{{{{thermos.ports[{name}]}}}}"),
        })
    }
}

/// Says what a reference stands for if the runner binds it.
pub fn runtime_fragment(reference: &Reference) -> Option<Fragment> {
    let name = |component: &Component, expected: &str| matches!(component, Component::Dereference(n) if n == expected);
    match reference.components() {
        [thermos, field] if name(thermos, "thermos") && name(field, "task_id") => Some(Fragment::TaskId),
        [thermos, field] if name(thermos, "thermos") && name(field, "user") => Some(Fragment::User),
        [thermos, ports, Component::Index(port)] if name(thermos, "thermos") && name(ports, "ports") => {
            Some(Fragment::Port(port.clone()))
        }
        _ => None,
    }
}

impl Serialize for CommandLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<CommandLine, D::Error> {
        let text = String::deserialize(deserializer)?;
        match template::may_have_tags(&text) {
            true => CommandLine::parse(&text).map_err(de::Error::custom),
            false => Ok(CommandLine::text(text)),
        }
    }
}

impl Task {
    /// Returns the names of all ports that its command lines need, sorted.
    pub fn ports(&self) -> Vec<&str> {
        let ports = self.processes.iter().flat_map(|process| process.cmdline.ports());
        ports.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
}
