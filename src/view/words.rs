//! Text as a word of a command line, for who copies it into a shell.

/// Writes a text as one word for bash: as it stands if nothing in it has a meaning there, else in quotes.
pub fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "._/:=@%+,-".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if !text.contains(char::is_control) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let escaped = |letter: char| match letter {
        '\'' | '\\' => format!("\\{letter}"),
        letter if letter.is_control() => {
            letter.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\x{byte:02x}")).collect()
        }
        letter => letter.to_string(),
    };
    format!("$'{}'", text.chars().map(escaped).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn bash_reads_what_was_meant() {
        assert_eq!(shell_word("map-001"), "map-001");
        assert_eq!(shell_word("a b"), "'a b'");
        for text in ["", "it's", "a\x1b[2J\n'\\", "$HOME `x` \"y\" !", "~", "#", "数据 1", "a\u{85}b"] {
            let script = format!("printf '%s|' {}", shell_word(text));
            let output = Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{text}|"), "{script}");
        }
    }
}
