//! Picks tasks by id: an exact id, or a regular expression that a whole id matches.

use std::collections::BTreeSet;

use regex::Regex;

use super::usage::Malformed;

/// One REGEX argument.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    regex: Regex,
}

/// Reads a REGEX argument.
pub(crate) fn parse(text: &str) -> Result<Pattern, Malformed> {
    // The expression is tried alone first, so that `)(` is no way out of the group.
    let regex = Regex::new(text).and_then(|_| Regex::new(&format!("^(?:{text})$")));
    let regex = regex.map_err(|error| {
        let help = "quote what is special, as in `a\\.b`; a task id is an expression that matches itself";
        Malformed::new(format!("malformed regular expression '{text}': {}", last_line(&error)), help)
    })?;
    Ok(Pattern { text: text.to_owned(), regex })
}

/// Returns the ids that some pattern picks, in their order; all of them if there is no pattern.
///
/// A pattern that is an id as it stands picks that task alone.
pub(crate) fn select(patterns: &[Pattern], ids: Vec<String>) -> Vec<String> {
    if patterns.is_empty() {
        return ids;
    }
    let mut picked = BTreeSet::new();
    for pattern in patterns {
        if ids.contains(&pattern.text) {
            picked.insert(pattern.text.clone());
        } else {
            picked.extend(ids.iter().filter(|id| pattern.regex.is_match(id)).cloned());
        }
    }
    ids.into_iter().filter(|id| picked.contains(id)).collect()
}

/// Returns the patterns that pick no id.
pub(crate) fn idle<'a>(patterns: &'a [Pattern], ids: &[String]) -> Vec<&'a str> {
    let picks = |pattern: &Pattern| ids.iter().any(|id| *id == pattern.text || pattern.regex.is_match(id));
    patterns.iter().filter(|pattern| !picks(pattern)).map(|pattern| pattern.text.as_str()).collect()
}

/// Returns the patterns as they were written.
pub(crate) fn texts(patterns: &[Pattern]) -> String {
    patterns.iter().map(|pattern| format!("`{}`", pattern.text)).collect::<Vec<_>>().join(", ")
}

/// The parser draws the expression above its message; one line has room for the message alone.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<_> = patterns.iter().map(|text| parse(text).unwrap()).collect();
        select(&patterns, ["a.1", "a.1b", "ab1", "b"].map(String::from).to_vec())
    }

    #[test]
    fn a_whole_id_matches_and_an_exact_id_comes_first() {
        assert_eq!(picked(&["a.1"]), ["a.1"]);
        assert_eq!(picked(&["a.1.*"]), ["a.1", "a.1b", "ab1"]);
        assert_eq!(picked(&["b|a"]), ["b"]);
        assert_eq!(picked(&["b", "a.*"]), ["a.1", "a.1b", "ab1", "b"]);
        assert_eq!(picked(&[]).len(), 4);
    }

    #[test]
    fn a_bad_expression_says_what_is_wrong() {
        let error = parse("a(").unwrap_err();
        assert_eq!(error.message, "malformed regular expression 'a(': unclosed group");
        assert!(parse("a)(b").is_err());
    }
}
