//! Looks around a place in the text of a script, token by token, to say what stands there.

use super::lexer::{Token, lex};
use super::program::Texts;
use crate::diagnostics::Span;

/// Returns the text of the token after the one at `at`.
pub(crate) fn next_token(texts: &Texts, at: Span) -> &str {
    token_from(texts, at, 1)
}

/// Returns the text of the token at `at`, or of the one behind it if it stands between two.
pub(crate) fn token_at(texts: &Texts, at: Span) -> &str {
    token_from(texts, at, 0)
}

/// Returns the place of the token after the one at `at`, on the same line.
pub(crate) fn next_place(texts: &Texts, at: Span) -> Option<Span> {
    let (tokens, index) = tokens(texts, at)?;
    let token = tokens.get(index + 1).filter(|token| token.line == at.line)?;
    Some(Span::new(at.source(), token.line, token.column, token.end_column.saturating_sub(token.column)))
}

/// Returns the last character before a place that belongs to a token.
pub(crate) fn end_of_token_before(texts: &Texts, at: Span) -> Span {
    let Some((tokens, index)) = tokens(texts, at) else { return Span::NONE };
    let before = index.checked_sub(1).and_then(|index| tokens.get(index));
    before.map_or(Span::NONE, |token| Span::new(at.source(), token.last_line, token.end_column - 1, 1))
}

/// Says whether the token before `at` touches it.
pub(crate) fn touches_before(texts: &Texts, at: Span) -> Option<String> {
    let source = texts.sources.get(at.source())?;
    let (tokens, index) = tokens(texts, at)?;
    let (before, token) = (tokens.get(index.checked_sub(1)?)?, tokens.get(index)?);
    (before.end == token.start).then(|| source.text[before.start..token.end].to_owned())
}

/// Returns the parameters of `fn name(...)` in a text.
pub(crate) fn parameters(text: &str, name: &str) -> Option<Vec<String>> {
    let tokens = lex(text).ok()?;
    let word = |index: usize| tokens.get(index).map_or("", |token| &text[token.start..token.end]);
    let start =
        (0..tokens.len()).find(|at| word(*at) == "fn" && word(at + 1) == name && word(at + 2) == "(")?;
    let inside = (start + 3..tokens.len()).map(word).take_while(|word| *word != ")");
    Some(inside.filter(|word| *word != ",").map(str::to_owned).collect())
}

fn token_from(texts: &Texts, at: Span, offset: usize) -> &str {
    let Some(source) = texts.sources.get(at.source()) else { return "" };
    let Some((tokens, index)) = tokens(texts, at) else { return "" };
    tokens.get(index + offset).map_or("", |token| &source.text[token.start..token.end])
}

/// Returns the tokens of the source of `at`, and which is the first that does not stand before it.
fn tokens(texts: &Texts, at: Span) -> Option<(Vec<Token>, usize)> {
    let tokens = lex(&texts.sources.get(at.source())?.text).ok()?;
    let index = tokens.partition_point(|token| (token.line, token.column) < (at.line, at.column));
    Some((tokens, index))
}
