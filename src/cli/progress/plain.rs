//! Progress as lines in a log: one a phase, and one every so often while rows move.

use super::tally::Tally;
use super::{Output, View};
use crate::cli::output::write_err;
use crate::cli::text::one_line;
use crate::cli::units;
use dbferry::progress::Event;
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
            Event::Phase { .. } if self.output.verbose > 0 => write_err(&format!("{}\n", tally.phase())),
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
    let mut line = format!("{}: {}", tally.phase(), tally.line(tally.moving()));
    for (position, (name, _)) in tally.in_work().take(NAMED).enumerate() {
        line.push_str(if position == 0 { "; in work: " } else { ", " });
        line.push_str(&one_line(name));
    }
    let more = tally.in_work().count().saturating_sub(NAMED);
    if more > 0 {
        line.push_str(&format!(" and {more} more"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_line_names_what_is_in_work_but_not_without_end() {
        let mut tally = Tally::new(Instant::now());
        tally.add(Event::Phase { name: "read", group: None });
        for name in ["a", "b", "c", "d", "e", "\u{1b}f"] {
            tally.add(Event::CollectionStarted { collection: name, rows: None });
        }
        assert_eq!(line(&tally), "read: 0 rows; in work: \\u{1b}f, a, b, c and 2 more");
    }
}
