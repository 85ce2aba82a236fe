//! How far a run is, in words.

use crate::cli::text::one_line;
use crate::cli::units;
use dbferry::progress::{Position, RowCount, Tally};

/// How far it is: `42%, 5 s left, group user`; what is not known is left out.
pub(super) fn state(tally: &Tally) -> String {
    // Rounded down: 100% is the end and nothing before it.
    let percent = tally.fraction().map(|done| format!("{}%", (done * 100.0).floor()));
    let left = tally.left().map(|left| format!("{} left", units::time_left(left)));
    let group = tally.group().map(|group| format!("group {}", one_line(group)));
    percent.into_iter().chain(left).chain(group).collect::<Vec<_>>().join(", ")
}

/// What went by: `4,200,000 of ~10,000,000 rows, 1,230,000 rows/s, 140 MB/s`; empty before the first row.
pub(super) fn rates(tally: &Tally) -> String {
    if tally.rows() == 0 {
        return String::new();
    }
    let Position { rows, expected, again } = tally.position();
    let mut line = of_rows(rows, expected);
    if again {
        line.push_str(" read again");
    }
    if let Some(speed) = tally.speed() {
        let rows = units::count(units::three_digits(speed.rows));
        line.push_str(&format!(", {rows} rows/s, {}/s", units::size(speed.bytes)));
    }
    line
}

/// `5 of 10 rows`, `5 of ~10 rows`, `5 rows`. An estimate that was too low claims nothing.
pub(super) fn of_rows(rows: u64, expected: RowCount) -> String {
    match expected {
        RowCount::Exactly(expected) => format!("{} of {} rows", units::count(rows), units::count(expected)),
        RowCount::About(expected) if expected >= rows => {
            format!("{} of ~{} rows", units::count(rows), units::count(expected))
        }
        _ => format!("{} rows", units::count(rows)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry::progress::Event;
    use std::time::Instant;

    #[test]
    fn the_lines_say_how_far_and_how_much() {
        let mut tally = Tally::new(Instant::now());
        assert_eq!((state(&tally), rates(&tally)), (String::new(), String::new()), "nothing is claimed before");
        tally.add(Event::Planned { collections: 1, rows: RowCount::About(3_000_000), again: 2_000_000, work: 1_000 });
        tally.add(Event::Phase { name: "load", group: Some("user") });
        tally.add(Event::Rows { collection: "main.a", rows: 1_200_000, bytes: 48_000_000, again: false });
        tally.add(Event::Work { amount: 395 });
        assert_eq!(state(&tally), "39%, group user", "no time is told in the first moments");
        tally.add(Event::Phase { name: "prove", group: Some("user") });
        assert_eq!(rates(&tally), "1,200,000 of ~3,000,000 rows", "no rates without rows");
        tally.add(Event::Rows { collection: "main.a", rows: 500_000, bytes: 5_000_000, again: true });
        assert_eq!(rates(&tally), "500,000 of 2,000,000 rows read again");
        tally.add(Event::Work { amount: 5_000 });
        assert_eq!(state(&tally), "100%, group user");
    }

    #[test]
    fn an_estimate_that_was_too_low_claims_nothing() {
        assert_eq!(of_rows(5, RowCount::About(10)), "5 of ~10 rows");
        assert_eq!(of_rows(15, RowCount::About(10)), "15 rows");
        assert_eq!(of_rows(15, RowCount::Exactly(10)), "15 of 10 rows");
        assert_eq!(of_rows(1_000, RowCount::Unknown), "1,000 rows");
    }
}
