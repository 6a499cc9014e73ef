//! Where a page is: the path of a URL, whose parts are names of any bytes, and its query.

/// A path and a query, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// The names between slashes, decoded; empty ones are left out.
    pub(super) parts: Vec<Vec<u8>>,
    /// The names and values of the query, decoded.
    query: Vec<(String, String)>,
}

impl Address {
    /// Takes apart what a request line says; nothing if an escape is malformed.
    pub(super) fn parse(path: &str, query: Option<&str>) -> Option<Address> {
        let parts = path.split('/').filter(|part| !part.is_empty());
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let text = |text: &str| Some(String::from_utf8_lossy(&decode(&text.replace('+', " "))?).into_owned());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((text(name)?, text(value)?))
        };
        Some(Address {
            parts: parts.map(decode).collect::<Option<_>>()?,
            query: pairs.map(pair).collect::<Option<_>>()?,
        })
    }

    /// Returns a value of the query.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Returns a number of the query; an error if it is none.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| format!("`{name}` has to be a whole number, not `{value}`"))
    }
}

/// Writes names as the path of a URL.
pub(super) fn path(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut text = String::new();
    for part in parts {
        text.push('/');
        text += &encode(part.as_ref());
    }
    text
}

/// Escapes every byte that could mean something in a URL.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(*byte as char),
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| (byte? as char).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                (high * 16 + low) as u8
            }
            byte => byte,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_survives_a_url() {
        for name in ["a b", "%41", "#?&=+", "ä☃", "<script>alert(1)</script>", "..", "a\u{7f}"] {
            let path = path(["process", "id", name]);
            let address = Address::parse(&path, Some(&format!("q={}", encode(name.as_bytes())))).unwrap();
            assert_eq!(address.parts[2], name.as_bytes());
            assert_eq!(address.value("q"), Some(name));
        }
        assert_eq!(Address::parse("/a/%zz", None), None);
        assert_eq!(Address::parse("/a/%4", None), None);
    }
}
