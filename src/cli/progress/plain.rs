//! Progress as lines in a log: one a phase, and one every so often while rows move.

use super::words::{rates, state};
use super::{Output, View};
use crate::cli::output::write_err;
use crate::cli::text::one_line;
use crate::cli::units;
use dbferry::progress::{Event, Tally};
use std::time::Duration;

/// How many collections in work a line names.
const NAMED: usize = 4;

pub(super) struct Plain {
    output: Output,
    every: Duration,
}

impl Plain {
    pub(super) fn new(output: Output) -> Self {
        // The logs of pipelines are long enough.
        let pipeline = std::env::var("CI").is_ok_and(|value| matches!(value.as_str(), "true" | "1"));
        Self { output, every: Duration::from_secs(if pipeline { 30 } else { 10 }) }
    }
}

impl View for Plain {
    fn event(&mut self, event: Event<'_>, tally: &Tally) {
        match event {
            Event::Warning { message } => self.output.warn(message),
            Event::GroupFinished { group, replaced } => {
                let what = if replaced { "done" } else { "failed, left as it was" };
                write_err(&format!("group {}: {what}\n", one_line(group)));
            }
            Event::Phase { .. } if self.output.verbose > 0 => write_err(&format!("{}\n", line(tally))),
            Event::CollectionFinished { collection, rows } if self.output.verbose > 0 => {
                write_err(&format!("{}: {} rows\n", one_line(collection), units::count(rows)));
            }
            _ => {}
        }
    }

    fn tick(&mut self, tally: &Tally) {
        write_err(&format!("{}\n", line(tally)));
    }

    fn every(&self) -> Duration {
        self.every
    }
}

fn line(tally: &Tally) -> String {
    let mut names: Vec<_> = tally.in_work().take(NAMED).map(|(name, _)| one_line(name).into_owned()).collect();
    let more = tally.in_work().count().saturating_sub(names.len());
    if let (true, Some(last)) = (more > 0, names.last_mut()) {
        last.push_str(&format!(" and {more} more"));
    }
    let in_work = if names.is_empty() { String::new() } else { format!("in work: {}", names.join(", ")) };
    let mut parts = vec![state(tally), rates(tally), in_work];
    parts.retain(|part| !part.is_empty());
    format!("{}: {}", tally.phase(), if parts.is_empty() { "begins".to_owned() } else { parts.join("; ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry::progress::RowCount;
    use std::time::Instant;

    #[test]
    fn a_line_names_what_is_in_work_but_not_without_end() {
        let mut tally = Tally::new(Instant::now());
        tally.add(Event::Phase { name: "read", group: None });
        assert_eq!(line(&tally), "read: begins");
        for name in ["a", "b", "c", "d", "e", "\u{1b}f"] {
            tally.add(Event::CollectionStarted { collection: name, rows: RowCount::Unknown });
        }
        assert_eq!(line(&tally), "read: in work: \\u{1b}f, a, b, c and 2 more");
    }
}
