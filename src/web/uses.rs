//! Which backups are in use, so that none is removed under a reader, and none begins where another one is being made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Readers by name; what is used by one alone has `None`.
#[derive(Clone, Debug, Default)]
pub(super) struct Uses(Arc<Mutex<HashMap<String, Option<usize>>>>);

/// A use that ends when it is dropped.
#[derive(Debug)]
pub(super) struct Use {
    uses: Uses,
    name: String,
}

impl Uses {
    /// Whether anybody uses it.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }

    /// Uses it together with others; `None` when somebody has it alone.
    pub(super) fn share(&self, name: &str) -> Option<Use> {
        match self.lock().entry(name.into()).or_insert(Some(0)) {
            Some(readers) => *readers += 1,
            None => return None,
        }
        Some(Use { uses: self.clone(), name: name.into() })
    }

    /// Uses it alone; `None` when somebody uses it.
    pub(super) fn take_alone(&self, name: &str) -> Option<Use> {
        let mut uses = self.lock();
        if uses.contains_key(name) {
            return None;
        }
        uses.insert(name.into(), None);
        Some(Use { uses: self.clone(), name: name.into() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Option<usize>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        let mut uses = self.uses.lock();
        match uses.get_mut(&self.name) {
            Some(Some(readers)) if *readers > 1 => *readers -= 1,
            _ => _ = uses.remove(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_read_and_one_removes() {
        let uses = Uses::default();
        let (first, second) = (uses.share("a").expect("room"), uses.share("a").expect("room"));
        assert!(uses.take_alone("a").is_none() && uses.take_alone("b").is_some());
        drop(first);
        assert!(uses.take_alone("a").is_none() && uses.contains("a"));
        drop(second);
        let alone = uses.take_alone("a").expect("nobody else");
        assert!(uses.share("a").is_none() && uses.take_alone("a").is_none());
        drop(alone);
        assert!(!uses.contains("a") && uses.share("a").is_some());
    }
}
