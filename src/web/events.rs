//! Live events: what happens is told to every open page at once.

use super::Server;
use super::access::Caller;
use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

/// How many messages a slow listener may be behind before it is told to read everything anew.
const BEHIND: usize = 256;

/// Everybody who listens.
#[derive(Debug)]
pub(super) struct Events {
    sender: broadcast::Sender<Arc<Message>>,
    closed: watch::Sender<bool>,
}

#[derive(Debug)]
struct Message {
    name: &'static str,
    data: String,
}

impl Events {
    pub(super) fn new() -> Self {
        Self { sender: broadcast::channel(BEHIND).0, closed: watch::channel(false).0 }
    }

    /// Whether anybody listens.
    pub(super) fn are_heard(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// Tells something to everybody.
    pub(super) fn tell(&self, name: &'static str, data: &impl Serialize) {
        if let Ok(data) = serde_json::to_string(data) {
            // Nobody listens: nobody misses it.
            _ = self.sender.send(Arc::new(Message { name, data }));
        }
    }

    /// The list of backups is another one.
    pub(super) fn tell_backups(&self) {
        self.tell("backups", &serde_json::json!({}));
    }

    /// Lets all listeners go.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits until all listeners were let go.
    pub(super) async fn closed(&self) {
        // It ends only with its sender, which is here.
        _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }
}

/// `GET /api/events`.
pub(super) async fn events(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let hello = {
        let server = Arc::clone(&server);
        move || {
            let data = serde_json::json!({ "now": super::now(), "started_at": server.started_at });
            Event::default().event("hello").data(data.to_string())
        }
    };
    let (receiver, closed) = (server.events.sender.subscribe(), server.events.closed.subscribe());
    let stream = stream::unfold((receiver, closed, true), move |(mut receiver, mut closed, first)| {
        let hello = hello.clone();
        async move {
            if *closed.borrow() {
                return None;
            }
            if first {
                return Some((Ok(hello()), (receiver, closed, false)));
            }
            let received = tokio::select! {
                _ = closed.changed() => return None,
                received = receiver.recv() => received,
            };
            let event = match received {
                Ok(message) => Event::default().event(message.name).data(&message.data),
                // It missed something, so it begins anew.
                Err(RecvError::Lagged(_)) => hello(),
                Err(RecvError::Closed) => return None,
            };
            Some((Ok(event), (receiver, closed, false)))
        }
    });
    // Who signed out hears no more.
    let over = async move {
        match caller.session {
            Some(session) => server.access.is_over(&session).await,
            None => std::future::pending().await,
        }
    };
    Sse::new(stream.take_until(Box::pin(over))).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
