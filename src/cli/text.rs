//! Text that is safe to show: names, paths and messages may come from an attacker's database or archive.
//!
//! A terminal obeys control characters, and a reader believes what a line looks like. So control characters and the
//! characters that turn the direction of text are shown as escapes, and a line break inside a message never starts a line
//! that looks like one of ours.

use std::borrow::Cow;

/// Whether `c` could make a terminal do something, or make a text look like another one.
pub(crate) fn is_hazardous(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        )
}

/// `text` on one line, every hazardous character as an escape such as `\u{1b}`.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hazardous) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hazardous(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// `text` with its line breaks, each further line indented so that it cannot pass for a line of ours.
pub(crate) fn indented(text: &str, indent: &str) -> String {
    let mut lines = text.lines().map(one_line);
    let mut shown = lines.next().unwrap_or_default().into_owned();
    for line in lines {
        shown.push('\n');
        if !line.starts_with(indent) {
            shown.push_str(indent);
        }
        shown.push_str(&line);
    }
    shown
}

/// `text` as one word of a POSIX shell, for commands that are printed to be run again.
pub(crate) fn shell_word(text: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '=' | ',' | '+' | '%');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// `count` things: `1 row`, `2 rows`, `1,234 rows`. `noun` is the singular of a noun whose plural ends in s.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", super::units::count(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        assert_eq!(one_line("\u{1b}[31mred\u{9b}0m\u{7}"), "\\u{1b}[31mred\\u{9b}0m\\u{7}");
        assert_eq!(one_line("a\nb\r\tc"), "a\\nb\\r\\tc");
        assert_eq!(one_line("\u{202e}gpj.exe"), "\\u{202e}gpj.exe");
        assert!(matches!(one_line("Zoë 東京 ok"), Cow::Borrowed("Zoë 東京 ok")));
    }

    #[test]
    fn a_second_line_is_never_at_the_margin() {
        assert_eq!(indented("one\nerror: two\n  - three", "  "), "one\n  error: two\n  - three");
    }

    #[test]
    fn shell_words_come_back_as_they_were() {
        assert_eq!(shell_word("sqlite:shop.db"), "sqlite:shop.db");
        assert_eq!(shell_word("it's; rm -rf"), r"'it'\''s; rm -rf'");
        assert_eq!(shell_word(""), "''");
    }
}
