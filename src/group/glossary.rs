//! What groups are called and what they mean, in English and French.

use crate::group::{builtin, compare, is_built_in};
use serde::{Deserialize, Serialize};

/// A language that titles and descriptions are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// French.
    #[serde(rename = "fr")]
    French,
}

impl Language {
    /// Its two-letter code.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// The language of a code or locale name: `fr`, `fr-CA` and `fr_FR.UTF-8` are French; what is not known is `None`.
    pub fn from_code(code: &str) -> Option<Self> {
        let language = code.split(['-', '_', '.', '@']).next().unwrap_or(code);
        [Self::English, Self::French].into_iter().find(|known| known.code().eq_ignore_ascii_case(language))
    }
}

/// A text in each language. A configuration may give a plain text, which is English.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Spelled")]
pub struct Translated {
    /// English.
    pub en: String,
    /// French; the English text stands in where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fr: Option<String>,
}

/// How a configuration spells a [`Translated`].
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, or { en = \"...\", fr = \"...\" }")]
enum Spelled {
    English(String),
    Each(Languages),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Languages {
    en: String,
    fr: Option<String>,
}

impl From<Spelled> for Translated {
    fn from(spelled: Spelled) -> Self {
        match spelled {
            Spelled::English(en) => Self { en, fr: None },
            Spelled::Each(Languages { en, fr }) => Self { en, fr },
        }
    }
}

impl Translated {
    /// The text in that language.
    pub fn get(&self, language: Language) -> &str {
        match (language, &self.fr) {
            (Language::French, Some(french)) => french,
            _ => &self.en,
        }
    }
}

/// A group's name, title and explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupInfo {
    /// The name, as [`validate_name`](crate::group::validate_name) allows it.
    pub name: String,
    /// A few words.
    pub title: Translated,
    /// What belongs in it, whether it takes part unless told, and what happens when it is left out.
    pub description: Translated,
}

/// The explanations of the built-in groups and of those that the configuration or a preset declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glossary {
    own: Vec<GroupInfo>,
}

impl Glossary {
    /// Adds a declared group unless one of that name is explained already; says whether it was added.
    pub fn add(&mut self, info: GroupInfo) -> bool {
        let new = !is_built_in(&info.name) && !self.declares(&info.name);
        if new {
            self.own.push(info);
        }
        new
    }

    /// Whether a group of that name was declared; built-in ones are not.
    pub fn declares(&self, name: &str) -> bool {
        self.own.iter().any(|info| info.name == name)
    }

    /// The explanation of a group. A group that nobody declared is explained by where it comes from.
    pub fn get(&self, name: &str) -> GroupInfo {
        builtin::info(name)
            .or_else(|| self.own.iter().find(|info| info.name == name).cloned())
            .unwrap_or_else(|| builtin::undeclared(name))
    }

    /// The names of all explained groups in the order of [`compare`].
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            super::BUILT_IN.into_iter().chain(self.own.iter().map(|i| i.name.as_str())).collect();
        names.sort_by(|left, right| compare(left, right));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{BUILT_IN, UNKNOWN};

    #[test]
    fn locales_name_languages() {
        for code in ["fr", "FR", "fr-CA", "fr_FR.UTF-8", "fr@euro"] {
            assert_eq!(Language::from_code(code), Some(Language::French), "{code}");
        }
        assert_eq!(Language::from_code("en_GB"), Some(Language::English));
        for code in ["", "C", "de_DE", "fro", "french"] {
            assert_eq!(Language::from_code(code), None, "{code}");
        }
    }

    #[test]
    fn every_built_in_group_is_explained_in_both_languages() {
        let glossary = Glossary::default();
        for name in BUILT_IN {
            let info = glossary.get(name);
            assert_eq!(info.name, name);
            let french = info.description.fr.as_deref().unwrap();
            for text in [info.description.en.as_str(), french] {
                assert!(text.matches(". ").count() >= 3, "several sentences explain {name}: {text}");
                assert!(!text.contains("  ") && text.ends_with('.'), "{name}: {text}");
            }
            assert_ne!(info.title.get(Language::English), info.title.get(Language::French));
            assert_ne!(info.description.en, french);
        }
    }

    #[test]
    fn declared_groups_do_not_replace_built_in_ones() {
        let text = |en: &str| Translated { en: en.to_owned(), fr: None };
        let info = |name: &str| GroupInfo { name: name.to_owned(), title: text("T"), description: text("D") };
        let mut glossary = Glossary::default();
        assert!(glossary.add(info("billing")));
        assert!(!glossary.add(info("billing")));
        assert!(!glossary.add(info(UNKNOWN)));
        assert_eq!(glossary.get("billing").title.get(Language::French), "T");
        assert_ne!(glossary.get(UNKNOWN).title.en, "T");
        assert_eq!(glossary.get("nobody").title.en, "nobody");
        assert_eq!(glossary.names().len(), BUILT_IN.len() + 1);
    }
}
