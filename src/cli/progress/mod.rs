//! Progress on the way to whoever waits: bars on a terminal, lines in a log, events for a program.
//!
//! The engine reports from many threads and must not wait for a terminal. So an event only updates a tally, and a thread
//! of its own shows the tally at its own pace; what happens rarely (a phase, a group, a warning) is shown at once.

mod bar;
mod events;
mod plain;
mod words;

use super::choices::ProgressStyle;
use super::output::Output;
use bar::Bars;
use dbferry::Error;
use dbferry::progress::{Event, Progress, Tally};
use events::Events;
use plain::Plain;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Somewhere that progress is shown.
trait View: Send {
    /// Something rare happened: never [`Event::Rows`] or [`Event::Work`]. `tally` has it already.
    fn event(&mut self, event: Event<'_>, tally: &Tally);

    /// Time has passed.
    fn tick(&mut self, tally: &Tally);

    /// How often to tick.
    fn every(&self) -> Duration;

    /// The end; leaves nothing half-drawn behind.
    fn finish(&mut self) {}
}

/// What was moved, for the summary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    /// Rows; twice as many as there are where all are read again.
    pub(crate) rows: u64,
    /// Their bytes in memory.
    pub(crate) bytes: u64,
    /// Time since the reporter was made.
    pub(crate) time: Duration,
}

/// The command line's [`Progress`].
pub(crate) struct Reporter {
    shared: Arc<Shared>,
    ticker: Option<JoinHandle<()>>,
}

struct Shared {
    tally: Mutex<Tally>,
    /// `None` where nothing is shown. Never locked while `tally` is.
    view: Mutex<Option<Box<dyn View>>>,
    stopped: Mutex<bool>,
    wake: Condvar,
}

impl Reporter {
    /// Starts to report in the style that was asked for. `jobs` bounds how many collections are shown at once.
    pub(crate) fn start(style: ProgressStyle, output: Output, jobs: usize) -> Result<Self, Error> {
        let style = match style {
            ProgressStyle::Auto if output.json => ProgressStyle::Json,
            ProgressStyle::Auto if output.quiet => ProgressStyle::None,
            ProgressStyle::Auto if io::stderr().is_terminal() => ProgressStyle::Bar,
            ProgressStyle::Auto => ProgressStyle::Plain,
            style => style,
        };
        let view: Option<Box<dyn View>> = match style {
            ProgressStyle::Bar => Some(Box::new(Bars::new(jobs))),
            ProgressStyle::Json => Some(Box::new(Events::new(output))),
            ProgressStyle::Plain => Some(Box::new(Plain::new(output))),
            ProgressStyle::None | ProgressStyle::Auto => None,
        };
        let every = view.as_ref().map(|view| view.every());
        let shared = Arc::new(Shared {
            tally: Mutex::new(Tally::new(Instant::now())),
            view: Mutex::new(view),
            stopped: Mutex::new(false),
            wake: Condvar::new(),
        });
        let ticker = match every {
            None => None,
            Some(every) => {
                let shared = Arc::clone(&shared);
                let thread = std::thread::Builder::new().name("progress".into()).spawn(move || shared.tick(every));
                Some(thread.map_err(|error| Error::io("cannot start a thread", error))?)
            }
        };
        Ok(Self { shared, ticker })
    }

    /// Ends the show, before the result is printed.
    pub(crate) fn finish(mut self) -> Moved {
        self.stop();
        let tally = lock(&self.shared.tally);
        Moved { rows: tally.rows(), bytes: tally.bytes(), time: tally.started().elapsed() }
    }

    fn stop(&mut self) {
        *lock(&self.shared.stopped) = true;
        self.shared.wake.notify_all();
        if let Some(ticker) = self.ticker.take() {
            // A ticker that panicked has nothing to show any more; the work is not concerned.
            drop(ticker.join());
        }
        if let Some(mut view) = lock(&self.shared.view).take() {
            view.finish();
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn tick(&self, every: Duration) {
        let mut stopped = lock(&self.stopped);
        loop {
            // The flag is looked at first: a run may be over before this thread begins to wait.
            stopped = self
                .wake
                .wait_timeout_while(stopped, every, |stopped| !*stopped)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            if *stopped {
                return;
            }
            let tally = lock(&self.tally).clone();
            if let Some(view) = &mut *lock(&self.view) {
                view.tick(&tally);
            }
        }
    }
}

impl Progress for Reporter {
    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::Spent { .. }) {
            return;
        }
        let tally = {
            let mut tally = lock(&self.shared.tally);
            tally.add(event);
            if matches!(event, Event::Rows { .. } | Event::Work { .. }) {
                return;
            }
            tally.clone()
        };
        if let Some(view) = &mut *lock(&self.shared.view) {
            view.event(event, &tally);
        }
    }
}

/// A panic elsewhere leaves a tally behind that is at worst a little short, so it is used on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::choices::ColorWhen;

    #[derive(Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl View for Seen {
        fn event(&mut self, event: Event<'_>, _tally: &Tally) {
            lock(&self.0).push(format!("{event:?}"));
        }

        fn tick(&mut self, tally: &Tally) {
            lock(&self.0).push(format!("tick {}", tally.rows()));
        }

        fn every(&self) -> Duration {
            Duration::from_millis(1)
        }
    }

    #[test]
    fn a_run_that_is_over_at_once_does_not_wait_for_its_progress() {
        let begun = Instant::now();
        for _ in 0..100 {
            let output = Output::new(false, false, 0, ColorWhen::Never);
            Reporter::start(ProgressStyle::Plain, output, 1).unwrap().finish();
            assert!(begun.elapsed() < Duration::from_secs(5));
        }
    }

    #[test]
    fn rows_are_only_counted_and_the_rest_is_shown_at_once() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::new(Shared {
            tally: Mutex::new(Tally::new(Instant::now())),
            view: Mutex::new(Some(Box::new(Seen(Arc::clone(&seen))))),
            stopped: Mutex::new(false),
            wake: Condvar::new(),
        });
        let reporter = Reporter { shared, ticker: None };
        reporter.event(Event::Rows { collection: "a", rows: 5, bytes: 100, again: false });
        reporter.event(Event::Work { amount: 1 });
        reporter.event(Event::Phase { name: "load", group: None });
        assert_eq!(lock(&seen).len(), 1);
        assert!(lock(&seen)[0].contains("load"));
        assert_eq!(reporter.finish().bytes, 100);
    }
}
