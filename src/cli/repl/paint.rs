//! How the shell looks: colours, hints, the list of variables.

use std::io;

use terminal_size::{Width, terminal_size_of};
use unicode_width::UnicodeWidthStr;

use super::super::terminal::Look;
use super::commands::{COMMANDS, known};
use crate::script::{Class, Session, classes};

/// Colours a text; the cursor is at `cursor`.
pub(super) fn paint(session: &Session, text: &str, cursor: usize) -> String {
    if text.starts_with(':') {
        let end = text.find(' ').unwrap_or(text.len());
        return format!("\x1b[1;35m{}\x1b[0m{}", &text[..end], &text[end..]);
    }
    let mut painted = String::new();
    let mut end = 0;
    for (range, class) in classes(text, cursor, |name| session.is_type(name)) {
        painted.push_str(&text[end..range.start]);
        painted.push_str(&format!("\x1b[{}m{}\x1b[0m", color(class), &text[range.clone()]));
        end = range.end;
    }
    painted + &text[end..]
}

fn color(class: Class) -> &'static str {
    match class {
        Class::Keyword => "35",
        Class::Number => "36",
        Class::Text => "32",
        Class::Tag => "1;33",
        Class::Type => "1;34",
        Class::Call => "34",
        Class::Comment => "90",
        Class::Pair => "1;4",
    }
}

/// Columns before a chunk, and those that stay free behind a hint.
const PROMPT: usize = 4;

/// Fewer columns than this say nothing.
const LEAST: usize = 12;

/// Returns what is still to be written of the call, or of the command, that a text ends with.
pub(super) fn hint(session: &Session, text: &str) -> Option<String> {
    let hint = match text.strip_prefix(':') {
        Some(command) => of_command(command)?,
        None => session.signature(text)?,
    };
    let columns = terminal_size_of(io::stdout()).map_or(80, |(Width(columns), _)| usize::from(columns));
    let line = text.rsplit('\n').next().unwrap_or("");
    let prompt = if line.len() == text.len() { PROMPT } else { 0 };
    let room = columns.checked_sub(prompt + line.width() + 4).filter(|room| *room >= LEAST)?;
    Some(format!("  {}", cut(&hint, room)))
}

fn of_command(command: &str) -> Option<String> {
    let name = command.trim_end();
    if name.contains(' ') {
        return None;
    }
    let known = known(name).filter(|known| *known == name)?;
    COMMANDS.iter().find(|(command, ..)| *command == known).map(|(_, takes, _)| (*takes).to_owned())
}

/// Cuts a text to a width, with a mark where something is missing.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        if kept.width() + 2 > width {
            break;
        }
        kept.push(character);
    }
    kept + "\u{2026}"
}

/// Lists variables and functions.
pub(super) fn variables(session: &Session, look: Look) -> Vec<String> {
    let variables = session.variables();
    let widest = |pick: fn(&crate::script::Variable) -> &str| {
        variables.iter().map(|one| pick(one).width()).max().unwrap_or(0)
    };
    let (names, kinds) = (widest(|one| &one.name), widest(|one| &one.kind).min(30));
    let line = |one: &crate::script::Variable| {
        let line = format!("{:names$}  {:kinds$}  {}", one.name, one.kind, one.value);
        if look.terminal { cut(line.trim_end(), look.width.max(LEAST)) } else { line.trim_end().to_owned() }
    };
    let functions = session.functions().into_iter().map(|function| format!("fn {function}"));
    variables.iter().map(line).chain(functions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab\u{2026}");
    }
}
