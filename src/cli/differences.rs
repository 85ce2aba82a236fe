//! Rows that differ, as people and programs get to see them: what `verify` and `diff` share.

use super::output::{Columns, Output};
use super::text::one_line;
use dbferry::Result;
use dbferry::verify::{NotCompared, RowDifference, RowDifferenceKind, RowDifferences};

/// The most characters of a value in a table.
const MOST_CHARACTERS: usize = 60;

/// The rows of one table that differ: a heading, a line a cell, and where there are more.
pub(super) fn say(output: &Output, table: &str, sides: [&str; 2], found: &RowDifferences) -> Result<()> {
    if found.rows.is_empty() {
        return Ok(());
    }
    let by = match (found.key.is_empty(), &found.first_key, &found.last_key) {
        (true, ..) => "; it has no key, so a changed row is one that is missing and one that is extra".to_owned(),
        (false, Some(first), Some(last)) if first == last => format!(", by {}: {first}", found.key.join(", ")),
        (false, first, last) => {
            let end = |key: &Option<String>| key.clone().unwrap_or_default();
            format!(", by {}: from {} to {}", found.key.join(", "), end(first), end(last))
        }
    };
    output.heading(format!("{}: {}{}", one_line(table), found.describe(), one_line(&by)))?;
    let mut lines = Columns::new(&["row", "column", "first", "second"], &[]);
    for row in &found.rows {
        for line in lines_of(row) {
            lines.row(line);
        }
    }
    output.table(&lines)?;
    output.say(format!("first: {}, second: {}", one_line(sides[0]), one_line(sides[1])))?;
    let shown = found.rows.len() as u64;
    if found.count() > shown {
        let more = super::units::count(found.count() - shown);
        output.say(format!("... and {more} more; --differences N shows more of them"))?;
    }
    Ok(())
}

/// A changed row has a line for each cell; a row that is on one side only has one with all its values.
fn lines_of(row: &RowDifference) -> Vec<[String; 4]> {
    let key = row.key.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(", ");
    let times = if row.times > 1 { format!("{} times ", row.times) } else { String::new() };
    let whole = |value: fn(&dbferry::verify::CellDifference) -> Option<&str>| {
        // The key stands beside it.
        let others = row.cells.iter().filter(|cell| !row.key.iter().any(|part| part.column == cell.column));
        let cells = others.filter_map(|cell| Some(format!("{}={}", cell.column, value(cell)?)));
        shorten(&format!("{times}{}", cells.collect::<Vec<_>>().join(", ")), 2 * MOST_CHARACTERS)
    };
    match row.kind {
        RowDifferenceKind::Missing => {
            vec![[key, "(missing)".into(), whole(|cell| cell.source.as_deref()), String::new()]]
        }
        RowDifferenceKind::Extra => vec![[key, "(extra)".into(), String::new(), whole(|cell| cell.target.as_deref())]],
        RowDifferenceKind::Changed => {
            let cells = row.cells.iter().enumerate().map(|(position, cell)| {
                let value = [&cell.source, &cell.target].map(|value| value.as_deref().unwrap_or_default());
                let [source, target] = excerpts(value);
                // The key stands beside the first of its cells.
                [if position == 0 { key.clone() } else { String::new() }, cell.column.clone(), source, target]
            });
            cells.collect()
        }
    }
}

/// Both values, each from where they begin to differ if they are long.
fn excerpts(values: [&str; 2]) -> [String; 2] {
    let same = values[0].chars().zip(values[1].chars()).take_while(|(left, right)| left == right).count();
    if values.iter().all(|value| value.chars().count() <= MOST_CHARACTERS) || same < MOST_CHARACTERS / 2 {
        return values.map(|value| shorten(value, MOST_CHARACTERS));
    }
    let from = same - MOST_CHARACTERS / 4;
    values.map(|value| shorten(&format!("...{}", value.chars().skip(from).collect::<String>()), MOST_CHARACTERS))
}

fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most).chain("...".chars()).collect()
}

/// The columns that could not be compared, as a warning a table.
pub(super) fn warn_not_compared(output: &Output, table: &str, columns: &[NotCompared]) {
    if !columns.is_empty() {
        let columns: Vec<String> =
            columns.iter().map(|column| format!("{} ({})", column.column, column.reason)).collect();
        output.warn(&format!("{table}: not compared: {}", columns.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shown_where_they_differ() {
        let (left, right) = (format!("{}a", "x".repeat(500)), format!("{}b", "x".repeat(500)));
        let [left, right] = excerpts([&left, &right]);
        assert_eq!((left, right), (format!("...{}a", "x".repeat(15)), format!("...{}b", "x".repeat(15))));
        assert_eq!(excerpts(["a", "b"]), ["a", "b"]);
        let [left, right] = excerpts(["short", &"y".repeat(100)]);
        assert_eq!((left.as_str(), right), ("short", format!("{}...", "y".repeat(60))));
    }
}
