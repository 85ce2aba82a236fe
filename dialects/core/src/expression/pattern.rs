//! What a text must look like.

/// A pattern of `LIKE`, taken apart, since engines differ in what escapes its signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(pub Vec<PatternPart>);

/// One part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternPart {
    /// Any characters, or none.
    Any,
    /// One character.
    One,
    /// This character.
    Just(char),
}

impl Pattern {
    /// A pattern with `%` and `_`, in which `escape` makes the next character stand for itself. `None` when an escape comes at
    /// the end.
    pub fn like(text: &str, escape: Option<char>) -> Option<Self> {
        let mut parts = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            parts.push(match character {
                _ if Some(character) == escape => PatternPart::Just(characters.next()?),
                '%' => PatternPart::Any,
                '_' => PatternPart::One,
                _ => PatternPart::Just(character),
            });
        }
        Some(Self(parts))
    }

    /// A pattern with `*`, `?` and, for one character, `[c]`. `None` when it has a set of several.
    pub fn glob(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            parts.push(match character {
                '*' => PatternPart::Any,
                '?' => PatternPart::One,
                '[' => {
                    let one = characters.next().filter(|one| *one != '^')?;
                    characters.next().filter(|end| *end == ']')?;
                    PatternPart::Just(one)
                }
                _ => PatternPart::Just(character),
            });
        }
        Some(Self(parts))
    }

    /// With `%` and `_`, and a backslash before what stands for itself.
    pub fn to_like(&self) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                PatternPart::Any => text.push('%'),
                PatternPart::One => text.push('_'),
                PatternPart::Just(character) => {
                    if matches!(character, '%' | '_' | '\\') {
                        text.push('\\');
                    }
                    text.push(*character);
                }
            }
        }
        text
    }

    /// With `*` and `?`, and brackets around what stands for itself.
    pub fn to_glob(&self) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                PatternPart::Any => text.push('*'),
                PatternPart::One => text.push('?'),
                PatternPart::Just(character @ ('*' | '?' | '[')) => text.extend(['[', *character, ']']),
                PatternPart::Just(character) => text.push(*character),
            }
        }
        text
    }

    /// The same in lower case; `None` when it has a letter that engines fold in different ways.
    pub fn in_lower_case(&self) -> Option<Self> {
        let lower = |part: &PatternPart| match part {
            PatternPart::Just(character) => {
                character.is_ascii().then(|| PatternPart::Just(character.to_ascii_lowercase()))
            }
            other => Some(*other),
        };
        self.0.iter().map(lower).collect::<Option<Vec<_>>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_the_same_in_both_notations() {
        for (like, glob) in
            [("a%_", "a*?"), ("100\\%", "100%"), ("a\\_b*", "a_b[*]"), ("[x]?\\\\", "[[]x][?]\\"), ("", "")]
        {
            let pattern = Pattern::like(like, Some('\\')).expect(like);
            assert_eq!(pattern.to_glob(), glob);
            assert_eq!(pattern.to_like(), like);
            assert_eq!(Pattern::glob(glob), Some(pattern));
        }
        assert_eq!(Pattern::like("a\\", Some('\\')), None);
        for sets in ["[a-z]", "[^a]", "[ab]", "[", "[a"] {
            assert_eq!(Pattern::glob(sets), None, "{sets}");
        }
        let plain = Pattern::like("a\\%", None).expect("no escape");
        assert_eq!(plain.to_like(), "a\\\\%");
    }
}
