//! The style sheet of all pages: the colours of states are the same as in pictures and on terminals.

use std::fmt::Write;

use crate::view::look::{DARK, LIGHT, Theme, Tone};
use crate::view::{graph, timeline};

/// Puts it together.
pub(super) fn sheet() -> String {
    let light = variables(&LIGHT);
    let dark = variables(&DARK);
    let colors = format!(
        ":root {{ color-scheme: light dark; {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    );
    [&colors, include_str!("style.css"), &graph::styles(), &timeline::styles()].concat()
}

fn variables(theme: &Theme) -> String {
    let Theme { back, text, faint, line, frame, edge, .. } = theme;
    let mut variables = format!(
        "--back: {back}; --text: {text}; --faint: {faint}; --line: {line}; --frame: {frame}; --edge: {edge};"
    );
    for tone in Tone::ALL {
        let ((color, back), name) = (theme.tone(tone), tone.class());
        // Text never fails to be written.
        let _ = write!(variables, " --{name}: {color}; --{name}-back: {back};");
    }
    variables
}
