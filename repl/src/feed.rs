//! A shell without a terminal: every complete chunk is evaluated, values go to the output, mistakes to the other one.

use std::io::{self, BufRead, Write};
use std::ops::ControlFlow;

use crate::{Language, Outcome};

/// Evaluates `input` up to its end or the first mistake; says whether nothing was wrong.
///
/// A chunk that is still incomplete at the end is evaluated as it is, so that the language says what it lacks.
///
/// # Errors
/// Input that cannot be read, output that cannot be written.
pub fn feed(
    language: &mut dyn Language,
    input: impl BufRead,
    output: &mut dyn Write,
    mistakes: &mut dyn Write,
) -> io::Result<bool> {
    let mut chunk = String::new();
    for (number, line) in (1..).zip(input.split(b'\n')) {
        let Ok(line) = String::from_utf8(line?) else {
            writeln!(mistakes, "{}", language.no_text(Some(number)).trim_end())?;
            return Ok(false);
        };
        if !chunk.is_empty() {
            chunk.push('\n');
        }
        chunk.push_str(line.strip_suffix('\r').unwrap_or(&line));
        if !chunk.trim().is_empty() && language.is_complete(&chunk) {
            let outcome = language.evaluate(&std::mem::take(&mut chunk));
            if let ControlFlow::Break(right) = show(outcome, output, mistakes)? {
                return Ok(right);
            }
        }
    }
    if chunk.trim().is_empty() {
        return Ok(true);
    }
    Ok(show(language.evaluate(&chunk), output, mistakes)? != ControlFlow::Break(false))
}

/// Writes an outcome; says whether there is a reason to stop, and whether nothing was wrong then.
pub(crate) fn show(
    outcome: Outcome,
    output: &mut dyn Write,
    mistakes: &mut dyn Write,
) -> io::Result<ControlFlow<bool>> {
    let (shown, why) = match outcome {
        Outcome::Shown(shown) => (shown, None),
        Outcome::Failed { shown, why } => (shown, Some(why)),
        Outcome::Left => return Ok(ControlFlow::Break(true)),
    };
    for line in shown {
        writeln!(output, "{line}")?;
    }
    output.flush()?;
    let Some(why) = why else { return Ok(ControlFlow::Continue(())) };
    writeln!(mistakes, "{}", why.trim_end())?;
    mistakes.flush()?;
    Ok(ControlFlow::Break(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Echo;

    fn fed(input: &str) -> (bool, String, String) {
        let (mut output, mut mistakes) = (Vec::new(), Vec::new());
        let right = feed(&mut Echo, input.as_bytes(), &mut output, &mut mistakes).unwrap();
        (right, String::from_utf8(output).unwrap(), String::from_utf8(mistakes).unwrap())
    }

    #[test]
    fn values_are_shown_and_what_is_left_open_is_evaluated() {
        assert_eq!(fed("1\n\n[2\n3]\n[4"), (true, "1\n[2|3]\n[4\n".to_owned(), String::new()));
    }

    #[test]
    fn the_first_mistake_ends_it() {
        assert_eq!(fed("1\n!\n2"), (false, "1\nbefore\n".to_owned(), "wrong: !\n".to_owned()));
    }

    #[test]
    fn a_line_that_is_no_text_is_a_mistake_with_its_number() {
        let (mut output, mut mistakes) = (Vec::new(), Vec::new());
        let right = feed(&mut Echo, &b"1\r\n\xff\n2\n"[..], &mut output, &mut mistakes).unwrap();
        let mistakes = String::from_utf8(mistakes).unwrap();
        assert_eq!(
            (right, output.as_slice(), mistakes.as_str()),
            (false, &b"1\n"[..], "no text in line 2\n")
        );
    }

    #[test]
    fn whoever_leaves_is_right() {
        assert_eq!(fed("1\nbye\n!"), (true, "1\n".to_owned(), String::new()));
    }
}
