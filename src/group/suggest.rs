//! "Did you mean": the nearest of the words that would have been right.

use std::fmt::Display;

/// The candidate nearest to `word`, if it is near enough to be a slip of the hand: at most one edit for every three
/// characters, at least one and at most three, where an edit inserts, deletes, replaces or swaps neighbours. Case does not
/// count. Of equally near ones the first.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    let bound = (word.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| {
            let spelled: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
            (distance(&word, &spelled), candidate)
        })
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean x? ` or nothing, to be put before the rest of a hint.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    closest(word, candidates).map(|candidate| format!("did you mean {candidate}? ")).unwrap_or_default()
}

/// The first items of a list and how many more there are: `a, b, c and 7 more`.
pub(crate) fn enumerate<T: Display>(items: &[T]) -> String {
    const SHOWN: usize = 20;
    let mut text = items.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        text.push_str(&format!(" and {} more", items.len() - SHOWN));
    }
    text
}

/// The optimal string alignment distance: edits that insert, delete, replace or swap two neighbours.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, from) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(from != to);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *from == right[column - 1] && left[row - 1] == *to {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let words = ["group", "tables", "query", "required"];
        assert_eq!(closest("gruop", words), Some("group"));
        assert_eq!(closest("table", words), Some("tables"));
        assert_eq!(closest("requried", words), Some("required"));
        assert_eq!(closest("QUERY", words), Some("query"));
        assert_eq!(closest("columns", words), None);
        assert_eq!(closest("x", words), None);
        assert_eq!(closest("x", []), None);
    }

    #[test]
    fn the_distance_counts_each_kind_of_edit_once() {
        let between =
            |left: &str, right: &str| distance(&left.chars().collect::<Vec<_>>(), &right.chars().collect::<Vec<_>>());
        assert_eq!(between("", ""), 0);
        assert_eq!(between("", "abc"), 3);
        assert_eq!(between("abc", ""), 3);
        assert_eq!(between("abc", "abd"), 1);
        assert_eq!(between("abc", "acb"), 1);
        assert_eq!(between("kitten", "sitting"), 3);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(enumerate(&["a", "b"]), "a, b");
        assert!(enumerate(&(0..25).collect::<Vec<_>>()).ends_with("19 and 5 more"));
    }
}
