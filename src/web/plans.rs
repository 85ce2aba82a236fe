//! Restores: the plan, and the restore that was planned.

use super::Server;
use super::access::Caller;
use super::answer::{Answer, Refusal, blocking, document};
use super::backups::submit;
use super::document::Source;
use super::jobs::{Job, RestoreWork, Work};
use super::limits;
use crate::config::{ConnectionRole, RestoreMode};
use crate::group::Selection;
use crate::restore::{
    LeavingEdge, PlannedCollection, PlannedColumn, RestoreOptions, RestorePlan, Verdict, plan as plan_restore,
};
use crate::translate::AcceptLossy;
use crate::{Cancel, Error, ErrorKind, Result};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use dbferry_dialect::CollectionAction;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is to be restored, where and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreChoice {
    pub(super) backup: String,
    pub(super) connection: String,
    pub(super) groups: Option<Vec<String>>,
    mode: Option<RestoreMode>,
    #[serde(default)]
    recreate: bool,
    #[serde(default)]
    accept_lossy: Accepted,
}

/// Which losses are accepted.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Accepted {
    All(bool),
    Columns(Vec<String>),
}

impl Default for Accepted {
    fn default() -> Self {
        Self::All(false)
    }
}

impl RestoreChoice {
    /// As the engine takes it. What was uploaded is not trusted, whatever is asked for.
    ///
    /// # Errors
    /// When a loss is accepted of what is no column.
    pub(super) fn options(&self, server: &Server, cancel: &Cancel) -> Result<RestoreOptions> {
        let mut modes = server.config.restore.clone();
        modes.mode = self.mode.unwrap_or(modes.mode);
        let mut accept_lossy = AcceptLossy::default();
        match &self.accept_lossy {
            Accepted::All(true) => accept_lossy = AcceptLossy::ALL,
            Accepted::All(false) => {}
            Accepted::Columns(columns) => {
                for column in columns {
                    if column.is_empty() {
                        return Err(Error::new(ErrorKind::Usage, "an empty text names no column"));
                    }
                    accept_lossy.add(column)?;
                }
            }
        }
        Ok(RestoreOptions {
            resources: server.resources,
            selection: Selection { groups: self.groups.clone(), ..Selection::default() },
            modes,
            recreate: self.recreate,
            trusted: server.marks.get(&self.backup).is_trusted(),
            types: server.config.types.clone(),
            accept_lossy,
            cancel: cancel.clone(),
            ..RestoreOptions::default()
        })
    }

    /// Plans it.
    ///
    /// # Errors
    /// When there is no such backup or connection, or one of them cannot be read.
    fn plan(&self, server: &Server, cancel: &Cancel) -> Answer<RestorePlan> {
        server.connection(&self.connection)?;
        let archive = server.catalogue.open(&self.backup)?;
        let target = (server.open)(&self.connection)?;
        Ok(plan_restore(&archive, &target, &self.options(server, cancel)?)?)
    }
}

/// What a plan would do, as a short text: two plans that would do the same have the same one. How many rows a target holds
/// does not count: that changes while one looks.
///
/// # Errors
/// When the plan cannot be written as JSON.
pub(super) fn fingerprint(plan: &RestorePlan) -> Result<String> {
    let mut plan = plan.clone();
    for collection in plan.units.iter_mut().flat_map(|unit| &mut unit.collections) {
        collection.rows_overwritten = None;
    }
    let text = serde_json::to_vec(&plan).map_err(super::internal)?;
    Ok(blake3::hash(&text).to_hex().to_string())
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    source: Option<String>,
    target: Option<String>,
    verdict: Verdict,
    reason: Option<String>,
    lossy_key: Option<String>,
}

#[derive(Debug, Serialize)]
struct Collection {
    name: String,
    target: String,
    group: String,
    action: Option<CollectionAction>,
    verdict: Verdict,
    rows: Option<u64>,
    rows_overwritten: Option<u64>,
    partial: Option<String>,
    columns: Vec<Column>,
    problems: Vec<String>,
    notes: Vec<String>,
    warnings: Vec<String>,
    statements: Vec<String>,
}

