//! Answers: what failed as JSON with a status, and the headers that every answer has.

use crate::failure::{exit_code, kind_name, redact};
use crate::{Error, ErrorKind};
use axum::Json;
use axum::extract::Request;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error as StdError;

/// The result of every handler.
pub(super) type Answer<T> = Result<T, Refusal>;

/// An error as documents have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ErrorView {
    pub(super) kind: String,
    pub(super) message: String,
    causes: Vec<String>,
    hint: Option<String>,
    context: BTreeMap<String, String>,
    pub(super) exit_code: u8,
}

impl From<&Error> for ErrorView {
    fn from(error: &Error) -> Self {
        let shown = |text: &str| redact(text).into_owned();
        let causes = std::iter::successors(error.source(), |cause: &&(dyn StdError + 'static)| (*cause).source());
        Self {
            kind: kind_name(error.kind()).into(),
            message: shown(error.message()),
            causes: causes.map(|cause| shown(&cause.to_string())).collect(),
            hint: error.remedy().map(shown),
            context: error.context().map(|(key, value)| (key.to_owned(), shown(value))).collect(),
            exit_code: exit_code(error.kind()),
        }
    }
}

/// A request that is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: Box<ErrorView>,
    /// After so many seconds it may be asked again.
    retry_after: Option<u32>,
    about: About,
}

/// What the audit log says of a refusal besides who was refused what.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub(super) message: String,
    pub(super) backup: Option<String>,
    pub(super) connection: Option<String>,
    /// Whether it was put on record already.
    pub(super) is_on_record: bool,
}

impl Refusal {
    /// One of the server's own kinds.
    fn new(status: StatusCode, kind: &str, message: impl Into<String>, hint: Option<&str>) -> Self {
        let error = ErrorView {
            kind: kind.into(),
            message: message.into(),
            causes: Vec::new(),
            hint: hint.map(str::to_owned),
            context: BTreeMap::new(),
            exit_code: exit_code(ErrorKind::Refused),
        };
        Self { status, error: Box::new(error), retry_after: None, about: About::default() }
    }

    /// Nobody has signed in.
    pub(super) fn unauthorised() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorised",
            "not signed in, or the token is wrong",
            Some("open the link that dbferry serve printed, or send its token as `Authorization: Bearer TOKEN`"),
        )
    }

    /// The request does not come from where it should.
    pub(super) fn forbidden(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message, hint)
    }

    /// There is no such thing.
    pub(super) fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", what, None)
    }

    /// It cannot be done now.
    pub(super) fn conflict(kind: &str, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self::new(StatusCode::CONFLICT, kind, message, hint)
    }

    /// More than is taken.
    pub(super) fn too_large(message: impl Into<String>) -> Self {
        let hint =
            "copy the file into the archives' directory instead, or start the server with a larger --upload-limit";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message, Some(hint))
    }

    /// More than the disk takes.
    pub(super) fn no_space(length: u64, room: u64) -> Self {
        let message = format!("the file has {length} bytes, and there is room for {room} where the backups are kept");
        let hint = "delete backups that are not needed any more, or make room on that disk";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "no-space", message, Some(hint))
    }

    /// Too much waits.
    pub(super) fn too_many() -> Self {
        let hint = Some("wait until some of them are done, or cancel them");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "too many jobs wait already", hint)
    }

    /// Too many wrong tokens at once.
    pub(super) fn too_many_guesses() -> Self {
        let message = "too many wrong tokens at once";
        let hint = Some("wait a moment, and send the right one");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", message, hint).retry_after(1)
    }

    /// Too many downloads at once.
    pub(super) fn too_many_downloads() -> Self {
        let hint = Some("wait until some of them are done");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-many", "too many downloads go on already", hint).retry_after(30)
    }

    fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same, with what it is about.
    pub(super) fn about(mut self, backup: Option<&str>, connection: Option<&str>) -> Self {
        self.about.backup = backup.map(str::to_owned);
        self.about.connection = connection.map(str::to_owned);
        self
    }

    /// The same, which was put on record already.
    pub(super) fn on_record(mut self) -> Self {
        self.about.is_on_record = true;
        self
    }

    /// What went wrong, in a sentence.
    pub(super) fn message(&self) -> &str {
        &self.error.message
    }

    /// The same with another status.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Usage => StatusCode::BAD_REQUEST,
            ErrorKind::Refused => StatusCode::FORBIDDEN,
            ErrorKind::ArchiveNotFound => StatusCode::NOT_FOUND,
            ErrorKind::ArchiveLocked | ErrorKind::Mismatch => StatusCode::CONFLICT,
            ErrorKind::ArchiveDamaged | ErrorKind::Incompatible | ErrorKind::Unsupported => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            ErrorKind::Connect | ErrorKind::Tls | ErrorKind::Database | ErrorKind::Permission | ErrorKind::Busy => {
                StatusCode::BAD_GATEWAY
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, error: Box::new(ErrorView::from(&error)), retry_after: None, about: About::default() }
    }
}

macro_rules! from_rejection {
    ($($rejection:ty),*) => {
        $(impl From<$rejection> for Refusal {
            fn from(rejection: $rejection) -> Self {
                let error = Error::new(ErrorKind::Usage, rejection.body_text());
                Self::from(error).with_status(rejection.status())
            }
        })*
    };
}

from_rejection!(JsonRejection, PathRejection, QueryRejection);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: Box<ErrorView>,
        }
        let about = About { message: self.error.message.clone(), ..self.about };
        let mut response = (self.status, Json(Body { error: self.error })).into_response();
        response.extensions_mut().insert(about);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T, F>(work: F) -> Answer<T>
where
    T: Send + 'static,
    F: FnOnce() -> Answer<T> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "the request could not be finished").caused_by(error).into())
    })
}

/// Runs what blocks where it may, and writes what it finds as JSON there too: a long list takes its time.
pub(super) async fn document<T, F>(work: F) -> Answer<Response>
where
    T: Serialize,
    F: FnOnce() -> Answer<T> + Send + 'static,
{
    blocking(move || {
        let body = serde_json::to_vec(&work()?).map_err(super::internal)?;
        Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
    })
    .await
}

/// Nothing from elsewhere, nothing in the text itself, and nobody around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The headers of every answer.
pub(super) async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let all: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
