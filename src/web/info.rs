//! What there is to know: the server, the groups of a database, the audit log, the API itself.

use super::Server;
use super::answer::{Answer, Refusal, document};
use super::document::Text;
use crate::Cancel;
use crate::group::{self, CrossGroupEdge, GroupExplanation, Language, UnmatchedRule};
use crate::registry;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use dbferry_dialect::Purpose;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The API in words that programs read.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

/// `GET /api/openapi.json`.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

#[derive(Serialize)]
struct ConnectionDocument {
    name: String,
    dialect: Option<&'static str>,
    role: Option<&'static str>,
    may_be_restored_into: bool,
}

#[derive(Serialize)]
pub(super) struct ServerDocument {
    version: &'static str,
    languages: [&'static str; 2],
    archives: String,
    read_only: bool,
    can_restore: bool,
    can_upload: bool,
    upload_limit: u64,
    connections: Vec<ConnectionDocument>,
    dialects: Vec<&'static str>,
    schedules: usize,
    now: String,
    started_at: String,
}

/// `GET /api/server`.
pub(super) async fn server(State(server): State<Arc<Server>>) -> Json<ServerDocument> {
    let connections = server.config.connections.iter().map(|(name, connection)| ConnectionDocument {
        name: name.clone(),
        dialect: connection.dialect(),
        role: connection.role.map(crate::config::ConnectionRole::name),
        may_be_restored_into: connection.may_be_restored_into() && server.allow_restore().is_ok(),
    });
    let directory = server.catalogue.directory();
    Json(ServerDocument {
        version: env!("CARGO_PKG_VERSION"),
        languages: [Language::English.code(), Language::French.code()],
        archives: directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        read_only: server.allow_changes().is_err(),
        can_restore: server.allow_restore().is_ok(),
        can_upload: server.allow_upload().is_ok(),
        upload_limit: server.upload_limit,
        connections: connections.collect(),
        dialects: registry::dialects().iter().map(|dialect| dialect.name()).collect(),
        schedules: server.config.schedules.len(),
        now: super::now(),
        started_at: server.started_at.clone(),
    })
}

#[derive(Serialize)]
struct SourceGroup {
    name: String,
    title: Text,
    description: Text,
    built_in: bool,
    required: bool,
    skipped: bool,
    rows: Option<u64>,
    bytes: Option<u64>,
    collections: Vec<group::CollectionExplanation>,
}

#[derive(Serialize)]
struct ConnectionGroups {
    connection: String,
    groups: Vec<SourceGroup>,
    edges: Vec<CrossGroupEdge>,
    unmatched_rules: Vec<UnmatchedRule>,
}

/// `GET /api/connections/{name}/groups`.
pub(super) async fn groups(
    State(server): State<Arc<Server>>,
    name: Result<Path<String>, PathRejection>,
) -> Answer<Response> {
    let Path(name) = name?;
    server.connection(&name)?;
    document(move || {
        let mut database = (server.open)(&name)?.open(Purpose::Read, &Cancel::new())?;
        let schema = database.introspect()?;
        let rules = &server.config.groups;
        let grouping = group::assign(&schema, rules, &mut |sql| database.query_names(sql))?;
        let glossary = rules.glossary();
        let explanation = group::explain(&schema, &grouping, glossary, Language::English);
        let one = |group: GroupExplanation| {
            let info = glossary.get(&group.name);
            SourceGroup {
                title: Text::from(&info.title),
                description: Text::from(&info.description),
                name: group.name,
                built_in: group.built_in,
                required: group.always,
                skipped: group.never,
                rows: group.rows,
                bytes: group.bytes,
                collections: group.collections,
            }
        };
        Ok(ConnectionGroups {
            connection: name,
            groups: explanation.groups.into_iter().map(one).collect(),
            edges: explanation.cross_group_edges,
            unmatched_rules: explanation.unmatched_rules,
        })
    })
    .await
}

#[derive(Deserialize)]
pub(super) struct AuditQuery {
    limit: Option<usize>,
    before: Option<u64>,
}

/// The most entries of one page of the audit log.
const MOST_ENTRIES: usize = 500;

/// `GET /api/audit`.
pub(super) async fn audit(
    State(server): State<Arc<Server>>,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Answer<Response> {
    let Query(AuditQuery { limit, before }) = query?;
    document(move || Ok(server.audit.page(limit.unwrap_or(100).min(MOST_ENTRIES), before)?)).await
}

impl Server {
    /// The connection of that name.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn connection(&self, name: &str) -> Answer<&crate::config::Connection> {
        self.config.connections.get(name).ok_or_else(|| Refusal::not_found("there is no connection of that name"))
    }
}
