//! The two texts that rows are written as: lines of `LOAD DATA`, and lists of literals of `INSERT`.

use dbferry_dialect::nested::hex;

/// How a cell is written.
pub(super) trait Form {
    /// Appends a null.
    fn null(out: &mut Vec<u8>);
    /// Appends what `put` appends, which needs no escape: digits, dates.
    fn plain<R>(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>) -> R) -> R;
    /// Appends a whole number that is to be taken as a number, not as a text.
    fn number(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>));
    /// Appends characters, as UTF-8.
    fn text(out: &mut Vec<u8>, text: &[u8]);
    /// Appends bytes that belong together, in parts.
    fn bytes(out: &mut Vec<u8>, parts: &[&[u8]]);
}

/// A field of a line: `ESCAPED BY '\\'`, `TERMINATED BY '\t'`, lines `TERMINATED BY '\n'`.
pub(super) struct Line;

impl Form for Line {
    #[inline]
    fn null(out: &mut Vec<u8>) {
        out.extend_from_slice(b"\\N");
    }

    #[inline]
    fn plain<R>(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        put(out)
    }

    #[inline]
    fn number(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
        put(out);
    }

    #[inline]
    fn text(out: &mut Vec<u8>, text: &[u8]) {
        escape(text, out, |byte| match byte {
            b'\t' => Some(b't'),
            b'\n' => Some(b'n'),
            b'\\' => Some(b'\\'),
            _ => None,
        });
    }

    #[inline]
    fn bytes(out: &mut Vec<u8>, parts: &[&[u8]]) {
        for part in parts {
            Self::text(out, part);
        }
    }
}

/// A literal of a statement in UTF-8, where a backslash escapes.
pub(super) struct Literal;

impl Form for Literal {
    fn null(out: &mut Vec<u8>) {
        out.extend_from_slice(b"NULL");
    }

    fn plain<R>(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        out.push(b'\'');
        let result = put(out);
        out.push(b'\'');
        result
    }

    fn number(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
        put(out);
    }

    fn text(out: &mut Vec<u8>, text: &[u8]) {
        out.push(b'\'');
        escape(text, out, |byte| match byte {
            0 => Some(b'0'),
            b'\'' => Some(b'\''),
            b'\\' => Some(b'\\'),
            _ => None,
        });
        out.push(b'\'');
    }

    fn bytes(out: &mut Vec<u8>, parts: &[&[u8]]) {
        out.extend_from_slice(b"x'");
        for part in parts {
            part.iter().for_each(|byte| hex(*byte, out));
        }
        out.push(b'\'');
    }
}

/// Appends `bytes`, each that has an escape as a backslash and that.
#[inline]
fn escape(bytes: &[u8], out: &mut Vec<u8>, escaped: impl Fn(u8) -> Option<u8>) {
    /// How many are looked at together: most of them have nothing to escape, and that is seen without a jump a byte.
    const STEP: usize = 32;
    let mut chunks = bytes.chunks_exact(STEP);
    for chunk in &mut chunks {
        if chunk.iter().fold(false, |found, byte| found | escaped(*byte).is_some()) {
            escape_each(chunk, out, &escaped);
        } else {
            out.extend_from_slice(chunk);
        }
    }
    escape_each(chunks.remainder(), out, &escaped);
}

#[inline]
fn escape_each(bytes: &[u8], out: &mut Vec<u8>, escaped: &impl Fn(u8) -> Option<u8>) {
    let mut from = 0;
    for (place, byte) in bytes.iter().enumerate() {
        if let Some(letter) = escaped(*byte) {
            out.extend_from_slice(&bytes[from..place]);
            out.extend_from_slice(&[b'\\', letter]);
            from = place + 1;
        }
    }
    out.extend_from_slice(&bytes[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_escaped_where_it_must_be() {
        let all: Vec<u8> = (0..=255).collect();
        let mut out = Vec::new();
        Line::text(&mut out, &all);
        assert_eq!(out.len(), 259);
        assert!(!out.contains(&b'\t') && !out.contains(&b'\n'));
        let mut back = Vec::new();
        let mut rest = out.iter();
        while let Some(byte) = rest.next() {
            back.push(match byte {
                b'\\' => match rest.next().expect("a letter") {
                    b't' => b'\t',
                    b'n' => b'\n',
                    other => *other,
                },
                other => *other,
            });
        }
        assert_eq!(back, all);
    }

    #[test]
    fn literals_cannot_be_left() {
        let mut out = Vec::new();
        Literal::text(&mut out, b"it's a \\ and a long text behind it that has none until here: '\0");
        assert_eq!(out, b"'it\\'s a \\\\ and a long text behind it that has none until here: \\'\\0'");
        out.clear();
        Literal::bytes(&mut out, &[&[0, 255], &[16]]);
        assert_eq!(out, b"x'00ff10'");
    }
}
