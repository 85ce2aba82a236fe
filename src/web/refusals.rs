//! Refusals: each is put on record, but no flood of them pushes the rest of the log out, and whoever guesses waits.
//!
//! The first refusals of a minute are entries of their own; what comes after them is counted, and told in one entry when the
//! minute is over. Strangers and those who have the token are counted apart, so that a stranger hides nothing of the others.
//!
//! Every wrong token waits, however many there are, so that each connection has but two guesses a second; where many wait at
//! once, the answer says to stop. A right token is never kept waiting: at 32 characters and more nobody guesses it, and a
//! stranger who sends wrong ones must not keep the others out.

use super::Server;
use super::access::Caller;
use super::answer::{About, Refusal};
use super::audit::{Record, Who};
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// So many refusals of a minute are entries of their own.
const TOLD: u32 = 5;
/// How long refusals are counted.
const MINUTE: Duration = Duration::from_secs(60);
/// How often it is looked whether a minute is over.
const LOOK: Duration = Duration::from_secs(1);
/// Whoever guesses waits.
const AFTER_A_WRONG_TOKEN: Duration = Duration::from_millis(500);
/// More than so many who guessed and wait at once are told to stop.
const GUESSES: usize = 16;

/// Who was refused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Somebody without the token.
    Stranger,
    /// Somebody with it.
    Known,
}

/// What was refused lately.
#[derive(Debug)]
pub(super) struct Refusals {
    strangers: Mutex<Minute>,
    known: Mutex<Minute>,
    waiting: Semaphore,
}

/// The refusals of a minute.
#[derive(Debug, Default)]
struct Minute {
    begun: Option<Instant>,
    told: u32,
    more: u64,
}

/// What is to be put on record now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// The refusal itself.
    this: bool,
    /// So many of the minute before.
    more: u64,
}

impl Minute {
    /// Counts a refusal.
    fn count(&mut self, now: Instant) -> Due {
        let more = self.end(now, false);
        self.begun.get_or_insert(now);
        let this = self.told < TOLD;
        self.told += u32::from(this);
        self.more += u64::from(!this);
        Due { this, more }
    }

    /// How many were counted only, once the minute is over, or now.
    fn end(&mut self, now: Instant, at_once: bool) -> u64 {
        if at_once || self.begun.is_some_and(|begun| now.duration_since(begun) >= MINUTE) {
            std::mem::take(self).more
        } else {
            0
        }
    }
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { strangers: Mutex::default(), known: Mutex::default(), waiting: Semaphore::new(GUESSES) }
    }

    fn with<T>(&self, who: Refused, act: impl FnOnce(&mut Minute) -> T) -> T {
        let minute = match who {
            Refused::Stranger => &self.strangers,
            Refused::Known => &self.known,
        };
        act(&mut minute.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Server {
    /// Puts a refusal on record, or counts it. Where it cannot be put on record it is refused all the same.
    async fn refused(
        self: &Arc<Self>,
        who: Refused,
        caller: Caller,
        (action, result): (&'static str, &'static str),
        about: About,
        job: Option<String>,
    ) {
        let due = self.refusals.with(who, |minute| minute.count(Instant::now()));
        if due == Due::default() {
            return;
        }
        let server = Arc::clone(self);
        // Only a defect could end it, and that is told by the runtime.
        _ = tokio::task::spawn_blocking(move || {
            server.tell_more(who, due.more);
            if due.this {
                server.note(&Record {
                    address: caller.address.as_deref(),
                    backup: about.backup.as_deref(),
                    connection: about.connection.as_deref(),
                    job: job.as_deref(),
                    message: (!about.message.is_empty()).then_some(about.message.as_str()),
                    ..Record::new(caller.who, action, result)
                });
            }
        })
        .await;
    }

    fn tell_more(&self, who: Refused, more: u64) {
        if more > 0 {
            let what = if who == Refused::Stranger { "wrong tokens" } else { "requests" };
            let message = format!("{more} more {what} were refused within a minute, and are not listed one by one");
            self.note(&Record { message: Some(&message), ..Record::new(Who::Server, "more-refused", "refused") });
        }
    }

    /// What was only counted and is to be told now: of minutes that are over, or of all.
    fn counted(&self, at_once: bool) -> Vec<(Refused, u64)> {
        let end = |who| (who, self.refusals.with(who, |minute| minute.end(Instant::now(), at_once)));
        [Refused::Stranger, Refused::Known].map(end).into_iter().filter(|(_, more)| *more > 0).collect()
    }

    /// Puts all on record that was only counted.
    pub(super) fn settle_refusals(&self) {
        self.counted(true).into_iter().for_each(|(who, more)| self.tell_more(who, more));
    }

    /// Puts on record that somebody was not let in who wanted to change something.
    pub(super) async fn turned_away(self: &Arc<Self>, who: Who, address: Option<String>, message: &str) {
        let about = About { message: message.to_owned(), ..About::default() };
        self.refused(Refused::Stranger, Caller { who, address, session: None }, ("request", "refused"), about, None)
            .await;
    }

    /// What somebody hears who sent a wrong token, after a while.
    pub(super) async fn wrong_token(self: &Arc<Self>, who: Who, address: Option<String>) -> Refusal {
        let waiting = self.refusals.waiting.try_acquire();
        let caller = Caller { who, address, session: None };
        self.refused(Refused::Stranger, caller, ("sign-in-failed", "refused"), About::default(), None).await;
        tokio::time::sleep(AFTER_A_WRONG_TOKEN).await;
        if waiting.is_ok() { Refusal::unauthorised() } else { Refusal::too_many_guesses() }
    }
}

/// Looks whether a minute is over, for ever.
pub(super) async fn keep(server: Arc<Server>) {
    loop {
        tokio::time::sleep(LOOK).await;
        for (who, more) in server.counted(false) {
            let server = Arc::clone(&server);
            // Only a defect could end it, and that is told by the runtime.
            _ = tokio::task::spawn_blocking(move || server.tell_more(who, more)).await;
        }
    }
}

/// What a request would have done, as the audit log calls it.
fn action(method: &Method, path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["api", "backups"] | ["api", "schedule", _, "run"]) => Some("backup"),
        ("DELETE", ["api", "backups", _]) => Some("delete"),
        ("POST", ["api", "backups", _, "verify"]) => Some("verify"),
        ("POST", ["api", "uploads"]) => Some("upload"),
        ("POST", ["api", "restores"]) => Some("restore"),
        ("POST", ["api", "jobs", _, "cancel"]) => Some("cancel"),
        ("POST", ["api", "jobs", _, "dismiss"]) => Some("dismiss"),
        _ => None,
    }
}

