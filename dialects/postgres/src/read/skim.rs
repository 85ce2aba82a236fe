//! Takes a chunk's rows and makes nothing of them.

use super::explain;
use super::query::Plan;
use crate::decode::choose::Source;
use crate::decode::stream::CopyStream;
use crate::session::Session;
use dbferry_dialect::{ReadRequest, Result, Skimmed};

/// Counts the rows of a chunk and their bytes on the wire.
pub(super) fn skim(
    session: &mut Session,
    source: Source<'_>,
    relation: &str,
    request: &ReadRequest<'_>,
) -> Result<Skimmed> {
    let plan = Plan::new(session, source, relation, request).map_err(explain)?;
    let mut stream = CopyStream::default();
    let mut skimmed = Skimmed::default();
    let copied = session.copy_out("the collection cannot be read", &plan.copy, &mut |message| {
        skimmed.bytes += message.len() as u64;
        stream.feed(&message, |_, _| {
            skimmed.rows += 1;
            Ok(())
        })
    });
    copied.map_err(explain)?;
    stream.finish()?;
    Ok(skimmed)
}
