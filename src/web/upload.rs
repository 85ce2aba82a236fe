//! Uploads: a packed backup is streamed into a file of the state directory, which is on the archives' volume, and then
//! checked as a whole before it is listed. Never more of it is in memory than a few pieces.

use super::Server;
use super::access::Caller;
use super::answer::{Answer, Refusal, blocking};
use super::backups::submit;
use super::catalogue::as_name;
use super::jobs::{Job, Work, new_name};
use super::uses::Use;
use crate::archive::Archive;
use crate::{Error, ErrorKind, Result};
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::{Extension, Json};
use futures_util::StreamExt;
use serde::Deserialize;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// So many uploads may arrive at once.
pub(super) const AT_ONCE: usize = 4;
/// Pieces between the network and the disk.
const PIECES: usize = 4;
/// Who sends nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);

/// A file that arrived. It is removed when it is dropped, unless it was kept.
#[derive(Debug)]
pub(super) struct Arrived {
    path: PathBuf,
    /// The name that it will have.
    pub(super) name: String,
    /// Nobody else takes that name.
    _hold: Use,
}

impl Arrived {
    /// Where it is now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it where it is listed; what is there is never replaced.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub(super) fn keep(self, to: &Path) -> Result<()> {
        let cannot = |error| Error::io(format!("cannot move the upload to {}", to.display()), error);
        if to.symlink_metadata().is_ok() {
            return Err(Error::new(ErrorKind::ArchiveLocked, format!("{} is there already", to.display())));
        }
        fs::rename(&self.path, to).map_err(cannot)?;
        // Durable only once the directory says so, where directories can be told.
        if let Some(directory) = to.parent().and_then(|parent| File::open(parent).ok()) {
            _ = directory.sync_all();
        }
        Ok(())
    }
}

impl Drop for Arrived {
    fn drop(&mut self) {
        // It may have been moved; what cannot be removed now goes at the next start.
        _ = fs::remove_file(&self.path);
    }
}

#[derive(Deserialize)]
pub(super) struct UploadQuery {
    name: String,
}

/// `POST /api/uploads`.
pub(super) async fn upload(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<UploadQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Answer<(StatusCode, Json<Job>)> {
    let Query(UploadQuery { name }) = query?;
    server.allow_upload()?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !matches!(kind, "application/octet-stream" | "application/zip" | "application/x-zip-compressed") {
        let error = Error::new(ErrorKind::Usage, "an upload is the file itself, as application/zip");
        return Err(Refusal::from(error).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let _one = server.arriving.try_acquire().map_err(|_| Refusal::too_many())?;
    let about = |refusal: Refusal| refusal.about(Some(&name), None);
    let arrived = receive(&server, &name, &headers, body).await.map_err(about)?;
    submit(&server, &caller, Work::Upload(arrived)).await.map_err(about)
}

/// Takes the file from the network to the disk.
async fn receive(server: &Arc<Server>, name: &str, headers: &HeaderMap, body: Body) -> Answer<Arrived> {
    let limit = server.upload_limit;
    let too_large =
        || Refusal::too_large(format!("the file is larger than {limit} bytes, which is the most that is taken"));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    if let Some(length) = announced {
        let state = server.state.clone();
        let room = blocking(move || Ok(room(&state))).await?;
        if let Some(room) = room.filter(|room| *room < length) {
            return Err(Refusal::no_space(length, room));
        }
    }
    let stem = as_name(name.strip_suffix(".zip").unwrap_or(name));
    let (hold, name) = new_name(server, &stem, ".zip")?;
    let path = server.state.join(format!("upload-{}", &super::access::random_text()?[..16]));
    let arrived = Arrived { path, name, _hold: hold };
    let (sender, receiver) = mpsc::channel(PIECES);
    let target = arrived.path.clone();
    let writing = tokio::task::spawn_blocking(move || write(&target, receiver));
    let received = send(body, sender, limit).await;
    let written = writing.await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "the upload could not be written").caused_by(error))
    });
    // What the disk says comes first: when it is full, the network's side only sees that nobody takes the pieces.
    written?;
    match received {
        Ok(()) => {}
        Err(Broken::TooLarge) => return Err(too_large()),
        Err(Broken::Off) => {
            return Err(Error::new(ErrorKind::Usage, "the upload broke off").hint("send the file once more").into());
        }
    }
    blocking(move || {
        let opened = Archive::open(&arrived.path).map_err(|error| match error.kind() {
            ErrorKind::ArchiveNotFound => Error::new(ErrorKind::ArchiveDamaged, "the file is no packed backup")
                .hint("upload what was downloaded here, or what `dbferry pack` made"),
            // Where it lies for the moment is of no use to anybody.
            kind => Error::new(kind, error.message().to_owned()).hint(error.remedy().unwrap_or_default().to_owned()),
        })?;
        drop(opened);
        Ok(arrived)
    })
    .await
}

/// How many bytes the volume of a directory still takes, where the system tells.
#[cfg(unix)]
fn room(directory: &Path) -> Option<u64> {
    let volume = rustix::fs::statvfs(directory).ok()?;
    // What has no size at all does not know its free space either.
    (volume.f_blocks > 0).then(|| volume.f_bavail.saturating_mul(volume.f_frsize))
}

#[cfg(not(unix))]
fn room(_directory: &Path) -> Option<u64> {
    None
}

enum Broken {
    TooLarge,
    Off,
}

/// Hands the pieces of a body over, no more than `limit` bytes.
async fn send(body: Body, sender: mpsc::Sender<Bytes>, limit: u64) -> Result<(), Broken> {
    let mut pieces = body.into_data_stream();
    let mut taken = 0_u64;
    loop {
        let next = tokio::time::timeout(SILENCE, pieces.next()).await.map_err(|_| Broken::Off)?;
        let Some(piece) = next else { return Ok(()) };
        let piece = piece.map_err(|_| Broken::Off)?;
        taken += piece.len() as u64;
        if taken > limit {
            return Err(Broken::TooLarge);
        }
        sender.send(piece).await.map_err(|_| Broken::Off)?;
    }
}

/// Writes pieces to a new file that nobody else can read, until there are no more.
fn write(path: &Path, mut pieces: mpsc::Receiver<Bytes>) -> Result<()> {
    let cannot = |error| Error::io("cannot write the upload", error);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(cannot)?;
    while let Some(piece) = pieces.blocking_recv() {
        file.write_all(&piece).map_err(cannot)?;
    }
    file.sync_all().map_err(cannot)
}
