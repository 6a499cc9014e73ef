//! Random soups of tokens, to test that no text makes anything panic.

/// Makes soups; the same seed gives the same ones.
pub(crate) struct Soup(u64);

const TOKENS: [&str; 52] = [
    "let", "fn", "f", "x", "(", ")", "[", "]", "{", "}", "#{", "=", "==", ",", ";", ".", "::", "|", "||",
    "'a'", "''", "\"", "`", "${", "}", "include", "('a')", "\n", " ", "1", "1.", "/*", "*/", "//", "#",
    "for", "in", "catch", "switch", "\\", "\u{e9}", "const", "k = 1", "(k = 1)", "#\"", "\"#", "\r\n", "\t",
    "Process", "if true", "!", "export",
];

impl Soup {
    /// Starts with a seed.
    pub(crate) fn new(seed: u64) -> Soup {
        Soup(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Makes a soup of fewer than `length` tokens.
    pub(crate) fn next(&mut self, length: usize) -> String {
        (0..self.random() % length).map(|_| TOKENS[self.random() % TOKENS.len()]).collect()
    }

    fn random(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 3) as usize
    }
}
