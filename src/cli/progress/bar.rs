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
}

impl Bars {
    /// With at most `jobs` lines below the bar.
    pub(super) fn new(jobs: usize) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let total = all.add(ProgressBar::new(0));
        total.set_style(style("{spinner} {prefix} {bar:24} {msg}"));
        let lines = (0..jobs).map(|_| {
            let line = all.add(ProgressBar::no_length());
            line.set_style(style("  {msg}"));
            line
        });
        let lines = lines.collect();
        Self { all, total, lines }
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
        self.total.set_prefix(tally.phase());
        self.total.set_length(tally.rows_planned.unwrap_or(0).max(tally.rows).max(1));
        self.total.set_position(tally.rows);
        self.total.set_message(tally.line(tally.moving()));
        self.total.tick();
        let mut active = tally.active.iter();
        for line in &self.lines {
            line.set_message(active.next().map_or_else(String::new, |(name, active)| in_work(name, *active)));
        }
    }

    fn every(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn finish(&mut self) {
        drop(self.all.clear());
    }
}

fn in_work(name: &str, active: Active) -> String {
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
        for template in ["{spinner} {prefix} {bar:24} {msg}", "  {msg}"] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_collection_in_work_is_one_safe_line() {
        assert_eq!(in_work("main.\u{1b}a", Active { rows: 1_000, expected: None }), "main.\\u{1b}a  1,000 rows");
        assert_eq!(in_work("a", Active { rows: 5, expected: Some(10) }), "a  5 of 10 rows");
        assert_eq!(in_work("a", Active { rows: 15, expected: Some(10) }), "a  15 rows");
    }
}
