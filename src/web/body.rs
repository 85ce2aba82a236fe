//! The body of a request must come in time: who sends it drop by drop holds nothing for long. Uploads, which may take long,
//! look after themselves.

use super::listen::HEAD;
use axum::body::{Body, HttpBody};
use futures_util::{StreamExt, stream};
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The same body, which ends with an error where it takes too long.
pub(super) fn in_time(body: Body) -> Body {
    within(body, HEAD)
}

fn within(body: Body, patience: Duration) -> Body {
    // Most requests have none.
    if body.is_end_stream() {
        return body;
    }
    let until = Instant::now() + patience;
    let pieces = Some(body.into_data_stream());
    Body::from_stream(stream::unfold(pieces, move |pieces| async move {
        let mut pieces = pieces?;
        match timeout_at(until, pieces.next()).await {
            Ok(piece) => Some((piece?.map_err(io::Error::other), Some(pieces))),
            Err(_) => Some((Err(io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time")), None)),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Bytes, to_bytes};

    #[test]
    fn who_sends_drop_by_drop_is_not_waited_for() {
        let drops = |count: u32| {
            let drops = stream::unfold(0, move |sent| async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                (sent < count).then(|| (Ok::<_, io::Error>(Bytes::from_static(b"x")), sent + 1))
            });
            Body::from_stream(drops)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let read = |body| to_bytes(body, 1_000_000);
            assert_eq!(read(within(drops(3), Duration::from_secs(60))).await.expect("a body"), "xxx");
            let begun = Instant::now();
            assert!(read(within(drops(100_000), Duration::from_millis(200))).await.is_err());
            assert!(begun.elapsed() < Duration::from_secs(20));
        });
    }
}
