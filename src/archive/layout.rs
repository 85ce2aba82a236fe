//! Where things stand in an archive: names of files and directories, made from names of groups and collections.
//!
//! A path is a function of the names alone, so a reader computes it and refuses a manifest that says another one. The rule
//! is written down in `FORMAT.md`, section "Names"; it gives different names for different inputs also on file systems
//! that ignore case or normalise Unicode.

use dbferry_dialect::CollectionName;
use std::fmt::Write as _;

/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";
/// The directory of all Parquet files.
pub const DATA: &str = "data";
/// What a file is called while it is being written: its name and this.
pub const PARTIAL: &str = ".partial";

/// An encoded name is never longer than this, in bytes; two of them and a suffix stay below the 255 bytes of most file
/// systems.
const LONGEST: usize = 100;
/// How much of a longer name stays readable, in bytes.
const READABLE: usize = 60;

/// The path of the Parquet file with a collection's rows, relative to the archive.
pub fn rows_path(group: &str, name: &CollectionName) -> String {
    format!("{}/{}.parquet", group_path(group), stem(name))
}

/// The path of the Parquet file with a collection's exceptions, relative to the archive.
pub fn exceptions_path(group: &str, name: &CollectionName) -> String {
    format!("{}/{}.exceptions.parquet", group_path(group), stem(name))
}

/// The path of a group's directory, relative to the archive.
pub fn group_path(group: &str) -> String {
    format!("{DATA}/{}", encode(group))
}

fn stem(name: &CollectionName) -> String {
    format!("{}.{}", encode(&name.namespace), encode(&name.name))
}

/// A name as one part of a file name.
pub fn encode(name: &str) -> String {
    if name.is_empty() {
        return "%".into();
    }
    let reserved = is_reserved(name);
    let mut encoded = String::with_capacity(name.len());
    // Bit i is set when byte i is a capital letter that is written as itself.
    let mut capitals = 0_u128;
    let mut readable = 0;
    for (position, byte) in name.bytes().enumerate() {
        if (byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') && !(reserved && position == 0) {
            // A name with more bytes than the mask has bits is shortened below, and then has no mask.
            if byte.is_ascii_uppercase() && position < LONGEST {
                capitals |= 1 << position;
            }
            encoded.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        if encoded.len() <= READABLE {
            readable = encoded.len();
        }
    }
    if capitals != 0 {
        let _ = write!(encoded, "~{capitals:x}");
    }
    if encoded.len() > LONGEST {
        encoded.truncate(readable);
        encoded.push_str("~~");
        encoded.extend(blake3::hash(name.as_bytes()).to_hex().chars().take(32));
    }
    encoded
}

/// Names that Windows keeps for devices, with whatever extension.
fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    match lower.as_bytes() {
        b"con" | b"prn" | b"aux" | b"nul" => true,
        [b'c', b'o', b'm', digit] | [b'l', b'p', b't', digit] => digit.is_ascii_digit(),
        _ => false,
    }
}

/// Whether a path from outside could only ever name a file below the archive: relative, `/` between the parts, no empty
/// part, no `.` or `..`, and only the characters that [`encode`] and the fixed parts use.
pub(super) fn is_safe(path: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-%~.".contains(&byte);
    path.len() <= 4 * 255
        && path.split('/').all(|part| {
            !part.is_empty() && part != "." && part != ".." && part.len() <= 255 && part.bytes().all(allowed)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn plain_names_stay_readable() {
        assert_eq!(
            rows_path("user", &CollectionName::new("main", "order_items-2")),
            "data/user/main.order_items-2.parquet"
        );
        assert_eq!(
            exceptions_path("third-party", &CollectionName::new("main", "a")),
            "data/third-party/main.a.exceptions.parquet"
        );
    }

    #[test]
    fn the_examples_of_the_specification_hold() {
        for (name, expected) in [
            ("Album", "Album~1"),
            ("InvoiceLine", "InvoiceLine~81"),
            ("uiSchemas", "uiSchemas~4"),
            ("a.b", "a%2Eb"),
            ("../etc", "%2E%2E%2Fetc"),
            ("été", "%C3%A9t%C3%A9"),
            ("con", "%63on"),
            ("Com7", "%43om7"),
            ("console", "console"),
            ("", "%"),
            ("a~1", "a%7E1"),
        ] {
            assert_eq!(encode(name), expected, "{name}");
        }
        let long = encode(&"x".repeat(101));
        assert_eq!(long, format!("{}~~{}", "x".repeat(60), &blake3::hash("x".repeat(101).as_bytes()).to_hex()[..32]));
        assert_eq!(encode(&"x".repeat(100)), "x".repeat(100));
    }

    #[test]
    fn different_names_differ_on_file_systems_that_ignore_case() {
        let long = "a".repeat(300);
        let names = [
            "users",
            "Users",
            "USERS",
            "uSers",
            "users~1",
            "Users~1",
            "users%",
            "%75sers",
            "é",
            "É",
            "e\u{301}",
            "E\u{301}",
            "con",
            "CON",
            "Con",
            "%63on",
            "a.b",
            "a%2Eb",
            "a b",
            "a\nb",
            "a\0b",
            "a/b",
            "a\\b",
            "..",
            ".",
            "",
            "%",
            "-",
            "com\u{b9}",
            "nul",
            "aux.x",
            &long,
            &format!("{long}b"),
            &long.to_uppercase(),
            "ß",
            "SS",
            "ss",
        ];
        let folded: HashSet<String> = names.iter().map(|name| encode(name).to_lowercase()).collect();
        assert_eq!(folded.len(), names.len());
        for name in names {
            let path = exceptions_path(name, &CollectionName::new(name, name));
            assert!(is_safe(&path), "{path}");
            assert!(path.split('/').all(|part| part.len() + PARTIAL.len() <= 255), "{path}");
        }
    }

    #[test]
    fn shortening_never_splits_an_escape() {
        for blanks in 0..3 {
            let encoded = encode(&format!("{}{}", "x".repeat(blanks), "é".repeat(60)));
            let (readable, _) = encoded.split_once("~~").expect("a shortened name");
            assert!(readable.len() > READABLE - 3 && (readable.len() - blanks) % 3 == 0, "{encoded}");
        }
    }

    #[test]
    fn dangerous_paths_are_not_safe() {
        for path in ["", "/etc/passwd", "a/../b", "..", "a//b", "a/", "./a", "a\\b", "a\0b", "C:/x", "data/ü"] {
            assert!(!is_safe(path), "{path:?}");
        }
        assert!(is_safe(MANIFEST));
    }
}
