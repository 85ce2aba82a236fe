//! Collations of one flavour in the other's words.
//!
//! Both have the old ones: `utf8mb4_general_ci`, `latin1_swedish_ci`. Apart are
//!
//! | MySQL | MariaDB | |
//! |---|---|---|
//! | `utf8mb4_0900_ai_ci`, `utf8mb4_cs_0900_as_cs` | `utf8mb4_uca1400_nopad_ai_ci`, `utf8mb4_uca1400_czech_nopad_as_cs` | MariaDB since 10.10; before it `utf8mb4_unicode_520_nopad_ci` |
//! | `utf8mb4_0900_bin` | `utf8mb4_nopad_bin` | |
//! | character set `gb18030` | `utf8mb4` | |
//!
//! The order of some characters differs between a collation and its counterpart, since the versions of Unicode do, so each
//! change is told. Two values that only then are equal in a unique key are refused by the server, never dropped.

use super::scan::{Kind, tokens};
use crate::flavour::ServerVersion;

/// MySQL's names of languages and MariaDB's.
const LANGUAGES: [(&str, &str); 20] = [
    ("cs", "czech"),
    ("da", "danish"),
    ("de_pb", "german2"),
    ("eo", "esperanto"),
    ("es", "spanish"),
    ("es_trad", "spanish2"),
    ("et", "estonian"),
    ("hr", "croatian"),
    ("hu", "hungarian"),
    ("is", "icelandic"),
    ("la", "roman"),
    ("lt", "lithuanian"),
    ("lv", "latvian"),
    ("pl", "polish"),
    ("ro", "romanian"),
    ("sk", "slovak"),
    ("sl", "slovenian"),
    ("sv", "swedish"),
    ("tr", "turkish"),
    ("vi", "vietnamese"),
];

/// The first MariaDB with the collations of Unicode 14.
const UCA_1400: (u16, u16, u16) = (10, 10, 0);

/// The counterpart of a collation on that server, or on any server of the family; `None` when it is there under its own
/// name.
pub(crate) fn translate(collation: &str, target: Option<ServerVersion>) -> Option<String> {
    let lower = collation.to_ascii_lowercase();
    // MariaDB lists collations of several character sets without one.
    let (charset, rest) = lower.split_once('_')?;
    let is_mariadb = target.is_some_and(ServerVersion::is_mariadb);
    if charset == "gb18030" && target.is_none_or(ServerVersion::is_mariadb) {
        let new = if is_mariadb { "nopad_ci" } else { "ci" };
        return Some(if rest == "bin" { "utf8mb4_bin".into() } else { format!("utf8mb4_unicode_520_{new}") });
    }
    if let Some((language, strength)) = of_unicode_9(rest) {
        return match target {
            Some(target) if !target.is_mariadb() => None,
            Some(target) => Some(uca_1400(language, strength, target)),
            None => Some(plain(charset, strength)),
        };
    }
    let (language, strength) = match of_unicode_14(rest) {
        Some(found) => found,
        None if rest.contains("nopad") || is_of_mariadb(rest) => {
            (None, if rest.ends_with("bin") { "bin" } else { "ai_ci" })
        }
        None if rest == "tolower_ci" && is_mariadb => return Some(format!("{charset}_general_ci")),
        None => return None,
    };
    match target {
        Some(target) if target.is_mariadb() => None,
        Some(_) if charset == "utf8mb4" && !rest.contains("general") && !is_of_mariadb(rest) => {
            Some(unicode_9(language, strength))
        }
        _ if rest.contains("general") => Some(format!("{charset}_general_ci")),
        _ if rest == "croatian_mysql561_ci" => Some(format!("{charset}_croatian_ci")),
        _ => Some(plain(charset, strength)),
    }
}

/// A text of SQL with its collations in the target's words.
pub(crate) fn translate_text(text: &str, target: Option<ServerVersion>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for token in tokens(text).iter().filter(|token| token.kind == Kind::Word) {
        if let Some(other) = Some(token.text).filter(|word| is_name(word)).and_then(|word| translate(word, target)) {
            result.push_str(text.get(from..token.start).unwrap_or_default());
            result.push_str(&other);
            from = token.end();
        }
    }
    result.push_str(text.get(from..).unwrap_or_default());
    result
}

/// Whether a word can be nothing but a collation that one flavour alone has.
fn is_name(word: &str) -> bool {
    ["_0900_", "_uca1400_", "_nopad_"].iter().any(|part| word.contains(part)) && word.contains("_")
}

/// The character set of a collation.
pub(crate) fn charset(collation: &str) -> &str {
    collation.split_once('_').map_or(collation, |(charset, _)| charset)
}

/// `cs_0900_as_cs` is the language and the strength of one of MySQL's.
fn of_unicode_9(rest: &str) -> Option<(Option<&str>, &str)> {
    if let Some(strength) = rest.strip_prefix("0900_") {
        return Some((None, strength));
    }
    let (language, strength) = rest.split_once("_0900_")?;
    Some((Some(language), strength))
}