/// Puts on record what is refused of what would change something.
pub(super) async fn on_record(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(caller), Some(action)) = (caller, action(request.method(), request.uri().path())) else {
        return next.run(request).await;
    };
    let (mut parts, body) = request.into_parts();
    let params = RawPathParams::from_request_parts(&mut parts, &()).await.ok();
    let of_path = |wanted: &str| {
        let mut params = params.iter().flat_map(RawPathParams::iter);
        params.find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
    };
    let (name, job) = (of_path("name"), of_path("id"));
    let response = next.run(Request::from_parts(parts, body)).await;
    let about = response.extensions().get::<About>().filter(|about| !about.is_on_record).cloned();
    if let Some(mut about) = about.filter(|_| !response.status().is_success()) {
        // The name of a schedule is that of no backup.
        about.backup = about.backup.or(name.filter(|_| action != "backup"));
        // What fails for other reasons was not refused, and is not done either.
        let result = if response.status().is_server_error() { "failed" } else { "refused" };
        server.refused(Refused::Known, caller, (action, result), about, job).await;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_a_few_entries() {
        let mut minute = Minute::default();
        let begun = Instant::now();
        let mut told = 0;
        for number in 0..200_000_u32 {
            let due = minute.count(begun + Duration::from_millis(u64::from(number)));
            told += u32::from(due.this) + u32::from(due.more > 0);
        }
        // 200 seconds: four minutes have begun, and three are over.
        assert_eq!(told, 4 * TOLD + 3);
        let late = begun + Duration::from_secs(300);
        assert_eq!(minute.end(begun + Duration::from_secs(201), false), 0, "the minute is not over");
        assert_eq!(minute.end(late, false), 200_000 - 180_000 - u64::from(TOLD));
        assert_eq!(minute.count(late), Due { this: true, more: 0 });
        assert_eq!(minute.end(late, true), 0);
    }

    #[test]
    fn actions_are_those_of_the_log() {
        assert_eq!(action(&Method::DELETE, "/api/backups/a%2Fb"), Some("delete"));
        assert_eq!(action(&Method::POST, "/api/schedule/nightly/run"), Some("backup"));
        for (method, path) in
            [(Method::GET, "/api/backups"), (Method::POST, "/api/plan"), (Method::POST, "/api/session")]
        {
            assert_eq!(action(&method, path), None, "{path}");
        }
    }
}
