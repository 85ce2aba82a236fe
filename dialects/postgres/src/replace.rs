//! Puts groups of archived rows in the place of what the database holds.

use crate::connect::Target;
use dbferry_dialect::{Error, ErrorKind, ReplaceOptions, Replacer, Result};

/// Prepares to replace groups.
pub(crate) fn open_replacer(target: &Target, options: &ReplaceOptions) -> Result<Box<dyn Replacer>> {
    let _ = (target, options);
    Err(Error::new(ErrorKind::Unsupported, "PostgreSQL cannot be restored into yet"))
}
