//! JSON as MySQL writes it, in the form in which it comes back.
//!
//! A number in a JSON value may be a `DECIMAL`, which only functions make: `JSON_OBJECT('price', price)`. It is written with
//! all its digits, `1.50`. Read from a text the same number is a `DOUBLE` and is written `1.5`, and no text makes a `DECIMAL`
//! of it again. So zeros that say nothing are left out here: it is the same number, and a row that was restored is the row that
//! was read. See <https://dev.mysql.com/doc/refman/9.7/en/json.html#json-comparison>.

/// Appends `json` without the zeros at the end of its fractions; one digit behind the point always stays.
pub(super) fn write(json: &[u8], out: &mut Vec<u8>) {
    if !json.contains(&b'.') {
        out.extend_from_slice(json);
        return;
    }
    let mut rest = json;
    while let Some(&byte) = rest.first() {
        let length = match byte {
            b'"' => text(rest),
            b'-' | b'0'..=b'9' => {
                let length = rest.iter().position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b':'));
                let length = length.unwrap_or(rest.len());
                out.extend_from_slice(shortest(&rest[..length]));
                rest = &rest[length..];
                continue;
            }
            _ => 1,
        };
        out.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
}

/// The length of the text at the front, with its quotes.
fn text(json: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

fn shortest(number: &[u8]) -> &[u8] {
    let Some(point) = number.iter().position(|byte| *byte == b'.') else { return number };
    let fraction = &number[point + 1..];
    if !fraction.iter().all(u8::is_ascii_digit) {
        return number;
    }
    let zeros = fraction.iter().rev().take_while(|digit| **digit == b'0').count();
    &number[..number.len() - zeros.min(fraction.len().saturating_sub(1))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zeros_that_say_nothing_go() {
        for (json, expected) in [
            (r#"{"a": 1.50, "b": [2.00, -0.10]}"#, r#"{"a": 1.5, "b": [2.0, -0.1]}"#),
            ("1.50", "1.5"),
            ("100", "100"),
            ("[10.0, 1.5e20, 1.0]", "[10.0, 1.5e20, 1.0]"),
            (r#"{"1.50": "2.00", "\"3.00\\": 4.00}"#, r#"{"1.50": "2.00", "\"3.00\\": 4.0}"#),
            (r#"["5.00, 6.00"]"#, r#"["5.00, 6.00"]"#),
            ("true", "true"),
            ("\"1.", "\"1."),
        ] {
            let mut out = Vec::new();
            write(json.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).expect("a text"), expected, "{json}");
        }
    }
}
