//! Numbers and names as the page shows them.

use std::borrow::Cow;

/// Text that is nothing but text in HTML, in an attribute too.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    let special = |c: char| matches!(c, '&' | '<' | '>' | '"' | '\'') || c.is_control();
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// A name that has at most so many characters; of a longer one the end is shown, which tells more than its beginning.
pub(super) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= most {
        return Cow::Borrowed(text);
    }
    let end: String = text.chars().skip(count + 1 - most).collect();
    Cow::Owned(format!("…{end}"))
}

/// A large number in three digits: `1.23 M`.
pub(super) fn large(number: f64) -> String {
    let units = ["", " k", " M", " G", " T"];
    let mut value = number;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{}{}", three_digits(value), units[unit])
}

/// A size: `1.23 GB`.
pub(super) fn size(bytes: f64) -> String {
    let text = large(bytes);
    if text.contains(' ') { text + "B" } else { text + " B" }
}

/// A time: `1.23 s`.
pub(super) fn time(seconds: f64) -> String {
    if seconds > 0.0 && seconds < 0.995 {
        format!("{} ms", three_digits(seconds * 1000.0))
    } else {
        format!("{} s", three_digits(seconds))
    }
}

fn three_digits(value: f64) -> String {
    let decimals = if value >= 99.95 || value == 0.0 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let numbers = [0.0, 7.0, 999.4, 999.6, 1_234.0, 15_000_000.0].map(large);
        assert_eq!(numbers, ["0", "7", "999", "1 k", "1.23 k", "15 M"]);
        assert_eq!([size(12.0), size(1_234_000.0)], ["12 B", "1.23 MB"]);
        assert_eq!([time(0.0), time(0.0421), time(1.5), time(123.4)], ["0 s", "42.1 ms", "1.5 s", "123 s"]);
    }

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(shortened("public.orders", 20), "public.orders");
        assert_eq!(shortened("a_very_long_namespace.orders", 10), "…ce.orders");
        assert_eq!(shortened("日本語日本語", 3).chars().count(), 3);
    }
}
