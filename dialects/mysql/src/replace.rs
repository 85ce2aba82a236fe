//! Replacing groups of tables.

use crate::connect::Target;
use crate::flavour::ServerVersion;
use dbferry_dialect::{Error, ErrorKind, ReplaceOptions, Replacer, Result};
use std::time::Duration;

/// Prepares to replace groups.
pub(crate) fn open_replacer(
    _target: &Target,
    _version: ServerVersion,
    _lock_wait: Duration,
    _options: &ReplaceOptions,
) -> Result<Box<dyn Replacer>> {
    Err(Error::new(ErrorKind::Unsupported, "cannot restore into this dialect yet"))
}
