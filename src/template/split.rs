//! Splits text into literals and tags (SEMANTICS section 2, LANGUAGE section 3); resolves nothing.
//!
//! `{{ref}}` and `<<ref>>` are the same tag. Braces always make a tag, so that a slip inside them is an error;
//! angles make one only around exactly a reference, so that shell redirections pass through.

use super::reference::{InvalidReference, Reference, is_address_char};

/// How a tag was written; an unbound one keeps its spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delimiters {
    /// `{{ref}}`
    Braces,
    /// `<<ref>>`
    Angles,
}

impl Delimiters {
    /// Returns the opening and the closing text.
    pub fn texts(self) -> (&'static str, &'static str) {
        match self {
            Delimiters::Braces => ("{{", "}}"),
            Delimiters::Angles => ("<<", ">>"),
        }
    }

    /// Writes `content` between these delimiters.
    pub fn wrap(self, content: impl std::fmt::Display) -> String {
        let (open, close) = self.texts();
        format!("{open}{content}{close}")
    }
}

/// A tag that refers to something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    /// What it refers to.
    pub reference: Reference,
    /// How it was written.
    pub delimiters: Delimiters,
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (open, close) = self.delimiters.texts();
        write!(f, "{open}{}{close}", self.reference)
    }
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// Text that stands for itself. Neighbouring literals are merged.
    Literal(String),
    /// A reference to be replaced.
    Tag(Tag),
}

/// What becomes of escaped tags while splitting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// `{{&x}}` stays `{{&x}}`.
    Keep,
    /// `{{&x}}` becomes the literal `{{x}}`.
    Remove,
}

/// Splits `text` into literals and tags.
///
/// # Errors
/// Braces without `&` around anything but a reference.
pub fn split(text: &str, escapes: Escapes) -> Result<Vec<Fragment>, InvalidReference> {
    let mut fragments = Fragments::default();
    let mut literal_start = 0;
    let mut position = 0;
    while let Some(found) = find_open(&text[position..]) {
        let start = position + found;
        let Some(raw) = RawTag::at(&text[start..]) else {
            position = start + 1;
            continue;
        };
        fragments.literal(&text[literal_start..start]);
        match raw.escaped {
            None => fragments.0.push(Fragment::Tag(Tag {
                reference: Reference::parse(raw.content)?,
                delimiters: raw.delimiters,
            })),
            Some(content) => {
                let mark = if escapes == Escapes::Keep { "&" } else { "" };
                fragments.literal(&raw.delimiters.wrap(format_args!("{mark}{content}")));
            }
        }
        position = start + raw.length;
        literal_start = position;
    }
    fragments.literal(&text[literal_start..]);
    Ok(fragments.0)
}

/// Escapes everything in `text` that would read as a tag, so that resolving the result in no scope gives `text` back.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut position = 0;
    while let Some(found) = find_open(&text[position..]) {
        let start = position + found;
        escaped.push_str(&text[position..start]);
        let Some(raw) = RawTag::at(&text[start..]) else {
            escaped.push_str(&text[start..=start]);
            position = start + 1;
            continue;
        };
        let inside = &text[start + 2..start + raw.length - 2];
        // An escaped tag loses one trailing `&` in each of the two splits that a resolve makes at least.
        let guard = if raw.delimiters == Delimiters::Braces && inside.ends_with('&') { "&&" } else { "" };
        escaped.push_str(&raw.delimiters.wrap(format_args!("&{inside}{guard}")));
        position = start + raw.length;
    }
    escaped.push_str(&text[position..]);
    escaped
}

#[derive(Default)]
struct Fragments(Vec<Fragment>);

impl Fragments {
    fn literal(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Fragment::Literal(last)) => last.push_str(text),
            _ => self.0.push(Fragment::Literal(text.to_owned())),
        }
    }
}

/// A tag as it stands in the text.
struct RawTag<'a> {
    delimiters: Delimiters,
    /// What stands between the delimiters, for a tag that is not escaped.
    content: &'a str,
    /// What an escaped tag leaves between its delimiters.
    escaped: Option<&'a str>,
    /// Bytes from the first to behind the last delimiter.
    length: usize,
}

impl<'a> RawTag<'a> {
    /// Reads the complete, innermost tag that begins with the first byte of `text`.
    fn at(text: &'a str) -> Option<RawTag<'a>> {
        if let Some(rest) = text.strip_prefix("{{") { Self::braces(rest) } else { Self::angles(&text[2..]) }
    }

    fn braces(rest: &'a str) -> Option<RawTag<'a>> {
        let end = rest.find(['{', '}'])?;
        if end == 0 || !rest[end..].starts_with("}}") {
            return None;
        }
        let content = &rest[..end];
        if contains_angles(content) {
            return None;
        }
        let escaped = content.strip_prefix('&').filter(|escaped| !escaped.is_empty()).map(|escaped| {
            // One trailing `&` belongs to the closing delimiter if something is left before it.
            escaped.strip_suffix('&').filter(|shorter| !shorter.is_empty()).unwrap_or(escaped)
        });
        Some(RawTag { delimiters: Delimiters::Braces, content, escaped, length: end + 4 })
    }

    /// Any number of `&` before the reference makes an escape that loses one, so that escapes can be written too.
    fn angles(rest: &'a str) -> Option<RawTag<'a>> {
        let address = rest.trim_start_matches('&');
        let end = address.find(|c| !is_address_char(c))?;
        if !address[end..].starts_with(">>") || Reference::parse(&address[..end]).is_err() {
            return None;
        }
        let content = &rest[..rest.len() - address.len() + end];
        Some(RawTag {
            delimiters: Delimiters::Angles,
            content,
            escaped: content.strip_prefix('&'),
            length: content.len() + 4,
        })
    }
}

fn contains_angles(content: &str) -> bool {
    let opens = content.as_bytes().windows(2).enumerate().filter(|(_, pair)| pair == b"<<");
    opens.into_iter().any(|(start, _)| RawTag::angles(&content[start + 2..]).is_some())
}

/// Says whether there could be tags in `text`: nothing to do if there cannot.
pub fn may_have_tags(text: &str) -> bool {
    find_open(text).is_some()
}

/// Finds the next `{{` or `<<`.
fn find_open(text: &str) -> Option<usize> {
    text.as_bytes().windows(2).position(|pair| pair == b"{{" || pair == b"<<")
}
