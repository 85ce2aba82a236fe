//! Reads collections of a unit again while others of it are still loaded.
//!
//! A target with fewer writers than there are jobs leaves time for it: SQLite has one, so most of a proof costs no time at all.
//! Small collections wait until everything is loaded. What it is not: it decides nothing about what was found.

use super::load::Load;
use super::prove::{Found, Proving, Reread};
use crate::verify::work;
use dbferry_dialect::{Cancel, Replacer, Result};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What is worth sessions of its own: below that, opening them and dividing the table costs more than is won.
const WORTH: u64 = 4 << 20;

/// The collections of a unit that wait to be read again, and the target, which one thread at a time may ask.
pub(super) struct Early<'e> {
    load: &'e Load<'e>,
    proving: &'e Proving<'e, 'e>,
    /// How many readers are used at once.
    readers: usize,
    replacer: Mutex<&'e mut dyn Replacer>,
    state: Mutex<State>,
    changed: Condvar,
    cancel: Cancel,
}

#[derive(Default)]
struct State {
    /// Collections whose rows are all written, by their places, with their rows.
    waiting: VecDeque<(usize, u64)>,
    /// Those that somebody reads or has read.
    taken: BTreeSet<usize>,
    /// Whether nothing more is taken.
    ended: bool,
}

impl<'e> Early<'e> {
    /// For what can be proven of a unit.
    pub(super) fn new(
        load: &'e Load<'e>,
        replacer: &'e mut dyn Replacer,
        proving: &'e Proving<'e, 'e>,
        readers: usize,
    ) -> Self {
        let (state, cancel) = (Mutex::default(), load.options.cancel.part());
        Self { load, proving, readers, replacer: Mutex::new(replacer), state, changed: Condvar::new(), cancel }
    }

    /// All `rows` rows of a member are written.
    pub(super) fn offer(&self, member: usize, rows: u64) {
        if let Some(place) = self.proving.place(member)
            && work::size(self.proving.amount(place)) >= WORTH
        {
            self.state().waiting.push_back((place, rows));
            self.changed.notify_all();
        }
    }

    /// Reads what is offered, one collection after the other, until the end.
    pub(super) fn read(&self) -> Result<Found> {
        let mut found = Found::new();
        while let Some(reread) = self.next()? {
            found.extend(reread.run(self.load, &self.cancel)?);
        }
        Ok(found)
    }

    /// Nothing more is taken: everything is loaded. Gives back the target, and which collections are not to be read again, by
    /// their places.
    pub(super) fn end(&self) -> (MutexGuard<'_, &'e mut dyn Replacer>, BTreeSet<usize>) {
        // Whoever is about to take something does it now.
        let replacer = self.replacer.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop();
        (replacer, self.state().taken.clone())
    }

    /// Nothing is read any more.
    pub(super) fn cancel(&self) {
        self.cancel.cancel();
        self.stop();
    }

    /// Ends it also where loading panics: nobody waits for what will never be offered.
    pub(super) fn guard(&self) -> Guard<'_, 'e> {
        Guard(self)
    }

    fn stop(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    /// Waits for a collection and gets ready to read it; nothing at the end.
    fn next(&self) -> Result<Option<Reread>> {
        let waiting = |state: &mut State| state.waiting.is_empty() && !state.ended;
        let mut state = self.changed.wait_while(self.state(), waiting).unwrap_or_else(PoisonError::into_inner);
        let next = state.waiting.pop_front();
        drop(state);
        let Some((place, rows)) = next else { return Ok(None) };
        let mut replacer = self.replacer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        // The end may have come while somebody else had the target.
        if state.ended {
            return Ok(None);
        }
        state.taken.insert(place);
        drop(state);
        self.proving.open(self.load, &mut **replacer, [(place, rows)], self.readers).map(Some)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends early reading when it is dropped by a panic.
pub(super) struct Guard<'g, 'e>(&'g Early<'e>);

impl Drop for Guard<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.cancel();
        }
    }
}
