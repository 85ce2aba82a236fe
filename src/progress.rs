//! Progress: what a run tells its caller while it goes on. The library never prints; a front end implements this.

/// Receives what happens. Called from several threads, often; an implementation must be cheap and must not block.
pub trait Progress: Send + Sync {
    /// Something happened.
    fn event(&self, event: Event<'_>);
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A phase begins: `snapshot`, `read`, `check`, `load`, `indexes`, `prove`, `switch`.
    Phase {
        /// Its name.
        name: &'a str,
        /// The group that it works on, if it works on one.
        group: Option<&'a str>,
    },
    /// How much there is to do in the phases that move rows.
    Planned {
        /// Collections.
        collections: usize,
        /// Rows, as far as known.
        rows: Option<u64>,
        /// Bytes, as far as known.
        bytes: Option<u64>,
    },
    /// Work on a collection begins.
    CollectionStarted {
        /// Its name.
        collection: &'a str,
        /// Its rows, as far as known.
        rows: Option<u64>,
    },
    /// Rows were moved since the last such event of this collection.
    Rows {
        /// The collection.
        collection: &'a str,
        /// How many.
        rows: u64,
        /// Their size in memory, in bytes.
        bytes: u64,
    },
    /// A collection is done.
    CollectionFinished {
        /// Its name.
        collection: &'a str,
        /// All its rows.
        rows: u64,
    },
    /// A group is done: replaced, or failed and left as it was.
    GroupFinished {
        /// Its name.
        group: &'a str,
        /// Whether it was replaced.
        replaced: bool,
    },
    /// Something that the user should know and that is no failure.
    Warning {
        /// In a sentence.
        message: &'a str,
    },
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _event: Event<'_>) {}
}
