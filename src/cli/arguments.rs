//! Arguments that several commands share: the configuration, ports, and how a task is to be run.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::live::ShowArguments;
use super::usage::Malformed;
use super::{completions, tasks};
use crate::checkpoint::TaskId;
use crate::config::Limits;
use crate::schema::task::runtime_fragment;
use crate::template::Reference;

/// Where a configuration comes from and what is bound in it.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigArguments {
    /// Bind a parameter or reference of the configuration; may be repeated
    #[arg(short = 'E', value_name = "NAME=VALUE", value_parser = assignment)]
    pub(crate) bindings: Vec<Assignment>,
    /// The task to take when the file exports several
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// Read FILE as JSON, whatever its name ends with
    #[arg(long)]
    pub(crate) json: bool,
    /// Allow includes from this folder besides that of FILE
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) include_root: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    /// A .thermos script, or a .json file; `-` with --json reads standard input
    #[arg(value_name = "FILE", add = completions::sources())]
    pub(crate) file: PathBuf,
}

/// What the evaluation of a script may use before it is stopped (LANGUAGE section 7).
#[derive(Clone, Debug, Args)]
pub(crate) struct LimitArguments {
    /// Stop the script after this many operations
    #[arg(long, value_name = "N", default_value_t = Limits::default().operations)]
    #[arg(help_heading = LIMITS, allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_operations: u64,
    /// Stop the evaluation after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().time.as_secs())]
    #[arg(help_heading = LIMITS, allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) max_time: u64,
    /// Let the evaluation use this much memory
    #[arg(long, value_name = "MIB", default_value_t = Limits::default().memory >> 20)]
    #[arg(help_heading = LIMITS, allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(32..=1 << 20))]
    pub(crate) max_memory: u64,
}

const LIMITS: &str = "Limits of the script";

impl From<&LimitArguments> for Limits {
    fn from(arguments: &LimitArguments) -> Limits {
        Limits {
            operations: arguments.max_operations,
            memory: arguments.max_memory << 20,
            time: Duration::from_secs(arguments.max_time),
        }
    }
}

/// The ports that a task is given.
#[derive(Clone, Debug, Args)]
pub(crate) struct PortArguments {
    /// Give the task a port as {{thermos.ports[NAME]}}: PORT, or a free one; may be repeated
    #[arg(short = 'P', value_name = "NAME[:PORT|:auto]", value_parser = port)]
    pub(crate) ports: Vec<PortArgument>,
}

/// How a task is run.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArguments {
    /// Run under this id instead of one made of the name and the time
    #[arg(long, value_name = "ID", value_parser = tasks::parse_id)]
    pub(crate) task_id: Option<TaskId>,
    /// Where processes run [default: the current directory]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) sandbox: Option<PathBuf>,
    /// Where the outputs of processes are kept [default: logs/ID below the root]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) log_dir: Option<PathBuf>,
    /// Run at most this many processes at once; the task's max_concurrency may be lower
    #[arg(short = 'j', long = "jobs", value_name = "N", env = "THERMOS_JOBS", hide_env_values = true)]
    #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) jobs: Option<u32>,
    /// Run commands as this user instead of the task's own; another than yourself takes root
    #[arg(long, value_name = "USER", value_parser = user, value_hint = ValueHint::Username)]
    pub(crate) user: Option<String>,
    /// Let commands see the sandbox as their root; takes root, and bash with its libraries in the sandbox
    #[arg(long)]
    pub(crate) chroot: bool,
    /// Give commands the whole environment of this one, not just PATH, HOME, USER and what thermos sets
    #[arg(long)]
    pub(crate) preserve_env: bool,
    /// Hold the task and its processes to the cpu and ram of their resources
    #[arg(long)]
    pub(crate) enforce: bool,
    /// Make every record reach the disk before going on: survives a loss of power, costs time
    #[arg(long)]
    pub(crate) durable: bool,
    /// Run in the background: print the task id and return as soon as the task is on record
    #[arg(long, conflicts_with = "follow")]
    pub(crate) daemon: bool,
    #[command(flatten)]
    pub(crate) show: ShowArguments,
}

