//! Jobs: backups, restores and checks, which take their time. They wait their turn, tell how far they are, can be cancelled,
//! and are not forgotten by a restart.
//!
//! | file | what it does |
//! |---|---|
//! | `document` | a job as the API tells it |
//! | `queue` | whose turn it is |
//! | `watch` | how far it is |
//! | `work` | what is done |
//! | `journal` | what a restart must know |
//! | `routes` | the routes |

mod document;
mod journal;
mod queue;
pub(super) mod routes;
mod watch;
mod work;

pub(super) use document::{Job, State};
pub(super) use queue::{Jobs, tick};
pub(super) use work::{RestoreWork, Work, new_name};
