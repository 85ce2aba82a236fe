//! Backups by the clock.

use super::Server;
use super::access::Caller;
use super::answer::{Answer, Refusal};
use super::audit::{Record, Who};
use super::backups::submit;
use super::jobs::{Job, State as JobState, Work};
use crate::config::Schedule;
use crate::prune::Keep;
use crate::{Error, ErrorKind, Result};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use cronexpr::Crontab;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The clock is looked at so often: it may be set, and machines sleep.
const LOOK: Duration = Duration::from_secs(5);

/// Reads the expressions of all schedules.
///
/// # Errors
/// [`ErrorKind::Usage`] when one of them makes no sense.
pub(super) fn parse(schedules: &BTreeMap<String, Schedule>) -> Result<BTreeMap<String, Crontab>> {
    let parsed = schedules.iter().map(|(name, schedule)| {
        let text = format!("{} {}", schedule.cron, schedule.time_zone);
        let crontab = cronexpr::parse_crontab(&text).map_err(|error| {
            Error::new(ErrorKind::Usage, format!("[schedule.{name}] {:?} is no time that comes again", schedule.cron))
                .caused_by(error.to_string())
                .hint("write minute, hour, day of the month, month, day of the week: \"0 3 * * *\" is every night at three")
        })?;
        if next(&crontab, Timestamp::now()).is_none() {
            let message = format!("[schedule.{name}] {:?} never comes: there is no such day", schedule.cron);
            return Err(Error::new(ErrorKind::Usage, message)
                .hint("the third and fourth numbers are the day of the month and the month: 30 2 would be the 30th of February"));
        }
        Ok((name.clone(), crontab))
    });
    parsed.collect()
}

/// When it is time again after `after`; never, if there is no such time.
fn next(crontab: &Crontab, after: Timestamp) -> Option<Timestamp> {
    let next = crontab.find_next(after.to_string().as_str()).ok()?;
    next.timestamp().to_string().parse().ok()
}

/// Keeps all schedules, for ever. What was missed while the server did not run is not made up for.
pub(super) async fn keep(server: Arc<Server>) {
    keep_by(server, Timestamp::now, LOOK).await;
}

/// The same by any clock that is looked at so often.
async fn keep_by(server: Arc<Server>, clock: impl Fn() -> Timestamp, look: Duration) {
    if server.allow_changes().is_err() || server.crontabs.is_empty() {
        return;
    }
    let mut looked = clock();
    loop {
        tokio::time::sleep(look).await;
        let now = clock();
        for (name, crontab) in &server.crontabs {
            if next(crontab, looked).is_some_and(|time| time <= now) {
                let caller = Caller { who: Who::Schedule, address: None, session: None };
                let (server, name) = (Arc::clone(&server), name.clone());
                // Whether it could be taken is on record; the clock goes on.
                drop(tokio::task::spawn_blocking(move || server.begin_schedule(&name, &caller)));
            }
        }
        // A clock that was set back does not repeat what was done.
        looked = looked.max(now);
    }
}

impl Server {
    fn begin_schedule(self: &Arc<Self>, name: &str, caller: &Caller) -> Result<()> {
        let not_now = |message: &str| {
            self.audit.record(&Record { message: Some(message), ..Record::new(caller.who, "backup", "refused") })
        };
        let open = |job: Job| job.state.is_open();
        if self.jobs.last_of_schedule(name).is_some_and(open) {
            return not_now(&format!("schedule {name}: the backup before it is not done"));
        }
        match self.schedule_work(name).and_then(|work| self.submit(work, caller)) {
            Ok(_) => Ok(()),
            Err(refusal) => not_now(&format!("schedule {name}: {}", refusal.message())),
        }
    }

    fn schedule_work(&self, name: &str) -> Answer<Work> {
        let schedule =
            self.config.schedules.get(name).ok_or_else(|| Refusal::not_found("there is no such schedule"))?;
        Ok(Work::Backup {
            connection: schedule.connection.clone(),
            groups: schedule.groups.clone(),
            description: Some(format!("schedule {name}")),
            schedule: Some((name.to_owned(), schedule.keep)),
        })
    }
}

#[derive(Serialize)]
struct Last {
    job: String,
    at: String,
    state: JobState,
}

#[derive(Serialize)]
struct Line {
    name: String,
    cron: String,
    time_zone: String,
    connection: String,
    groups: Option<Vec<String>>,
    keep: Option<Keep>,
    next_at: Option<String>,
    last: Option<Last>,
}

#[derive(Serialize)]
pub(super) struct ScheduleList {
    schedules: Vec<Line>,
}

/// `GET /api/schedule`.
pub(super) async fn list(State(server): State<Arc<Server>>) -> Json<ScheduleList> {
    let now = Timestamp::now();
    let line = |(name, schedule): (&String, &Schedule)| Line {
        name: name.clone(),
        cron: schedule.cron.clone(),
        time_zone: schedule.time_zone.clone(),
        connection: schedule.connection.clone(),
        groups: schedule.groups.clone(),
        keep: schedule.keep,
        next_at: server
            .crontabs
            .get(name)
            .filter(|_| server.allow_changes().is_ok())
            .and_then(|crontab| next(crontab, now))
            .map(|time| time.to_string()),
        last: server.jobs.last_of_schedule(name).map(|job| Last { job: job.id, at: job.created_at, state: job.state }),
    };
    Json(ScheduleList { schedules: server.config.schedules.iter().map(line).collect() })
}

/// `POST /api/schedule/{name}/run`.
pub(super) async fn run_now(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    name: std::result::Result<Path<String>, PathRejection>,
) -> Answer<(StatusCode, Json<Job>)> {
    let Path(name) = name?;
    server.allow_changes()?;
    let work = server.schedule_work(&name)?;
    submit(&server, &caller, work).await
}

#[cfg(test)]
mod tests;
