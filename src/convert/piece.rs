//! A piece of the new text, with how tightly it holds together.

/// How tightly an expression holds together, the loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// `if a { b } else { c }`, closures, operators of bits: in brackets everywhere inside of others.
    Loose,
    /// `||`
    Or,
    /// `&&`
    And,
    /// `==`
    Equal,
    /// `in`
    In,
    /// `<`
    Compare,
    /// `+`
    Sum,
    /// `*`
    Product,
    /// `**`
    Power,
    /// `-a`
    Sign,
    /// Names, calls, literals.
    Whole,
}

/// An expression in the new language.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The text.
    pub(super) text: String,
    /// How tightly it holds together.
    pub(super) level: Level,
}

impl Piece {
    /// Makes a piece that needs no brackets.
    pub(super) fn whole(text: impl Into<String>) -> Piece {
        Piece { text: text.into(), level: Level::Whole }
    }

    /// Makes a piece of a level.
    pub(super) fn of(level: Level, text: impl Into<String>) -> Piece {
        Piece { text: text.into(), level }
    }

    /// Returns the text for the head of a statement, where a brace would begin its body.
    pub(super) fn in_head(self) -> String {
        if self.text.starts_with('{') { format!("({})", self.text) } else { self.text }
    }

    /// Returns the text for a place where only what holds at least as tightly as `level` needs no brackets.
    pub(super) fn within(self, level: Level) -> String {
        if self.level < level { format!("({})", self.text) } else { self.text }
    }
}
