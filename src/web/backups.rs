//! Backups: list, look into, make, check, delete.

use super::Server;
use super::access::Caller;
use super::answer::{Answer, Refusal, blocking, document};
use super::audit::Record;
use super::document::{Backup, BackupDetail};
use super::jobs::{Job, Work};
use super::limits;
use super::marks::Depth;
use crate::preview::{Preview, preview};
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize)]
struct BackupList {
    backups: Vec<Backup>,
}

/// So many lists are written at once: more would not be ready sooner, and each takes memory.
pub(super) const LISTS_AT_ONCE: usize = 4;

/// `GET /api/backups`.
pub(super) async fn list(State(server): State<Arc<Server>>) -> Answer<Response> {
    let waiting = Arc::clone(&server);
    // Its end is that of the server.
    let _turn = waiting.listing.acquire().await;
    document(move || {
        let listed = server.catalogue.list()?;
        Ok(BackupList { backups: listed.iter().map(|listed| Backup::new(listed, &server)).collect() })
    })
    .await
}

/// `GET /api/backups/{name}`.
pub(super) async fn detail(
    State(server): State<Arc<Server>>,
    name: Result<Path<String>, PathRejection>,
) -> Answer<Response> {
    let Path(name) = name?;
    document(move || {
        let listed = server.catalogue.find(&name)?;
        let archive = server.catalogue.open(&name)?;
        Ok(BackupDetail::new(&listed, &archive, &server))
    })
    .await
}

#[derive(Deserialize)]
pub(super) struct PreviewQuery {
    collection: String,
    #[serde(default = "twenty")]
    rows: usize,
}

fn twenty() -> usize {
    20
}

#[derive(Serialize)]
struct PreviewDocument {
    collection: String,
    #[serde(flatten)]
    preview: Preview,
}

/// The most rows of a preview.
const MOST_ROWS: usize = 200;

/// `GET /api/backups/{name}/preview`.
pub(super) async fn first_rows(
    State(server): State<Arc<Server>>,
    name: Result<Path<String>, PathRejection>,
    query: Result<Query<PreviewQuery>, QueryRejection>,
) -> Answer<Response> {
    let (Path(name), Query(PreviewQuery { collection, rows })) = (name?, query?);
    document(move || {
        let archive = server.catalogue.open(&name)?;
        let entries = &archive.manifest().collections;
        let entry = entries
            .iter()
            .find(|entry| entry.collection.name.to_string() == collection)
            .ok_or_else(|| Refusal::not_found("there is no such collection in this backup"))?;
        let preview = preview(&archive, entry, rows.min(MOST_ROWS))?;
        Ok(PreviewDocument { collection, preview })
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBackup {
    connection: String,
    groups: Option<Vec<String>>,
    description: Option<String>,
}

/// `POST /api/backups`.
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<NewBackup>, JsonRejection>,
) -> Answer<(StatusCode, Json<Job>)> {
    let Json(NewBackup { connection, groups, description }) = body?;
    let asked = connection.clone();
    let about = |refusal: Refusal| refusal.about(None, Some(&asked));
    server.allow_changes().map_err(about)?;
    server.connection(&connection).map_err(about)?;
    limits::groups(groups.as_deref()).map_err(about)?;
    limits::description(description.as_deref()).map_err(about)?;
    let description = description.filter(|text| !text.trim().is_empty());
    let work = Work::Backup { connection, groups, description, schedule: None };
    submit(&server, &caller, work).await.map_err(about)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VerifyRequest {
    depth: Depth,
}

/// `POST /api/backups/{name}/verify`.
pub(super) async fn verify(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    name: Result<Path<String>, PathRejection>,
    body: Result<Json<VerifyRequest>, JsonRejection>,
) -> Answer<(StatusCode, Json<Job>)> {
    let (Path(name), Json(VerifyRequest { depth })) = (name?, body?);
    server.allow_changes()?;
    let found = Arc::clone(&server);
    let checked = name.clone();
    blocking(move || found.catalogue.find(&checked).map(drop)).await?;
    submit(&server, &caller, Work::Verify { backup: name, depth }).await
}

/// Asks for a job.
pub(super) async fn submit(server: &Arc<Server>, caller: &Caller, work: Work) -> Answer<(StatusCode, Json<Job>)> {
    let (server, caller) = (Arc::clone(server), caller.clone());
    blocking(move || Ok((StatusCode::ACCEPTED, Json(server.submit(work, &caller)?)))).await
}

#[derive(Deserialize)]
pub(super) struct DeleteQuery {
    confirm: Option<String>,
}

/// `DELETE /api/backups/{name}`.
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    name: Result<Path<String>, PathRejection>,
    query: Result<Query<DeleteQuery>, QueryRejection>,
) -> Answer<StatusCode> {
    let (Path(name), Query(DeleteQuery { confirm })) = (name?, query?);
    server.allow_changes()?;
    blocking(move || {
        server.catalogue.find(&name)?;
        if confirm.as_deref() != Some(&name) {
            return Err(Refusal::from(
                crate::Error::new(crate::ErrorKind::Refused, "the confirmation is not the backup's name")
                    .hint("send its name once more as ?confirm="),
            ));
        }
        server.remove(&name, &caller)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

impl Server {
    /// Removes a backup, on record where that can be.
    ///
    /// # Errors
    /// When it is in use, or cannot be removed.
    pub(super) fn remove(&self, name: &str, caller: &Caller) -> Answer<()> {
        let record = |result, message| Record {
            address: caller.address.as_deref(),
            backup: Some(name),
            message,
            ..Record::new(caller.who, "delete", result)
        };
        let Some(_alone) = self.uses.take_alone(name) else {
            let hint = Some("wait until the job or the download that reads it is done");
            return Err(Refusal::conflict("busy", "the backup is in use", hint));
        };
        // On a full disk deleting is the remedy.
        self.note(&record("asked", None));
        let removed = crate::archive::remove(&self.catalogue.path(name)).and_then(|()| self.marks.forget(name));
        let message = removed.as_ref().err().map(ToString::to_string);
        let result = if removed.is_ok() { "done" } else { "failed" };
        self.note(&record(result, message.as_deref()));
        self.events.tell_backups();
        removed.map_err(|error| Refusal::from(error).on_record())
    }
}
