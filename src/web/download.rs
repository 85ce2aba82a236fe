//! Downloads: a backup as one file, made while it is sent.

use super::Server;
use super::access::Caller;
use super::answer::{Answer, Refusal, blocking};
use super::audit::Record;
use super::uses::Use;
use crate::archive::PackedStream;
use crate::{Cancel, Error};
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// So many go on at once.
pub(super) const AT_ONCE: usize = 32;
/// How much is read at once, in bytes.
const PIECE: usize = 128 << 10;

/// `GET /api/backups/{name}/download`.
pub(super) async fn download(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    name: Result<Path<String>, PathRejection>,
    method: Method,
    headers: HeaderMap,
) -> Answer<Response> {
    let Path(name) = name?;
    let one = Arc::clone(&server.leaving).try_acquire_owned().map_err(|_| Refusal::too_many_downloads())?;
    let in_use = server.uses.share(&name).ok_or_else(|| Refusal::not_found("there is no such backup"))?;
    let gone = Gone(Cancel::new());
    let (opener, asked, cancel) = (Arc::clone(&server), name.clone(), gone.0.clone());
    let stream = blocking(move || Ok(PackedStream::new(opener.catalogue.open(&asked)?, &cancel, &mut |_| {})?)).await?;
    let length = stream.length();
    let tag = format!("\"{}-{length}\"", stream.archive().manifest().id);
    let range = match wanted(&headers, &tag, length) {
        Wanted::All => None,
        Wanted::Part(range) => Some(range),
        Wanted::Nothing => {
            let headers = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
        }
    };
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let range = range.unwrap_or(0..length);
    let file = if name.ends_with(".zip") { name.clone() } else { format!("{name}.zip") };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let fixed = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_LENGTH, (range.end - range.start).to_string()),
        (header::CONTENT_DISPOSITION, disposition(&file)),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, tag),
    ];
    for (name, value) in fixed {
        // All of them are plain text.
        response.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("")));
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let value = format!("bytes {}-{}/{length}", range.start, range.end - 1);
        let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""));
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    if method == Method::GET {
        blocking(move || {
            let record = Record {
                address: caller.address.as_deref(),
                backup: Some(&name),
                ..Record::new(caller.who, "download", "done")
            };
            Ok(server.audit.record(&record)?)
        })
        .await?;
        *response.body_mut() = body(Sending { packed: stream, left: range, _in_use: in_use, _one: one });
    }
    Ok(response)
}

/// Whoever waits for a file to be read through may go away meanwhile.
struct Gone(Cancel);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A part of a backup that is sent.
struct Sending {
    packed: PackedStream,
    left: Range<u64>,
    /// Nobody removes it meanwhile.
    _in_use: Use,
    /// It counts as long as it goes on.
    _one: OwnedSemaphorePermit,
}

impl Sending {
    /// The next piece.
    fn read(&mut self) -> io::Result<Bytes> {
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        let mut piece = vec![0; PIECE.min(left)];
        let read = self.packed.read_at(self.left.start, &mut piece);
        match read.map_err(|error: Error| io::Error::other(error.to_string()))? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.left.start += read as u64;
                piece.truncate(read);
                Ok(piece.into())
            }
        }
    }
}

/// Sends a part of a backup, piece by piece. Each is read when it is wanted: whoever takes none for a while holds no thread,
/// and no more memory than the piece before.
fn body(sending: Sending) -> Body {
    Body::from_stream(stream::unfold(Some(sending), async |sending| {
        let mut sending = sending.filter(|sending| !sending.left.is_empty())?;
        let read = move || {
            let piece = sending.read();
            (piece, sending)
        };
        match tokio::task::spawn_blocking(read).await {
            Ok((Ok(piece), sending)) => Some((Ok(piece), Some(sending))),
            // The connection breaks off: what was sent so far is not taken for the whole.
            Ok((Err(error), _)) => Some((Err(error), None)),
            Err(error) => Some((Err(io::Error::other(error)), None)),
        }
    }))
}

/// Which part of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part(Range<u64>),
    /// One that there is not.
    Nothing,
}

/// Reads `Range: bytes=FROM-TO`, `bytes=FROM-` and `bytes=-LAST`. What is not understood is not heeded, as the standard says.
fn wanted(headers: &HeaderMap, tag: &str, length: u64) -> Wanted {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if text(header::IF_RANGE).is_some_and(|condition| condition != tag) {
        return Wanted::All;
    }
    let Some((from, to)) = text(header::RANGE).and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
        return Wanted::All;
    };
    let range = match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(from), Ok(to)) if from <= to => from..to.saturating_add(1).min(length),
        (Ok(from), Err(_)) if to.trim().is_empty() => from..length,
        (Err(_), Ok(last)) if from.trim().is_empty() => length.saturating_sub(last)..length,
        _ => return Wanted::All,
    };
    if range.start < range.end { Wanted::Part(range) } else { Wanted::Nothing }
}

/// How a file is to be called where it is saved.
fn disposition(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect();
    let exact: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_the_standard() {
        let asked = |range: &str, condition: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_str(range).expect("a text"));
            if let Some(condition) = condition {
                headers.insert(header::IF_RANGE, HeaderValue::from_static(condition));
            }
            wanted(&headers, "\"x\"", 100)
        };
        assert_eq!(asked("bytes=0-9", None), Wanted::Part(0..10));
        assert_eq!(asked("bytes=90-", Some("\"x\"")), Wanted::Part(90..100));
        assert_eq!(asked("bytes=90-", Some("\"y\"")), Wanted::All, "it is another file now");
        assert_eq!(asked("bytes=50-500", None), Wanted::Part(50..100));
        assert_eq!(asked("bytes=-10", None), Wanted::Part(90..100));
        assert_eq!(asked("bytes=-1000", None), Wanted::Part(0..100));
        for nothing in ["bytes=100-", "bytes=200-300", "bytes=-0"] {
            assert_eq!(asked(nothing, None), Wanted::Nothing, "{nothing}");
        }
        for other in ["bytes=9-1", "bytes=0-1,5-6", "lines=1-2", "bytes=x-y", "bytes"] {
            assert_eq!(asked(other, None), Wanted::All, "{other}");
        }
        assert_eq!(wanted(&HeaderMap::new(), "\"x\"", 100), Wanted::All);
    }

    #[test]
    fn file_names_break_no_header() {
        assert_eq!(disposition("Zo\"ë.zip"), "attachment; filename=\"Zo__.zip\"; filename*=UTF-8''Zo%22%C3%AB.zip");
    }
}
