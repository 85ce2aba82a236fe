//! Where a server keeps a table's files: left out of what is carried, since another server has other places.

use super::scan::{Token, tokens};

/// A definition without `DATA DIRECTORY`, `INDEX DIRECTORY` and `TABLESPACE`, those of partitions too, and what was taken out
/// of it.
pub(crate) fn without_placement(text: &str) -> (String, Vec<String>) {
    let all = tokens(text);
    let mut result = String::with_capacity(text.len());
    let mut taken = Vec::new();
    let mut from = 0;
    let mut at = 0;
    // Nothing of a column or a key begins with these words.
    while let Some(token) = all.get(at) {
        let Some(length) = placement(all.get(at..).unwrap_or_default()) else {
            at += 1;
            continue;
        };
        let end = all.get(at + length - 1).map_or(text.len(), Token::end);
        result.push_str(text.get(from..token.start).unwrap_or_default().trim_end_matches(' '));
        taken.push(text.get(token.start..end).unwrap_or_default().to_owned());
        from = end;
        at += length;
    }
    result.push_str(text.get(from..).unwrap_or_default());
    // The mark of a version around nothing.
    (result.replace(" /*!50100 */", "").replace(" /*!50100*/", ""), taken)
}

/// How many tokens a clause has that begins here.
fn placement(words: &[Token<'_>]) -> Option<usize> {
    let word = |at: usize, text: &str| words.get(at).is_some_and(|token| token.is_word(text));
    let has_sign = |at: usize| usize::from(words.get(at).is_some_and(|token| token.is_symbol("=")));
    if (word(0, "DATA") || word(0, "INDEX")) && word(1, "DIRECTORY") {
        return Some(3 + has_sign(2));
    }
    if word(0, "TABLESPACE") {
        return Some(2 + has_sign(1));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_out() {
        let (text, taken) = without_placement(
            "CREATE TABLE `t` (\n  `tablespace` int DEFAULT NULL COMMENT 'DATA DIRECTORY=''x'''\n) /*!50100 TABLESPACE `ts1` */ \
             ENGINE=InnoDB DATA DIRECTORY='/a/' COMMENT='c'\n PARTITION BY HASH (`id`)\n(PARTITION p0 DATA DIRECTORY = '/b' ENGINE = InnoDB)",
        );
        assert_eq!(
            text,
            "CREATE TABLE `t` (\n  `tablespace` int DEFAULT NULL COMMENT 'DATA DIRECTORY=''x'''\n) \
             ENGINE=InnoDB COMMENT='c'\n PARTITION BY HASH (`id`)\n(PARTITION p0 ENGINE = InnoDB)"
        );
        assert_eq!(taken, ["TABLESPACE `ts1`", "DATA DIRECTORY='/a/'", "DATA DIRECTORY = '/b'"]);
        assert_eq!(without_placement("ENGINE=InnoDB").1.len(), 0);
    }
}