/// `uca1400_czech_nopad_as_cs` is the language and the strength of one of MariaDB's.
fn of_unicode_14(rest: &str) -> Option<(Option<&'static str>, &'static str)> {
    let rest = rest.strip_prefix("uca1400_")?;
    let strength = ["ai_ci", "ai_cs", "as_ci", "as_cs"].into_iter().find(|strength| rest.ends_with(strength))?;
    let language = LANGUAGES
        .iter()
        .find(|(_, name)| rest.split_once('_').is_some_and(|(language, _)| language == *name))
        .map(|(language, _)| *language);
    Some((language, strength))
}

fn is_of_mariadb(rest: &str) -> bool {
    ["croatian_mysql561_ci", "myanmar_ci", "thai_520_w2"].contains(&rest)
}

fn uca_1400(language: Option<&str>, strength: &str, target: ServerVersion) -> String {
    if strength == "bin" {
        return "utf8mb4_nopad_bin".to_owned();
    }
    let strength = strength.strip_suffix("_ks").unwrap_or(strength);
    if target.number < UCA_1400 {
        return if strength == "as_cs" { "utf8mb4_nopad_bin" } else { "utf8mb4_unicode_520_nopad_ci" }.to_owned();
    }
    let language = LANGUAGES.iter().find(|(own, _)| Some(*own) == language).map(|(_, name)| *name);
    match language {
        Some(language) => format!("utf8mb4_uca1400_{language}_nopad_{strength}"),
        None => format!("utf8mb4_uca1400_nopad_{strength}"),
    }
}

fn unicode_9(language: Option<&str>, strength: &str) -> String {
    match (language, strength) {
        (_, "bin") => "utf8mb4_0900_bin".to_owned(),
        (None, "ai_cs") => "utf8mb4_0900_as_cs".to_owned(),
        (None, strength) => format!("utf8mb4_0900_{strength}"),
        // A language has these two.
        (Some(language), "ai_ci") => format!("utf8mb4_{language}_0900_ai_ci"),
        (Some(language), _) => format!("utf8mb4_{language}_0900_as_cs"),
    }
}

/// What every server of the family has.
fn plain(charset: &str, strength: &str) -> String {
    let is_unicode = ["utf8mb4", "utf8mb3", "ucs2", "utf16", "utf32"].contains(&charset);
    match strength {
        "ai_ci" | "as_ci" if is_unicode => format!("{charset}_unicode_520_ci"),
        "ai_ci" | "as_ci" => format!("{charset}_general_ci"),
        _ => format!("{charset}_bin"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collations_have_counterparts() {
        let maria = Some(ServerVersion::parse("10.11.14-MariaDB"));
        let old_maria = Some(ServerVersion::parse("10.6.1-MariaDB"));
        let mysql = Some(ServerVersion::parse("9.7.4"));
        for (name, target, expected) in [
            ("utf8mb4_0900_ai_ci", maria, Some("utf8mb4_uca1400_nopad_ai_ci")),
            ("utf8mb4_0900_ai_ci", old_maria, Some("utf8mb4_unicode_520_nopad_ci")),
            ("utf8mb4_0900_ai_ci", mysql, None),
            ("utf8mb4_0900_ai_ci", None, Some("utf8mb4_unicode_520_ci")),
            ("utf8mb4_0900_bin", maria, Some("utf8mb4_nopad_bin")),
            ("utf8mb4_de_pb_0900_as_cs", maria, Some("utf8mb4_uca1400_german2_nopad_as_cs")),
            ("utf8mb4_ja_0900_as_cs_ks", maria, Some("utf8mb4_uca1400_nopad_as_cs")),
            ("utf8mb4_uca1400_german2_nopad_ai_cs", mysql, Some("utf8mb4_de_pb_0900_as_cs")),
            ("utf8mb4_uca1400_ai_ci", mysql, Some("utf8mb4_0900_ai_ci")),
            ("utf8mb4_uca1400_ai_ci", maria, None),
            ("utf8mb3_uca1400_ai_ci", mysql, Some("utf8mb3_unicode_520_ci")),
            ("utf8mb4_nopad_bin", mysql, Some("utf8mb4_0900_bin")),
            ("utf8mb4_general_nopad_ci", mysql, Some("utf8mb4_general_ci")),
            ("latin1_swedish_nopad_ci", mysql, Some("latin1_general_ci")),
            ("utf8mb4_general_ci", mysql, None),
            ("latin1_swedish_ci", maria, None),
            ("gb18030_chinese_ci", maria, Some("utf8mb4_unicode_520_nopad_ci")),
            ("gb18030_chinese_ci", mysql, None),
            ("binary", maria, None),
        ] {
            assert_eq!(translate(name, target).as_deref(), expected, "{name} {target:?}");
        }
        assert_eq!(
            translate_text("(`a_0900_b` = 'x_0900_y' collate utf8mb4_0900_bin)", maria),
            "(`a_0900_b` = 'x_0900_y' collate utf8mb4_nopad_bin)"
        );
    }
}
