//! Progress on a terminal: one bar for all, and a line for each collection in work.

use super::View;
use super::tally::{Active, Tally};
use crate::cli::text::one_line;
use crate::cli::units;
use dbferry::progress::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

pub(super) struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    lines: Vec<ProgressBar>,
    /// Whether the number of rows is unknown, so that there is no bar to fill.
    open_end: bool,
}

/// The first line where the end is known, and where it is not; and a line below.
const BAR: &str = "{spinner} {prefix} {bar:24} {wide_msg}";
const OPEN_END: &str = "{spinner} {prefix} {wide_msg}";
const LINE: &str = "  {wide_msg}";

impl Bars {
    /// With at most `jobs` lines below the bar.
    pub(super) fn new(jobs: usize) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let total = all.add(ProgressBar::new(0));
        total.set_style(style(OPEN_END));
        let lines = (0..jobs).map(|_| {
            let line = all.add(ProgressBar::no_length());
            line.set_style(style(LINE));
            line
        });
        let lines = lines.collect();
        Self { all, total, lines, open_end: true }
    }

    fn say(&self, line: &str) {
        // A terminal that is gone hears nothing; the work goes on.
        drop(self.all.println(line));
    }
}

/// The templates are constants; one that could not be read would show as indicatif's own default.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸ ")
        .tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}

impl View for Bars {
    fn event(&mut self, event: Event<'_>, tally: &Tally) {
        match event {
            Event::Warning { message } => self.say(&format!("warning: {}", one_line(message))),
            Event::GroupFinished { group, replaced: false } => {
                self.say(&format!("group {}: failed, left as it was", one_line(group)));
            }
            Event::Phase { .. } => self.tick(tally),
            _ => {}
        }
    }

    fn tick(&mut self, tally: &Tally) {
        let planned = tally.rows_planned.filter(|planned| *planned >= tally.rows);
        if self.open_end != planned.is_none() {
            self.open_end = planned.is_none();
            self.total.set_style(style(if self.open_end { OPEN_END } else { BAR }));
        }
        self.total.set_prefix(tally.phase());
        self.total.set_length(planned.unwrap_or(tally.rows));
        self.total.set_position(tally.rows);
        self.total.set_message(tally.line(tally.moving()));
        self.total.tick();
        let mut in_work = tally.in_work();
        for line in &self.lines {
            line.set_message(in_work.next().map_or_else(String::new, |(name, active)| describe(name, active)));
        }
    }

    fn every(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn finish(&mut self) {
        drop(self.all.clear());
    }
}

fn describe(name: &str, active: Active) -> String {
    let name = one_line(name);
    match active.expected {
        Some(expected) if expected >= active.rows => {
            format!("{name}  {} of {} rows", units::count(active.rows), units::count(expected))
        }
        _ => format!("{name}  {} rows", units::count(active.rows)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_can_be_read() {
        for template in [BAR, OPEN_END, LINE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_collection_in_work_is_one_safe_line() {
        assert_eq!(describe("main.\u{1b}a", Active { rows: 1_000, expected: None }), "main.\\u{1b}a  1,000 rows");
        assert_eq!(describe("a", Active { rows: 5, expected: Some(10) }), "a  5 of 10 rows");
        assert_eq!(describe("a", Active { rows: 15, expected: Some(10) }), "a  15 rows");
    }
}
