//! How diagnostics look: drawn for people, or as JSON.
//!
//! On a terminal lines are wrapped and drawn in Unicode; elsewhere nothing is wrapped, so that tools and tests can
//! search the text. Knows nothing of what the diagnostics are about.

mod snippet;

use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity, SourceCode, ThemeCharacters, ThemeStyles,
};

use self::snippet::Snippets;
use super::terminal::Look;
use crate::diagnostics::{self, Diagnostic};

/// Draws diagnostics one below the other, each ended by a newline.
pub(crate) fn draw(diagnostics: &[Diagnostic], look: Look) -> String {
    let handler = handler(look);
    let drawn = diagnostics.iter().map(|diagnostic| draw_one(&handler, diagnostic));
    drawn.collect::<Vec<_>>().join("\n")
}

/// Writes diagnostics as a JSON array, ended by a newline.
pub(crate) fn json(diagnostics: &[Diagnostic]) -> String {
    // Plain structs of strings and numbers always serialize.
    let text = serde_json::to_string_pretty(diagnostics).unwrap_or_else(|_| "[]".to_owned());
    text + "\n"
}

fn handler(look: Look) -> GraphicalReportHandler {
    let characters = if look.terminal { ThemeCharacters::unicode() } else { carets() };
    let styles = if look.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
        .with_links(false)
        .with_width(look.width.max(MIN_WIDTH))
        .with_wrap_lines(look.terminal)
        .without_syntax_highlighting()
}

/// Plain characters, with a caret below every character of a value.
fn carets() -> ThemeCharacters {
    ThemeCharacters { underbar: '^', ..ThemeCharacters::ascii() }
}

/// Narrower than this, wrapped text is no easier to read than what the terminal itself does.
const MIN_WIDTH: usize = 20;

fn draw_one(handler: &GraphicalReportHandler, diagnostic: &Diagnostic) -> String {
    let mut text = String::new();
    let drawn = handler.render_report(&mut text, &Drawn::new(diagnostic));
    if drawn.is_err() {
        return format!("{}\n\n  {}\n", diagnostic.code, diagnostic.message);
    }
    text
}

/// A diagnostic in the form that the drawing crate takes.
#[derive(Debug)]
struct Drawn<'a> {
    diagnostic: &'a Diagnostic,
    snippets: Snippets,
}

impl<'a> Drawn<'a> {
    fn new(diagnostic: &'a Diagnostic) -> Drawn<'a> {
        Drawn { diagnostic, snippets: Snippets::new(&diagnostic.labels) }
    }
}

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(&self.diagnostic.message))?;
        match &self.diagnostic.path {
            Some(path) => write!(f, "\nin {}", visible(path)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Drawn<'_> {}

impl miette::Diagnostic for Drawn<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let severity = if self.diagnostic.is_error() { "error" } else { "warning" };
        Some(Box::new(format!("{severity}[{}]", self.diagnostic.code)))
    }

    fn severity(&self) -> Option<Severity> {
        Some(match self.diagnostic.severity {
            diagnostics::Severity::Error => Severity::Error,
            diagnostics::Severity::Warning => Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help.as_deref().map(|help| Box::new(visible(help)) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.snippets)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.snippets.labels().iter().cloned()))
    }
}

/// Replaces what would move the cursor or change colours; keeps newlines and the number of characters.
pub(crate) fn visible(text: &str) -> String {
    let replace = |c: char| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Sources;
    use crate::diagnostics::Span;

    const PIPE: Look = Look { terminal: false, color: false, width: 80 };

    fn unbound() -> Diagnostic {
        let mut sources = Sources::default();
        let library =
            sources.add("lib/math.thermos", "let bc = Process(cmdline = \"scale={{precision}}\");\n");
        let main =
            sources.add("pi.thermos", "include(\"lib/math.thermos\")\nexport(Task(processes = [bc]))\n");
        let message = "Process[cmdline] failed: Uninterpolated variables: {{precision}}";
        Diagnostic::error("unbound_reference", message)
            .with_path("task \"pi\".processes[0 \"bc\"].cmdline")
            .with_label(sources.place(Span::new(library, 1, 35, 13)), "not bound")
            .with_label(sources.place(Span::new(main, 2, 26, 2)), "used here")
            .with_help("bind it with -E precision=VALUE")
    }

    #[test]
    fn a_pipe_gets_ascii_with_places_and_carets() {
        insta::assert_snapshot!(draw(&[unbound()], PIPE));
    }

    #[test]
    fn a_terminal_gets_unicode_that_is_wrapped() {
        let text = draw(&[unbound()], Look { terminal: true, color: false, width: 60 });
        assert!(text.contains("╭─[lib/math.thermos:1:35]"), "{text}");
        assert!(!text.contains("failed: Uninterpolated variables: {{precision}}"), "not wrapped: {text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn colour_follows_its_own_switch() {
        let text = draw(&[unbound()], Look { color: true, ..PIPE });
        assert!(text.contains("\u{1b}[") && text.contains(",-["), "{text}");
    }

    #[test]
    fn warnings_differ_from_errors() {
        let text = draw(&[Diagnostic::warning("hidden_binding", "an inner binding hides it")], PIPE);
        assert_eq!(text, "warning[thermos::hidden_binding]\n\n  ! an inner binding hides it\n");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let text = draw(&[Diagnostic::error("x", "bad \u{1b}[31m\r byte")], PIPE);
        assert!(!text.contains(['\u{1b}', '\r']), "{text:?}");
    }

    #[test]
    fn json_is_the_diagnostics_as_they_are() {
        let read: Vec<Diagnostic> = serde_json::from_str(&json(&[unbound()])).unwrap();
        assert_eq!(read, [unbound()]);
    }
}
