//! A job as the API tells it, and as the journal keeps it; see `openapi.json`.

use crate::progress::Tally;
use crate::web::answer::ErrorView;
use crate::web::audit::Who;
use serde::{Deserialize, Serialize};

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::web) enum Kind {
    Backup,
    Restore,
    Verify,
    Upload,
}

impl Kind {
    /// Its name in the audit log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Verify => "verify",
            Self::Upload => "upload",
        }
    }
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::web) enum State {
    Queued,
    Running,
    Done,
    /// Done, and there is something to know.
    Warnings,
    Failed,
    Cancelled,
    /// The server ended while it ran.
    Interrupted,
}

impl State {
    /// Whether it waits or runs.
    pub(in crate::web) fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }

    /// Its name in the audit log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Warnings => "warnings",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A collection in work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::web) struct ActiveCollection {
    name: String,
    rows: u64,
    rows_planned: Option<u64>,
    estimated: bool,
}

/// How far it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::web) struct JobProgress {
    phase: String,
    group: Option<String>,
    fraction: Option<f64>,
    rows: u64,
    rows_planned: Option<u64>,
    estimated: bool,
    bytes: u64,
    rows_per_second: Option<u64>,
    bytes_per_second: Option<u64>,
    seconds_left: Option<f64>,
    collections_done: usize,
    collections: Option<usize>,
    active: Vec<ActiveCollection>,
}

impl From<&Tally> for JobProgress {
    fn from(tally: &Tally) -> Self {
        let planned = tally.rows_planned();
        let active = tally.in_work().map(|(name, active)| ActiveCollection {
            name: name.to_owned(),
            rows: active.rows,
            rows_planned: active.expected.number(),
            estimated: active.expected.is_estimate(),
        });
        Self {
            phase: tally.phase().to_owned(),
            group: tally.group().map(str::to_owned),
            fraction: tally.fraction(),
            rows: tally.rows(),
            rows_planned: planned.number().filter(|rows| *rows >= tally.rows()),
            estimated: planned.is_estimate(),
            bytes: tally.bytes(),
            rows_per_second: tally.speed().map(|speed| speed.rows),
            bytes_per_second: tally.speed().map(|speed| speed.bytes),
            seconds_left: tally.left().map(|left| left.as_secs_f64()),
            collections_done: tally.collections_done(),
            collections: tally.collections(),
            active: active.collect(),
        }
    }
}

/// What became of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::web) enum GroupState {
    Waiting,
    Done,
    Failed,
}

/// A group and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::web) struct JobGroup {
    pub(super) name: String,
    pub(super) state: GroupState,
    pub(super) rows: Option<u64>,
}

/// What a job did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::web) struct JobResult {
    pub(super) backup: Option<String>,
    pub(super) rows: u64,
    pub(super) bytes: Option<u64>,
    pub(super) collections: u64,
    pub(super) seconds: f64,
    pub(super) proven: Option<bool>,
    pub(super) safety_backup: Option<String>,
    pub(super) pruned: Vec<String>,
}

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::web) struct Job {
    pub(in crate::web) id: String,
    pub(in crate::web) kind: Kind,
    pub(in crate::web) state: State,
    pub(in crate::web) trigger: Who,
    pub(in crate::web) schedule: Option<String>,
    pub(in crate::web) backup: Option<String>,
    pub(in crate::web) connection: Option<String>,
    pub(in crate::web) requested_groups: Option<Vec<String>>,
    pub(in crate::web) description: Option<String>,
    pub(in crate::web) created_at: String,
    pub(in crate::web) started_at: Option<String>,
    pub(in crate::web) finished_at: Option<String>,
    pub(in crate::web) cancel_requested: bool,
    pub(in crate::web) cancellable: bool,
    pub(in crate::web) progress: Option<JobProgress>,
    pub(in crate::web) groups: Vec<JobGroup>,
    pub(in crate::web) result: Option<JobResult>,
    pub(in crate::web) notes: Vec<String>,
    pub(in crate::web) warnings: Vec<String>,
    pub(in crate::web) error: Option<ErrorView>,
    pub(in crate::web) exit_code: Option<u8>,
    pub(in crate::web) dismissed: bool,
}

impl Job {
    /// A backup that waits.
    pub(super) fn new(id: String, trigger: Who) -> Self {
        Self {
            id,
            kind: Kind::Backup,
            state: State::Queued,
            trigger,
            schedule: None,
            backup: None,
            connection: None,
            requested_groups: None,
            description: None,
            created_at: crate::web::now(),
            started_at: None,
            finished_at: None,
            cancel_requested: false,
            cancellable: true,
            progress: None,
            groups: Vec::new(),
            result: None,
            notes: Vec::new(),
            warnings: Vec::new(),
            error: None,
            exit_code: None,
            dismissed: false,
        }
    }

    /// Whether it stays on the list until somebody has taken note of it.
    pub(super) fn wants_attention(&self) -> bool {
        matches!(self.state, State::Failed | State::Interrupted)
    }
}
