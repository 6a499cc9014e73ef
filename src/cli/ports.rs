//! Takes the ports that a task is given, free ones where no number was named.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpListener};

use super::arguments::{PortArgument, PortArguments};
use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, reason};
use super::report;
use crate::diagnostics::{Diagnostic, did_you_mean_help};
use crate::schema::Task;

/// Gives every port its number, in the order of the flags.
///
/// A free port is free while this runs; nothing keeps another program from taking it before the task does.
pub(crate) fn take(arguments: &[PortArgument]) -> Result<Vec<(String, u16)>, Failure> {
    refuse_repetition(arguments)?;
    let mut taken: BTreeSet<u16> = arguments.iter().filter_map(|port| port.number).collect();
    // Bound until all are chosen, so that no two are the same.
    let mut listeners = Vec::new();
    let mut ports = Vec::new();
    for argument in arguments {
        let number = match argument.number {
            Some(number) => number,
            None => free(&mut listeners, &mut taken)?,
        };
        ports.push((argument.name.clone(), number));
    }
    Ok(ports)
}

/// Says which ports the task's command lines need and nobody gave.
pub(crate) fn unbound(task: &Task, ports: &[(String, u16)]) -> Vec<Diagnostic> {
    let missing = task.ports().into_iter().filter(|name| !ports.iter().any(|(known, _)| known == name));
    missing
        .map(|name| {
            Diagnostic::error(
                "unbound_port",
                format!("port `{name}` is not bound: {{{{thermos.ports[{name}]}}}}"),
            )
            .with_help(format!("-P {name} takes a free port, -P {name}:PORT the one you name"))
        })
        .collect()
}

/// Warns of the ports that flags name and that no command line of the task mentions.
pub(crate) fn warn_of_idle(task: &Task, arguments: &PortArguments, context: &Context) {
    let used = task.ports();
    let idle = arguments.ports.iter().filter(|port| !used.contains(&port.name.as_str()));
    let warning = |PortArgument { name, .. }: &PortArgument| {
        let message = format!("port `{name}` is not used: no command line has {{{{thermos.ports[{name}]}}}}");
        Diagnostic::warning("unused_port", message)
            .with_help(format!(
                "the task is given it all the same; leave out -P {name}, or write it where it belongs"
            ))
            .with_optional_help(did_you_mean_help(name, used.iter().copied()))
    };
    let warnings: Vec<Diagnostic> = idle.map(warning).collect();
    context.terminal.say(report::draw(&warnings, context.terminal.stderr));
}

fn refuse_repetition(arguments: &[PortArgument]) -> Result<(), Failure> {
    let mut names = BTreeSet::new();
    match arguments.iter().find(|port| !names.insert(&port.name)) {
        None => {}
        Some(port) => {
            let message = format!("port `{}` is given twice", port.name);
            return Err(refused(message, "give each port one -P"));
        }
    }
    let mut numbers = BTreeMap::new();
    for PortArgument { name, number } in arguments {
        if let Some((number, other)) = number.and_then(|number| Some((number, numbers.insert(number, name)?)))
        {
            let message = format!("ports `{other}` and `{name}` are both {number}");
            return Err(refused(
                message,
                "give each its own number, or leave one out: -P NAME takes a free one",
            ));
        }
    }
    Ok(())
}

fn refused(message: String, help: &str) -> Failure {
    Failure::new(Exit::Usage, Diagnostic::error("usage", message).with_help(help))
}

fn free(listeners: &mut Vec<TcpListener>, taken: &mut BTreeSet<u16>) -> Result<u16, Failure> {
    loop {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0));
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
        let (number, listener) = bound.map_err(|error| {
            let message = format!("cannot find a free port: {}", reason(&error));
            let help = "name one with -P NAME:PORT";
            Failure::new(Exit::Other, Diagnostic::error("ports", message).with_help(help))
        })?;
        listeners.push(listener);
        if taken.insert(number) {
            return Ok(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, number: Option<u16>) -> PortArgument {
        PortArgument { name: name.to_owned(), number }
    }

    #[test]
    fn named_numbers_stay_and_the_others_differ() {
        let ports = take(&[port("a", None), port("b", Some(80)), port("c", None)]).unwrap();
        assert_eq!((ports[1].0.as_str(), ports[1].1), ("b", 80));
        assert!(ports[0].1 != ports[2].1 && ports[0].1 > 0);
    }

    #[test]
    fn a_name_has_one_port() {
        let failure = take(&[port("a", Some(1)), port("a", None)]).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
    }

    #[test]
    fn a_number_is_given_to_one_port() {
        let failure = take(&[port("a", Some(1)), port("b", Some(2)), port("c", Some(1))]).unwrap_err();
        assert_eq!(failure.diagnostics[0].message, "ports `a` and `c` are both 1");
    }
}
