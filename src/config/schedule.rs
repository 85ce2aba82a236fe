//! Backups by the clock.

use crate::prune::Keep;
use serde::Deserialize;

/// One `[schedule.NAME]`. Whoever keeps it reads its expression.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// When: minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// In which time zone, by its name; UTC unless told.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// What is backed up.
    pub connection: String,
    /// Which groups; all unless told.
    pub groups: Option<Vec<String>>,
    /// Which of its backups are kept; all unless told.
    pub keep: Option<Keep>,
}

fn utc() -> String {
    "UTC".into()
}
