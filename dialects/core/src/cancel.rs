//! Cancellation: a flag that the caller raises and every long operation looks at.

use crate::error::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag shared by everything that belongs to one run. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    raised: Arc<AtomicBool>,
    /// The flag of what this is a part of.
    whole: Option<Arc<Cancel>>,
}

impl Cancel {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag for a part of the run: it is raised with this one, and can be raised alone.
    pub fn part(&self) -> Self {
        Self { raised: Arc::default(), whole: Some(Arc::new(self.clone())) }
    }

    /// Raises the flag. Safe to call from a signal handler's thread.
    pub fn cancel(&self) {
        self.raised.store(true, Ordering::Relaxed);
    }

    /// Whether the flag is raised.
    pub fn is_cancelled(&self) -> bool {
        self.raised.load(Ordering::Relaxed) || self.whole.as_ref().is_some_and(|whole| whole.is_cancelled())
    }

    /// An error once the flag is raised; call it between two steps that can stand alone.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`].
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::new(ErrorKind::Cancelled, "cancelled")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_with_the_whole_and_alone() {
        let whole = Cancel::new();
        let (alone, with_it) = (whole.part(), whole.part());
        alone.clone().cancel();
        assert!(alone.is_cancelled() && !whole.is_cancelled() && !with_it.is_cancelled());
        whole.cancel();
        assert!(with_it.is_cancelled() && with_it.part().check().is_err());
    }
}
