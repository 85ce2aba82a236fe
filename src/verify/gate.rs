//! A gate that some of those who read wait at, so that others are done with something first.

use std::sync::{Condvar, Mutex, PoisonError};

/// Closed until it is opened, which it stays.
#[derive(Default)]
pub(crate) struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

/// Opens a gate when it is dropped, however that comes about.
pub(crate) struct Opener<'g>(&'g Gate);

impl Gate {
    /// Whoever opens it.
    pub(crate) fn opener(&self) -> Opener<'_> {
        Opener(self)
    }

    /// Waits until it is open.
    pub(crate) fn wait(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(open, |open| !*open));
    }
}

impl Drop for Opener<'_> {
    fn drop(&mut self) {
        *self.0.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.opened.notify_all();
    }
}
