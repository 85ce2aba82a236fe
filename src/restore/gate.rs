//! A gate that some readers wait at while keys are built, so that who builds them is not last.

use dbferry_dialect::{ReadRequest, Reader, Result, Sink, Skimmed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Closed until it is opened, which it stays.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// A reader that begins when the gate is open.
    pub(super) fn before(&self, reader: Box<dyn Reader>) -> Box<dyn Reader> {
        Box::new(Waiting { reader, gate: self.clone() })
    }

    /// Opens the gate when it is dropped, however that comes about.
    pub(super) fn opener(&self) -> Opener {
        Opener(self.clone())
    }

    fn wait(&self) {
        let (open, opened) = &*self.0;
        let open = open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(opened.wait_while(open, |open| !*open));
    }
}

/// Opens a gate when it is dropped.
pub(super) struct Opener(Gate);

impl Drop for Opener {
    fn drop(&mut self) {
        let (open, opened) = &*self.0.0;
        *open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        opened.notify_all();
    }
}

struct Waiting {
    reader: Box<dyn Reader>,
    gate: Gate,
}

impl Reader for Waiting {
    fn read(&mut self, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
        self.gate.wait();
        self.reader.read(request, sink)
    }

    fn skim(&mut self, request: &ReadRequest<'_>) -> Result<Skimmed> {
        self.gate.wait();
        self.reader.skim(request)
    }
}
