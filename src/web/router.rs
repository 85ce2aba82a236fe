//! Every route, in one list.

use super::{
    Server, access, answer, assets, backups, download, events, info, jobs, plans, refusals, schedule, session, upload,
};
use crate::web::answer::Refusal;
use axum::Router;
use axum::http::{HeaderMap, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, post};
use std::sync::Arc;

/// The API's routes, as `openapi.json` has them.
fn routes() -> Vec<(&'static str, &'static str, MethodRouter<Arc<Server>>)> {
    let mut routes = Vec::new();
    let mut route = |method, path, handler| routes.push((method, path, handler));
    route("get", "/api/session", get(session::present));
    route("post", "/api/session", post(session::sign_in));
    route("delete", "/api/session", delete(session::sign_out));
    route("get", "/api/server", get(info::server));
    route("get", "/api/openapi.json", get(info::openapi));
    route("get", "/api/backups", get(backups::list));
    route("post", "/api/backups", post(backups::create));
    route("get", "/api/backups/{name}", get(backups::detail));
    route("delete", "/api/backups/{name}", delete(backups::delete));
    route("get", "/api/backups/{name}/preview", get(backups::first_rows));
    route("get", "/api/backups/{name}/download", get(download::download));
    route("post", "/api/backups/{name}/verify", post(backups::verify));
    route("post", "/api/uploads", post(upload::upload));
    route("get", "/api/connections/{name}/groups", get(info::groups));
    route("post", "/api/plan", post(plans::plan));
    route("post", "/api/restores", post(plans::restore));
    route("get", "/api/jobs", get(jobs::routes::list));
    route("get", "/api/jobs/{id}", get(jobs::routes::one));
    route("post", "/api/jobs/{id}/cancel", post(jobs::routes::cancel));
    route("post", "/api/jobs/{id}/dismiss", post(jobs::routes::dismiss));
    route("get", "/api/events", get(events::events));
    route("get", "/api/audit", get(info::audit));
    route("get", "/api/schedule", get(schedule::list));
    route("post", "/api/schedule/{name}/run", post(schedule::run_now));
    routes
}

/// The whole server: the page, the API, and what stands before both.
pub(super) fn router(server: Arc<Server>) -> Router {
    let mut router = Router::new();
    for (_, path, handler) in routes() {
        router = router.route(path, handler);
    }
    for path in assets::paths() {
        router =
            router.route(path, get(|uri: Uri, headers: HeaderMap| async move { assets::serve(uri.path(), &headers) }));
    }
    router
        .fallback(async || Refusal::not_found("there is no such route"))
        .method_not_allowed_fallback(async || {
            Refusal::not_found("there is no such route").with_status(axum::http::StatusCode::METHOD_NOT_ALLOWED)
        })
        .layer(from_fn_with_state(Arc::clone(&server), refusals::on_record))
        .layer(from_fn_with_state(Arc::clone(&server), access::guard))
        .layer(from_fn(answer::with_headers))
        .with_state(server)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_document_and_the_router_agree() {
        let document: serde_json::Value = serde_json::from_str(info::OPENAPI).expect("JSON");
        let documented: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .expect("paths")
            .iter()
            .flat_map(|(path, operations)| {
                let operations = operations.as_object().expect("operations");
                operations.keys().map(|method| (method.clone(), path.clone())).collect::<Vec<_>>()
            })
            .collect();
        let routed = routes().into_iter().map(|(method, path, _)| (method.to_owned(), path.to_owned())).collect();
        assert_eq!(documented, routed);
    }
}
