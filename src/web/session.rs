//! Signing in and out.

use super::Server;
use super::access::{Caller, Session};
use super::answer::{Answer, blocking};
use super::audit::{Record, Who};
use crate::{Error, ErrorKind};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    token: String,
}

#[derive(Serialize)]
struct Document {
    csrf: String,
    expires_at: String,
}

/// `POST /api/session`.
pub(super) async fn sign_in(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<SignIn>, JsonRejection>,
) -> Answer<Response> {
    let Json(SignIn { token }) = body?;
    if !server.access.is_token(&token) {
        return Err(server.wrong_token(Who::Page, caller.address).await);
    }
    on_record(&server, &caller, "sign-in").await?;
    let session = server.access.begin()?;
    let cookie = [(header::SET_COOKIE, server.access.set_cookie(Some(&session)))];
    Ok((cookie, Json(document(&server, &session)?)).into_response())
}

/// `GET /api/session`.
pub(super) async fn present(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Response> {
    // A script's token does not end.
    let never = || Document { csrf: String::new(), expires_at: "9999-12-30T22:00:00Z".into() };
    let document = caller.session.map(|session| document(&server, &session)).transpose()?.unwrap_or_else(never);
    Ok(Json(document).into_response())
}

/// `DELETE /api/session`.
pub(super) async fn sign_out(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Response> {
    on_record(&server, &caller, "sign-out").await?;
    if let Some(session) = caller.session {
        let server = Arc::clone(&server);
        blocking(move || {
            if let Err(error) = server.access.end(&session) {
                server.warn(&format!("a session that was signed out is one again after a restart: {error}"));
            }
            Ok(())
        })
        .await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, server.access.set_cookie(None))]).into_response())
}

fn document(server: &Server, session: &Session) -> Answer<Document> {
    let ends = i64::try_from(session.ends()).ok().and_then(|ends| jiff::Timestamp::from_second(ends).ok());
    let ends = ends.ok_or_else(|| Error::new(ErrorKind::Internal, "the session never ends"))?;
    Ok(Document { csrf: server.access.csrf(session), expires_at: ends.to_string() })
}

/// Whoever comes to make room on a full disk is let in.
async fn on_record(server: &Arc<Server>, caller: &Caller, action: &'static str) -> Answer<()> {
    let (server, address) = (Arc::clone(server), caller.address.clone());
    blocking(move || {
        server.note(&Record { address: address.as_deref(), ..Record::new(Who::Page, action, "done") });
        Ok(())
    })
    .await
}
