//! The page's files, which are a part of the program.

use super::answer::Refusal;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// One file.
struct Asset {
    path: &'static str,
    content_type: &'static str,
    body: &'static [u8],
    /// Whether it is given to whoever has not signed in: what the page to sign in needs, and nothing else.
    public: bool,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";
const PUBLIC: bool = true;
const PRIVATE: bool = false;

/// A file of `page/`.
macro_rules! asset {
    ($name:literal, $content_type:expr, $public:expr) => {
        Asset {
            path: concat!("/", $name),
            content_type: $content_type,
            body: include_bytes!(concat!("page/", $name)),
            public: $public,
        }
    };
}

/// `/`, for whoever has signed in.
const INDEX: Asset = Asset { path: "/", content_type: HTML, body: include_bytes!("page/index.html"), public: PRIVATE };
/// `/`, for everybody else.
const SIGN_IN: &[u8] = include_bytes!("page/sign-in.html");

/// All others.
const ASSETS: &[Asset] = &[
    asset!("activity.js", SCRIPT, PRIVATE),
    asset!("api.js", SCRIPT, PRIVATE),
    asset!("backups.css", CSS, PRIVATE),
    asset!("backups.js", SCRIPT, PRIVATE),
    asset!("base.css", CSS, PUBLIC),
    asset!("controls.css", CSS, PUBLIC),
    asset!("create.js", SCRIPT, PRIVATE),
    asset!("detail.css", CSS, PRIVATE),
    asset!("dialog.js", SCRIPT, PRIVATE),
    asset!("dialogs.css", CSS, PRIVATE),
    asset!("dom.js", SCRIPT, PUBLIC),
    asset!("en.js", SCRIPT, PUBLIC),
    asset!("errors.js", SCRIPT, PRIVATE),
    asset!("format.js", SCRIPT, PRIVATE),
    asset!("fr.js", SCRIPT, PUBLIC),
    asset!("groups.js", SCRIPT, PRIVATE),
    asset!("i18n.js", SCRIPT, PUBLIC),
    asset!("icon.svg", IMAGE, PUBLIC),
    asset!("icons.svg", IMAGE, PUBLIC),
    asset!("inspect.js", SCRIPT, PRIVATE),
    asset!("jobs.js", SCRIPT, PRIVATE),
    asset!("learn.js", SCRIPT, PRIVATE),
    asset!("main.js", SCRIPT, PRIVATE),
    asset!("notices.js", SCRIPT, PRIVATE),
    asset!("picture.js", SCRIPT, PRIVATE),
    asset!("plan.js", SCRIPT, PRIVATE),
    asset!("restore.js", SCRIPT, PRIVATE),
    asset!("schedule.js", SCRIPT, PRIVATE),
    asset!("settings.js", SCRIPT, PUBLIC),
    asset!("sign-in.css", CSS, PUBLIC),
    asset!("sign-in.js", SCRIPT, PUBLIC),
    asset!("store.js", SCRIPT, PRIVATE),
    asset!("theme.js", SCRIPT, PUBLIC),
    asset!("upload.js", SCRIPT, PRIVATE),
];

/// Every path that a file is at.
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    std::iter::once(&INDEX).chain(ASSETS).map(|asset| asset.path)
}

/// Whether everybody may have what is at that path.
pub(super) fn is_public(path: &str) -> bool {
    find(path).is_some_and(|asset| asset.public)
}

fn find(path: &str) -> Option<&'static Asset> {
    if path == INDEX.path { Some(&INDEX) } else { ASSETS.iter().find(|asset| asset.path == path) }
}

/// What is at a path.
pub(super) fn serve(path: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = find(path) else { return Refusal::not_found("there is no such page").into_response() };
    let tag = format!("\"{}\"", blake3::hash(asset.body).to_hex());
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.content_type)], Body::from(asset.body)).into_response()
    };
    // It may be kept, and is asked for again each time: another version of the program has other files.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The page to sign in on.
pub(super) fn sign_in() -> Response {
    (StatusCode::UNAUTHORIZED, [(header::CONTENT_TYPE, HTML)], Body::from(SIGN_IN)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_here() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/page")).expect("the page");
        for file in files {
            let name = file.expect("an entry").file_name().into_string().expect("a UTF-8 name");
            let known = ["index.html", "sign-in.html"].contains(&name.as_str()) || find(&format!("/{name}")).is_some();
            assert!(known, "{name} is not in the list");
        }
    }

    #[test]
    fn strangers_get_what_they_need_to_sign_in() {
        assert!(is_public("/sign-in.js") && !is_public("/") && !is_public("/index.html") && !is_public("/nothing"));
        let mut headers = HeaderMap::new();
        let first = serve("/", &headers);
        assert_eq!(first.status(), StatusCode::OK);
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(serve("/", &headers).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(serve("/../mod.rs", &headers).status(), StatusCode::NOT_FOUND);
    }
}
