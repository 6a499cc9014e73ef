//! The decimal digits of all scripts: names must not begin with one, and numbers may be written in any.

/// The zeros of Unicode 14; each is followed by its one to nine.
const ZEROS: [u32; 66] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
    0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
    0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066,
    0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950,
    0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6,
    0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// Returns the ASCII digit of the same value; nothing for what is no decimal digit.
pub(crate) fn ascii_digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let code = u32::from(c);
    let zero = ZEROS[ZEROS.partition_point(|zero| *zero <= code) - 1];
    char::from_digit(code - zero, 10)
}

#[cfg(test)]
mod tests {
    use super::ascii_digit;

    #[test]
    fn digits_of_any_script_are_digits() {
        let digits = [('7', '7'), ('٣', '3'), ('９', '9'), ('𝟘', '0'), ('𝟿', '9')];
        assert!(digits.into_iter().all(|(digit, ascii)| ascii_digit(digit) == Some(ascii)));
        assert!("a /:²Ⅷ五é\u{10ffff}".chars().all(|c| ascii_digit(c).is_none()));
    }
}
