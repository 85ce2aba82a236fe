//! Views, triggers, routines, events, sequences.

use crate::introspect::Catalogue;
use crate::session::Session;
use dbferry_dialect::{Result, Schema};

/// Adds the objects to the schema.
pub(crate) fn read(_session: &mut Session, _catalogue: &Catalogue, _schema: &mut Schema) -> Result<()> {
    Ok(())
}