impl Collection {
    fn new(planned: &PlannedCollection) -> Self {
        let column = |column: &PlannedColumn| Column {
            name: column.name.clone(),
            source: column.source.clone(),
            target: column.target.clone(),
            verdict: column.verdict,
            reason: column.reason.clone(),
            lossy_key: (column.verdict == Verdict::Lossy).then(|| {
                let [collection, column] =
                    [&planned.collection.to_string(), &column.name].map(|it| glob::Pattern::escape(it));
                format!("{collection}.{column}")
            }),
        };
        let worst = planned.columns.iter().map(|column| column.verdict).max().unwrap_or(Verdict::Identical);
        Self {
            name: planned.collection.to_string(),
            target: planned.target.to_string(),
            group: planned.group.clone(),
            action: planned.action,
            verdict: if planned.action.is_none() { Verdict::Incompatible } else { worst },
            rows: planned.rows.number(),
            rows_overwritten: planned.rows_overwritten,
            partial: planned.partial.clone(),
            columns: planned.columns.iter().map(column).collect(),
            problems: planned.problems.clone(),
            notes: planned.notes.clone(),
            warnings: planned.warnings.clone(),
            statements: planned.statements.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Unit {
    groups: Vec<String>,
    collections: Vec<Collection>,
}

#[derive(Debug, Serialize)]
struct Edge {
    child: String,
    columns: Vec<String>,
    parent: String,
    missing: bool,
    outside_group: Option<String>,
    sentence: String,
}

impl From<&LeavingEdge> for Edge {
    fn from(edge: &LeavingEdge) -> Self {
        Self {
            child: edge.child.to_string(),
            columns: edge.columns.clone(),
            parent: edge.parent.to_string(),
            missing: edge.missing,
            outside_group: edge.outside_group.clone(),
            sentence: edge.describe(),
        }
    }
}

/// A plan as the API tells it.
#[derive(Debug, Serialize)]
struct Plan {
    backup: String,
    connection: String,
    trusted: bool,
    source: Source,
    target: Source,
    confirm: Option<String>,
    overwrites: bool,
    rows_overwritten: u64,
    units: Vec<Unit>,
    leaving: Vec<Edge>,
    notes: Vec<String>,
    warnings: Vec<String>,
    problems: Vec<String>,
    fingerprint: String,
}

impl Plan {
    fn new(choice: &RestoreChoice, plan: &RestorePlan, server: &Server) -> Result<Self> {
        Ok(Self {
            backup: choice.backup.clone(),
            connection: choice.connection.clone(),
            trusted: server.marks.get(&choice.backup).is_trusted(),
            source: Source::from(&plan.source),
            target: Source::from(&plan.target),
            confirm: confirmation(choice, plan, server),
            overwrites: plan.changes_existing(),
            rows_overwritten: plan.rows_overwritten(),
            units: plan
                .units
                .iter()
                .map(|unit| Unit {
                    groups: unit.groups.clone(),
                    collections: unit.collections.iter().map(Collection::new).collect(),
                })
                .collect(),
            leaving: plan.leaving.iter().map(Edge::from).collect(),
            notes: plan.all_notes(),
            warnings: plan.all_warnings(),
            problems: plan.problems(),
            fingerprint: fingerprint(plan)?,
        })
    }
}

/// What must be typed before it is done; nothing where nothing that exists changes, or it is worth nothing.
fn confirmation(choice: &RestoreChoice, plan: &RestorePlan, server: &Server) -> Option<String> {
    let role = server.config.connections.get(&choice.connection).and_then(|connection| connection.role);
    (plan.changes_existing() && role != Some(ConnectionRole::Scratch)).then(|| choice.connection.clone())
}

/// `POST /api/plan`.
pub(super) async fn plan(
    State(server): State<Arc<Server>>,
    body: Result<Json<RestoreChoice>, JsonRejection>,
) -> Answer<Response> {
    let Json(choice) = body?;
    limits::groups(choice.groups.as_deref())?;
    document(move || {
        let plan = choice.plan(&server, &Cancel::new())?;
        Ok(Plan::new(&choice, &plan, &server)?)
    })
    .await
}

/// A restore to do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreRequest {
    backup: String,
    connection: String,
    groups: Option<Vec<String>>,
    mode: Option<RestoreMode>,
    #[serde(default)]
    recreate: bool,
    #[serde(default)]
    accept_lossy: Accepted,
    confirm: Option<String>,
    #[serde(default)]
    safety_backup: bool,
    fingerprint: Option<String>,
}

/// `POST /api/restores`.
pub(super) async fn restore(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<RestoreRequest>, JsonRejection>,
) -> Answer<(StatusCode, Json<Job>)> {
    let Json(request) = body?;
    let (backup, connection) = (request.backup.clone(), request.connection.clone());
    let about = |refusal: Refusal| refusal.about(Some(&backup), Some(&connection));
    server.allow_restore().map_err(about)?;
    limits::groups(request.groups.as_deref()).map_err(about)?;
    let planner = Arc::clone(&server);
    let work = blocking(move || checked(request, &planner)).await.map_err(about)?;
    submit(&server, &caller, Work::Restore(Box::new(work))).await.map_err(about)
}

/// A restore that may be done: planned without problems, shown, confirmed.
fn checked(request: RestoreRequest, server: &Server) -> Answer<RestoreWork> {
    let RestoreRequest { backup, connection, groups, mode, recreate, accept_lossy, .. } = request;
    let choice = RestoreChoice { backup, connection, groups, mode, recreate, accept_lossy };
    let refused = |message: String, hint: &'static str| Error::new(ErrorKind::Refused, message).hint(hint);
    if !server.connection(&choice.connection)?.may_be_restored_into() {
        return Err(refused(
            format!("{} is a source: the configuration forbids to restore into it", choice.connection),
            "restore into another connection",
        )
        .into());
    }
    let plan = choice.plan(server, &Cancel::new())?;
    plan.refuse_problems()?;
    let found = fingerprint(&plan)?;
    if request.fingerprint.is_some_and(|shown| shown != found) {
        return Err(Error::new(ErrorKind::Mismatch, "the target is not any more what the plan was made for")
            .hint("look at the plan again and confirm it")
            .into());
    }
    if let Some(expected) = confirmation(&choice, &plan, server)
        && request.confirm.as_deref() != Some(&expected)
    {
        return Err(refused(
            "this replaces what is in the target, and the confirmation is not its name".into(),
            "send the connection's name as `confirm`",
        )
        .into());
    }
    Ok(RestoreWork { choice, fingerprint: found, safety_backup: request.safety_backup })
}
