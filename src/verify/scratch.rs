//! The scratch check: an archive is restored into a database that is empty, compared with it, and taken away again. Nothing
//! else proves as much that a backup can be restored.

use super::{VerifyOptions, VerifyReport, verify_against};
use crate::archive::Archive;
use crate::endpoint::Endpoint;
use crate::progress::{Event, Progress};
use crate::restore::{RestoreOptions, RestoreReport, restore};
use dbferry_dialect::{Cancel, Error, ErrorKind, Purpose, Result, Schema};
use serde::Serialize;

/// What a scratch check found.
#[derive(Clone, Debug, Serialize)]
pub struct ScratchReport {
    /// What the restore did.
    pub restored: RestoreReport,
    /// What the comparison found.
    pub verified: VerifyReport,
    /// The restore's warnings, and what is left in the scratch database if it could not be emptied.
    pub warnings: Vec<String>,
}

/// Restores `archive` into `scratch`, which must be empty, verifies that it holds what the archive says, and empties it
/// again, whatever came of it.
///
/// # Errors
/// [`ErrorKind::Refused`] when the database holds anything; nothing is touched then. Those of [`restore`] and
/// [`verify_against`], once the database is empty again.
pub fn in_scratch(
    archive: &Archive,
    scratch: &Endpoint<'_>,
    restore_options: &RestoreOptions,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<ScratchReport> {
    let mut database = scratch.open(Purpose::Plan, &options.cancel)?;
    if !database.is_empty().map_err(|error| scratch.name(error))? {
        let held = contents(&database.introspect().map_err(|error| scratch.name(error))?);
        let error = Error::new(ErrorKind::Refused, format!("the scratch database is not empty: it holds {held}"));
        return Err(scratch.name(error.hint("name an empty one; what is in this one was not touched")));
    }
    drop(database);
    let outcome = restore(archive, scratch, restore_options, progress).and_then(|restored| {
        let verified = verify_against(archive, scratch, options, &WithoutPlan(progress))?;
        Ok((restored, verified))
    });
    progress.event(Event::Phase { name: "empty", group: None });
    // Also after a cancelled run: what it made is taken away.
    let emptied = empty(scratch);
    match (outcome, emptied) {
        (Ok((restored, verified)), emptied) => {
            let mut warnings = restored.warnings.clone();
            warnings.extend(emptied.err().map(|error| format!("the scratch database still holds the rows: {error}")));
            Ok(ScratchReport { restored, verified, warnings })
        }
        (Err(error), Ok(())) => Err(error),
        (Err(error), Err(left)) => Err(error.with("left behind in the scratch database", left)),
    }
}

/// Takes away whatever a database holds, by its own hand.
///
/// # Errors
/// What the database says, and when it still holds something.
pub(crate) fn empty(scratch: &Endpoint<'_>) -> Result<()> {
    let cancel = Cancel::new();
    let mut database = scratch.open(Purpose::Plan, &cancel)?;
    if database.is_empty()? {
        return Ok(());
    }
    drop(database);
    let mut database = scratch.open(Purpose::Write, &cancel)?;
    database.clear()?;
    if database.is_empty()? {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Internal, format!("it still holds {}", contents(&database.introspect()?))))
}

/// A few of the things that are there.
pub(crate) fn contents(schema: &Schema) -> String {
    const SHOWN: usize = 3;
    let collections = schema.collections.iter().map(|collection| collection.name.to_string());
    let objects = schema.objects.iter().map(|object| format!("{}.{}", object.namespace, object.name));
    let mut names: Vec<String> = collections.chain(objects).collect();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// Hears everything but plans and work: the restore has told its own, and a run plans once.
struct WithoutPlan<'a>(&'a dyn Progress);

impl Progress for WithoutPlan<'_> {
    fn event(&self, event: Event<'_>) {
        if !matches!(event, Event::Planned { .. } | Event::Work { .. } | Event::CollectionFinished { .. }) {
            self.0.event(event);
        }
    }
}
