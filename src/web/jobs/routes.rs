//! The routes of jobs.

use super::Job;
use crate::web::Server;
use crate::web::access::Caller;
use crate::web::answer::{Answer, blocking};
use crate::web::audit::Record;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
pub(in crate::web) struct JobList {
    jobs: Vec<Job>,
}

/// `GET /api/jobs`.
pub(in crate::web) async fn list(State(server): State<Arc<Server>>) -> Json<JobList> {
    Json(JobList { jobs: server.jobs.list() })
}

/// `GET /api/jobs/{id}`.
pub(in crate::web) async fn one(
    State(server): State<Arc<Server>>,
    id: Result<Path<String>, PathRejection>,
) -> Answer<Json<Job>> {
    Ok(Json(server.jobs.get(&id?.0)?))
}

/// `POST /api/jobs/{id}/cancel`.
pub(in crate::web) async fn cancel(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Answer<(StatusCode, Json<Job>)> {
    let Path(id) = id?;
    blocking(move || {
        let job = server.jobs.get(&id)?;
        server.note(&of_job(&job, &caller, "cancel", "asked"));
        let job = server.cancel_job(&id)?;
        Ok((StatusCode::ACCEPTED, Json(job)))
    })
    .await
}

/// `POST /api/jobs/{id}/dismiss`.
pub(in crate::web) async fn dismiss(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Answer<StatusCode> {
    let Path(id) = id?;
    blocking(move || {
        server.allow_changes()?;
        let job = server.jobs.get(&id)?;
        server.jobs.dismiss(&id)?;
        server.note(&of_job(&job, &caller, "dismiss", "dismissed"));
        server.events.tell("job-removed", &serde_json::json!({ "id": id }));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

fn of_job<'a>(job: &'a Job, caller: &'a Caller, action: &'a str, result: &'a str) -> Record<'a> {
    Record {
        address: caller.address.as_deref(),
        backup: job.backup.as_deref(),
        connection: job.connection.as_deref(),
        job: Some(&job.id),
        ..Record::new(caller.who, action, result)
    }
}
