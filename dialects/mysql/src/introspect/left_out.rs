//! What is in the database and is not carried, with the reason.

use super::Catalogue;
use crate::session::Session;
use dbferry_dialect::{Result, Schema};

/// Adds what is not carried to the schema, and the facts of the database as a whole.
pub(super) fn read(_session: &mut Session, _catalogue: &Catalogue, _schema: &mut Schema) -> Result<()> {
    Ok(())
}
