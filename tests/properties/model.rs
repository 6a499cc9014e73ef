//! Templates the slow, obvious way, written from SEMANTICS sections 1 to 3 and LANGUAGE section 3.
//!
//! Shares no code with the crate: at every character it tries every tag that could begin there.

use std::collections::BTreeMap;

/// Why a template has no text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Braces around something that is no reference.
    Invalid,
    /// A hundred rounds were not enough.
    Endless,
}

/// A tag: where it ends, how it is written, and what it stands around.
struct Tag {
    end: usize,
    delimiters: (&'static str, &'static str),
    content: String,
}

/// Replaces what `bound` knows, address by address, until nothing changes; then removes one `&` of each escape.
pub(super) fn resolve(text: &str, bound: &BTreeMap<String, String>) -> Result<String, Trouble> {
    let mut text = text.to_owned();
    for _ in 0..100 {
        let mut replaced = false;
        text = rewrite(&text, |tag| match escaped(tag) {
            Some(kept) => Ok(written(tag, &format!("&{kept}"))),
            None => {
                let address = address(&tag.content).ok_or(Trouble::Invalid)?;
                replaced |= bound.contains_key(&address);
                Ok(bound.get(&address).cloned().unwrap_or_else(|| written(tag, &address)))
            }
        })?;
        if !replaced {
            return rewrite(&text, |tag| match escaped(tag) {
                Some(kept) => Ok(written(tag, &kept)),
                None => Ok(written(tag, &address(&tag.content).ok_or(Trouble::Invalid)?)),
            });
        }
    }
    Err(Trouble::Endless)
}

/// Copies the text but for its tags, which `replace` writes.
fn rewrite(text: &str, mut replace: impl FnMut(&Tag) -> Result<String, Trouble>) -> Result<String, Trouble> {
    let all: Vec<char> = text.chars().collect();
    let (mut rewritten, mut at) = (String::new(), 0);
    while at < all.len() {
        match tag_at(&all, at) {
            Some(tag) => {
                rewritten.push_str(&replace(&tag)?);
                at = tag.end;
            }
            None => {
                rewritten.push(all[at]);
                at += 1;
            }
        }
    }
    Ok(rewritten)
}

fn tag_at(all: &[char], start: usize) -> Option<Tag> {
    for delimiters in [("{{", "}}"), ("<<", ">>")] {
        for end in start + 5..=all.len() {
            let text: String = all[start..end].iter().collect();
            let Some(inside) = text.strip_prefix(delimiters.0) else { break };
            let Some(inside) = inside.strip_suffix(delimiters.1) else { continue };
            let is_tag = match delimiters.0 {
                "{{" => !inside.contains(['{', '}']) && !holds_angles(inside),
                _ => address(inside.trim_start_matches('&')).is_some(),
            };
            if is_tag {
                return Some(Tag { end, delimiters, content: inside.to_owned() });
            }
        }
    }
    None
}

/// Says whether there is a tag in angles inside: it goes first.
fn holds_angles(inside: &str) -> bool {
    let all: Vec<char> = inside.chars().collect();
    (0..all.len()).any(|start| tag_at(&all, start).is_some())
}

/// What is left of an escaped tag; nothing if it is not escaped.
fn escaped(tag: &Tag) -> Option<String> {
    let kept = tag.content.strip_prefix('&').filter(|kept| !kept.is_empty())?;
    match kept.strip_suffix('&') {
        Some(shorter) if !shorter.is_empty() && tag.delimiters.0 == "{{" => Some(shorter.to_owned()),
        _ => Some(kept.to_owned()),
    }
}

fn written(tag: &Tag, content: &str) -> String {
    format!("{}{content}{}", tag.delimiters.0, tag.delimiters.1)
}

/// The canonical form of an address of ASCII characters; nothing for other text.
fn address(text: &str) -> Option<String> {
    let first = text.chars().next()?;
    let dotted = match first {
        '.' | '[' => text.to_owned(),
        'a'..='z' | 'A'..='Z' | '_' => format!(".{text}"),
        _ => return None,
    };
    let mut rest = dotted.as_str();
    while !rest.is_empty() {
        let (component, after, valid) = match rest.strip_prefix('.') {
            Some(name) => {
                let (name, after) = name.split_at(name.find(|c: char| !is_word(c)).unwrap_or(name.len()));
                (name, after, !name.starts_with(|c: char| c.is_ascii_digit()))
            }
            None => {
                let (key, after) = rest.strip_prefix('[')?.split_once(']')?;
                (key, after, key.chars().all(is_key))
            }
        };
        if component.is_empty() || !valid {
            return None;
        }
        rest = after;
    }
    Some(dotted.strip_prefix('.').unwrap_or(&dotted).to_owned())
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_key(c: char) -> bool {
    is_word(c) || matches!(c, '-' | '.' | '/')
}
