//! A shell without a terminal: every complete chunk is evaluated, values go to the output, mistakes to the other one.

use std::io::{self, BufRead, Write};

use crate::{Language, Outcome};

/// Evaluates all of `input`; says whether nothing was wrong.
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
    let mut all_right = true;
    let mut chunk = String::new();
    for line in input.lines() {
        if !chunk.is_empty() {
            chunk.push('\n');
        }
        chunk.push_str(&line?);
        if language.is_complete(&chunk) {
            all_right &= show(language.evaluate(&std::mem::take(&mut chunk)), output, mistakes)?;
        }
    }
    if !chunk.trim().is_empty() {
        all_right &= show(language.evaluate(&chunk), output, mistakes)?;
    }
    Ok(all_right)
}

/// Writes an outcome; says whether nothing was wrong.
pub(crate) fn show(outcome: Outcome, output: &mut dyn Write, mistakes: &mut dyn Write) -> io::Result<bool> {
    match outcome {
        Outcome::Shown(lines) => {
            for line in lines {
                writeln!(output, "{line}")?;
            }
            output.flush()?;
            Ok(true)
        }
        Outcome::Failed(text) => {
            writeln!(mistakes, "{}", text.trim_end())?;
            mistakes.flush()?;
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Echo;

    #[test]
    fn values_and_mistakes_go_their_own_ways() {
        let (mut output, mut mistakes) = (Vec::new(), Vec::new());
        let right = feed(&mut Echo, "1\n[2\n3]\n!\n[4".as_bytes(), &mut output, &mut mistakes).unwrap();
        assert!(!right);
        assert_eq!(String::from_utf8(output).unwrap(), "1\n[2|3]\n[4\n");
        assert_eq!(String::from_utf8(mistakes).unwrap(), "wrong: !\n");
    }
}
