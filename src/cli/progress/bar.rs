//! Progress on a terminal: one bar for all, and a line for each collection in work.

use super::View;
use super::words::{of_rows, rates, state};
use crate::cli::text::one_line;
use dbferry::progress::{Active, Event, Tally};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

pub(super) struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    rates: ProgressBar,
    /// One for each collection in work, as many as there are at the moment.
    lines: Vec<ProgressBar>,
    /// At most this many.
    most: usize,
    /// Whether it is unknown how far it is, so that there is no bar to fill.
    open_end: bool,
}

/// The first line where the end is known, and where it is not; and a line below.
const BAR: &str = "{spinner} {prefix} {bar:24} {wide_msg}";
const OPEN_END: &str = "{spinner} {prefix} {wide_msg}";
const LINE: &str = "  {wide_msg}";
/// The bar's own unit: finer than any terminal is wide.
const BAR_LENGTH: u64 = 1_000;

impl Bars {
    /// With at most `jobs` lines for collections.
    pub(super) fn new(jobs: usize) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let total = all.add(ProgressBar::new(BAR_LENGTH));
        total.set_style(style(OPEN_END));
        let rates = all.add(ProgressBar::no_length());
        rates.set_style(style(LINE));
        Self { all, total, rates, lines: Vec::new(), most: jobs, open_end: true }
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
        let done = tally.fraction();
        if self.open_end != done.is_none() {
            self.open_end = done.is_none();
            self.total.set_style(style(if self.open_end { OPEN_END } else { BAR }));
        }
        self.total.set_prefix(tally.phase().to_owned());
        // From 0 to 1.
        self.total.set_position((done.unwrap_or(0.0) * BAR_LENGTH as f64) as u64);
        self.total.set_message(state(tally));
        self.total.tick();
        self.rates.set_message(rates(tally));
        let mut shown = 0;
        for (name, active) in tally.in_work().take(self.most) {
            if shown == self.lines.len() {
                let line = self.all.add(ProgressBar::no_length());
                line.set_style(style(LINE));
                self.lines.push(line);
            }
            if let Some(line) = self.lines.get(shown) {
                line.set_message(describe(name, active));
            }
            shown += 1;
        }
        for line in self.lines.drain(shown..) {
            self.all.remove(&line);
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
    format!("{}  {}", one_line(name), of_rows(active.rows, active.expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry::progress::RowCount;

    #[test]
    fn the_templates_can_be_read() {
        for template in [BAR, OPEN_END, LINE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_collection_in_work_is_one_safe_line() {
        let active = Active { rows: 1_000, expected: RowCount::About(2_000) };
        assert_eq!(describe("main.\u{1b}a", active), "main.\\u{1b}a  1,000 of ~2,000 rows");
    }
}