/// How a command prints data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// One `-E NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The address that is bound.
    pub(crate) name: String,
    /// What it stands for; may hold `=` and be empty.
    pub(crate) value: String,
}

/// One `-P NAME[:PORT|:auto]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortArgument {
    /// The name by which command lines know the port.
    pub(crate) name: String,
    /// The number; a free one if there is none.
    pub(crate) number: Option<u16>,
}

/// Reads a `-E`: split at the first `=`, the name must be an address.
pub(crate) fn assignment(text: &str) -> Result<Assignment, Malformed> {
    let help = "write -E NAME=VALUE, such as -E precision=500 or -E profile.role=www";
    let malformed = |what: &str| Malformed::new(format!("malformed -E '{text}': {what}"), help);
    let (name, value) = text.split_once('=').ok_or_else(|| malformed("there is no `=`"))?;
    if name.is_empty() {
        return Err(malformed("there is no name before the `=`"));
    }
    Reference::parse(name).map_err(|_| malformed(&format!("`{name}` is no name that can be bound")))?;
    Ok(Assignment { name: name.to_owned(), value: value.to_owned() })
}

/// Reads a `--user`: what can be a name or a number in the user database.
pub(crate) fn user(text: &str) -> Result<String, Malformed> {
    let is_name = !text.is_empty() && !text.contains([':', '/']) && !text.contains(char::is_control);
    let help = "write the name or the number of a user, such as www-data or 33";
    is_name
        .then(|| text.to_owned())
        .ok_or_else(|| Malformed::new(format!("malformed --user '{}'", text.escape_debug()), help))
}

/// Reads a `-P`: a name that can stand in `thermos.ports[name]`, and a port number or `auto`.
pub(crate) fn port(text: &str) -> Result<PortArgument, Malformed> {
    let help = "write -P NAME for a free port, or -P NAME:PORT with a number from 1 to 65535";
    let malformed = |what: String| Malformed::new(format!("malformed -P '{text}': {what}"), help);
    let (name, number) = text.split_once(':').unwrap_or((text, "auto"));
    if !is_port_name(name) {
        return Err(malformed(format!("`{name}` cannot be the name of a port")));
    }
    let number = match number {
        "auto" => None,
        number => {
            Some(port_number(number).ok_or_else(|| malformed(format!("`{number}` is no port number")))?)
        }
    };
    Ok(PortArgument { name: name.to_owned(), number })
}

fn is_port_name(name: &str) -> bool {
    let reference = Reference::parse(&format!("thermos.ports[{name}]"));
    reference.is_ok_and(|reference| runtime_fragment(&reference).is_some())
}

fn port_number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_split_at_the_first_equals_sign() {
        let read =
            |text| assignment(text).map(|found| (found.name, found.value)).map_err(|error| error.message);
        assert_eq!(read("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(read("profile.role="), Ok(("profile.role".into(), "".into())));
        assert_eq!(read("map[key]=1"), Ok(("map[key]".into(), "1".into())));
        for wrong in ["", "a", "=b", "a b=c", "1a=2", "a.=2", "{{a}}=2"] {
            assert!(read(wrong).is_err_and(|message| message.contains("malformed -E")), "{wrong}");
        }
    }

    #[test]
    fn ports_have_a_name_and_maybe_a_number() {
        let read = |text| port(text).map(|found| (found.name, found.number)).map_err(|error| error.message);
        assert_eq!(read("http"), Ok(("http".into(), None)));
        assert_eq!(read("http:auto"), Ok(("http".into(), None)));
        assert_eq!(read("http:1338"), Ok(("http".into(), Some(1338))));
        for wrong in
            ["", ":80", "http:", "http:0", "http:65536", "http:+80", "http:x", "a]:80", "a b", "http:80:81"]
        {
            assert!(read(wrong).is_err_and(|message| message.contains("malformed -P")), "{wrong}");
        }
    }
}
