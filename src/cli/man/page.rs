//! What stands on a manual page, in the order of man-pages(7); the options as clap knows them.

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

/// Renders the page of `thermos` or of one of its commands.
pub(super) fn render(command: &clap::Command) -> Vec<u8> {
    let man = Man::new(command.clone()).manual("thermos");
    let mut page = Vec::new();
    // Writing to memory cannot fail.
    let _ = man.render_title(&mut page);
    let from_clap = |render: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut section = Vec::new();
        let _ = render(&mut section);
        section
    };
    let name = from_clap(&|section| man.render_name_section(section));
    let description = from_clap(&|section| man.render_description_section(section));
    let options = from_clap(&|section| man.render_options_section(section));
    let commands =
        command.has_subcommands().then(|| from_clap(&|section| man.render_subcommands_section(section)));
    let own = |fill: &dyn Fn(&mut Roff)| {
        let mut roff = Roff::default();
        fill(&mut roff);
        roff.render().into_bytes()
    };
    let synopsis = own(&|roff| synopsis(roff, command));
    let rest = own(&|roff| {
        environment(roff, command);
        exit_status(roff);
        match command.has_subcommands() {
            true => files(roff),
            false => examples(roff, command),
        }
        see_also(roff, command);
    });
    let sections = [name, synopsis, description, commands.unwrap_or_default(), options, rest];
    page.extend(sections.iter().flat_map(|section| without_preamble(section)));
    page
}

/// Each section that clap renders begins with definitions that a page needs once.
fn without_preamble(section: &[u8]) -> &[u8] {
    let start = section.windows(4).position(|word| word == b".SH ").unwrap_or_default();
    &section[start..]
}

/// The line that the help text has as its usage: `thermos run [OPTIONS] FILE`.
fn synopsis(roff: &mut Roff, command: &clap::Command) {
    roff.control("SH", ["SYNOPSIS"]);
    let usage = command.clone().render_usage().to_string();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let arguments = usage.trim_start_matches("Usage: ").trim_start_matches(&name).trim().to_owned();
    let mut line = vec![bold(name)];
    for word in arguments.split(' ').filter(|word| !word.is_empty()) {
        let plain = word.replace(['<', '>'], "");
        let (lead, rest) = plain.split_at(plain.len() - plain.trim_start_matches('[').len());
        let (middle, tail) = rest.split_at(rest.find([']', '.']).unwrap_or(rest.len()));
        line.extend([roman(format!(" {lead}")), italic(middle), roman(tail)]);
    }
    roff.text(line);
}

/// A variable that is heard, the flag that it stands for on some commands only, and what it says.
type Variable = (&'static str, Option<&'static str>, &'static str);

const VARIABLES: [Variable; 10] = [
    (
        "THERMOS_ROOT",
        None,
        "The folder of checkpoints and logs, unless --root names one. Without either it is ~/.thermos.",
    ),
    ("THERMOS_COLOR", None, "When to use colour, as --color says it: auto, always or never."),
    ("THERMOS_JOBS", Some("jobs"), "The most processes at once, as --jobs says it."),
    ("THERMOS_PROGRESS", Some("progress"), "How to tell what goes on, as --progress says it: auto or lines."),
    ("THERMOS_LISTEN", Some("listen"), "Where to listen, as --listen says it."),
    ("THERMOS_TOKEN", Some("token"), "The secret that has to be shown, as --token says it."),
    (
        "NO_COLOR",
        None,
        "If it is set and not empty, no colour is used unless --color or THERMOS_COLOR asks for it.",
    ),
    ("TERM", None, "If it is dumb, there is neither colour nor a live view."),
    ("HOME", None, "Where .thermos is. If it is not set, it is looked up in the user database."),
    ("TZ", None, "The time zone of the times that are shown, and of those in task ids."),
];

const GIVEN: &str = "Processes do not get this environment, unless --preserve-env says so. They have PATH, USER, LOGNAME, HOME, \
    THERMOS_TASK_ID, THERMOS_PROCESS and THERMOS_RUN.";

fn environment(roff: &mut Roff, command: &clap::Command) {
    roff.control("SH", ["ENVIRONMENT"]);
    let has = |flag: &str| command.get_arguments().any(|argument| argument.get_long() == Some(flag));
    for (name, flag, text) in VARIABLES {
        if command.has_subcommands() || flag.is_none_or(has) {
            roff.control("TP", []).text([bold(name)]).text([roman(text)]);
        }
    }
    if has("preserve-env") {
        roff.control("PP", []).text([roman(GIVEN)]);
    }
}

const EXITS: [(&str, &str); 7] = [
    ("0", "The task succeeded; of a command that runs none, it has done what it was to do."),
    ("1", "The task failed, or nothing was found, such as a task of that id."),
    ("2", "Wrong usage: a command, a flag or a value that is unknown, missing or malformed."),
    ("3", "Invalid configuration; nothing was started."),
    ("4", "The task was killed."),
    ("5", "The task was lost."),
    (
        "6",
        "Anything else: a file that cannot be read, a task that another runner owns, a damaged checkpoint.",
    ),
];

fn exit_status(roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    for (code, text) in EXITS {
        roff.control("TP", []).text([bold(code)]).text([roman(text)]);
    }
}

const FILES: [(&str, &str); 3] = [
    (
        "~/.thermos/tasks",
        "The list of all tasks: a file for each below active or finished, the task as JSON.",
    ),
    ("~/.thermos/checkpoints/ID", "What happened to a task, as JSON lines; thermos-read(1) prints it."),
    ("~/.thermos/logs/ID/PROCESS/RUN", "What a run of a process printed: stdout and stderr."),
];

fn files(roff: &mut Roff) {
    roff.control("SH", ["FILES"]);
    for (path, text) in FILES {
        roff.control("TP", []).text([italic(path)]).text([roman(text)]);
    }
}

/// The lines below `Examples:` in the help text, as they stand there.
fn examples(roff: &mut Roff, command: &clap::Command) {
    let Some(after) = command.get_after_help() else { return };
    roff.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in after.to_string().lines().filter(|line| *line != "Examples:") {
        roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    }
    roff.control("fi", []);
}

fn see_also(roff: &mut Roff, command: &clap::Command) {
    roff.control("SH", ["SEE ALSO"]);
    match command.has_subcommands() {
        true => roff.text([bold("thermos-run"), roman("(1), "), bold("thermos-status"), roman("(1)")]),
        false => roff.text([bold("thermos"), roman("(1)")]),
    };
}
