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

/// `text` with the password of every URL in it replaced by `***`.
///
/// The library never puts a password into a message. This is for text that others build from the command line (the
/// argument parser repeats an argument that it does not know), and a second line of defence everywhere else.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|at| at + 3) {
        let (before, after) = rest.split_at(start);
        shown.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`')).unwrap_or(after.len());
        let (token, following) = after.split_at(end);
        match token.rfind('@').and_then(|at| token[..at].find(':').map(|colon| (colon, at))) {
            Some((colon, at)) => {
                shown.push_str(&token[..=colon]);
                shown.push_str("***");
                shown.push_str(&redact_parameters(&token[at..]));
            }
            None => shown.push_str(&redact_parameters(token)),
        }
        rest = following;
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// `sslpassword=...` and the like in the query of a URL.
fn redact_parameters(token: &str) -> String {
    let Some((location, query)) = token.split_once('?') else { return token.to_owned() };
    let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
        Some((key, _)) if key.to_ascii_lowercase().contains("pass") => format!("{key}=***"),
        _ => parameter.to_owned(),
    });
    format!("{location}?{}", parameters.collect::<Vec<_>>().join("&"))
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
    fn passwords_in_urls_are_hidden() {
        for (text, shown) in [
            ("postgres://me:pw@h/d", "postgres://me:***@h/d"),
            ("'postgres://me:p@ss:w@h/d' and more", "'postgres://me:***@h/d' and more"),
            ("mysql://h/d?sslpassword=x&a=b", "mysql://h/d?sslpassword=***&a=b"),
            ("x://a:b@c y://d:e@f", "x://a:***@c y://d:***@f"),
            ("postgres://me@h:5432/d", "postgres://me@h:5432/d"),
            ("no url at all: a@b", "no url at all: a@b"),
        ] {
            assert_eq!(redact(text), shown);
        }
    }

    #[test]
    fn shell_words_come_back_as_they_were() {
        assert_eq!(shell_word("sqlite:shop.db"), "sqlite:shop.db");
        assert_eq!(shell_word("it's; rm -rf"), r"'it'\''s; rm -rf'");
        assert_eq!(shell_word(""), "''");
    }
}
