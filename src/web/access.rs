//! Who may ask: host and origin, the token, sessions and their CSRF tokens.
//!
//! A session is a cookie that is signed with a key made from the token. Nothing of it is stored, so it holds over a restart as
//! long as the token does; signing out is remembered until the session would have ended by itself.

use super::answer::Refusal;
use super::audit::Who;
use super::ended::Ended;
use super::{Server, assets, body};
use crate::{Error, ErrorKind, Result};
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dbferry_dialect::Secret;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A token is at least as long as this: it is the only thing that is between a stranger and the databases.
const SHORTEST_TOKEN: usize = 32;
/// Without a request for so long, a session ends; in seconds.
const IDLE: u64 = 12 * 3600;
/// It never lasts longer than this, in seconds.
const LONGEST: u64 = 7 * 24 * 3600;
/// A cookie that is older than this is renewed, in seconds.
const RENEW: u64 = 300;
const CSRF: &str = "x-csrf-token";

/// What decides who may ask.
pub(super) struct Access {
    token: blake3::Hash,
    key: [u8; 32],
    hosts: Vec<String>,
    /// Whether browsers see an encrypted connection.
    secure: bool,
    cookie: String,
    /// Sessions that ended by signing out.
    ended: Ended,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) who: Who,
    pub(super) address: Option<String>,
    /// The session of a browser.
    pub(super) session: Option<Session>,
}

/// A session as its cookie has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    started: u64,
    seen: u64,
    nonce: String,
}

impl Session {
    /// When it ends, in seconds since 1970.
    pub(super) fn ends(&self) -> u64 {
        (self.seen + IDLE).min(self.started + LONGEST)
    }
}

impl Access {
    /// # Errors
    /// [`ErrorKind::Usage`] when the token is too short to keep anybody out.
    pub(super) fn new(token: &Secret, hosts: Vec<String>, secure: bool, port: u16, ended: Ended) -> Result<Self> {
        let token = token.expose().trim();
        if token.len() < SHORTEST_TOKEN {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("the token is too short: it takes at least {SHORTEST_TOKEN} characters"),
            )
            .hint("make one with `openssl rand -hex 32`, or give none: dbferry serve then makes one itself"));
        }
        Ok(Self {
            token: blake3::hash(token.as_bytes()),
            key: blake3::derive_key("dbferry serve session", token.as_bytes()),
            hosts,
            secure,
            // Cookies do not know ports: two servers of one machine must not end each other's sessions.
            cookie: format!("{}dbferry-{port}", if secure { "__Host-" } else { "" }),
            ended,
        })
    }

    /// Whether that is the token. The hashes are compared in constant time.
    pub(super) fn is_token(&self, token: &str) -> bool {
        blake3::hash(token.trim().as_bytes()) == self.token
    }

    /// A new session.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn begin(&self) -> Result<Session> {
        let now = seconds();
        Ok(Session { started: now, seen: now, nonce: random_text()? })
    }

    /// Ends a session for good.
    ///
    /// # Errors
    /// When that cannot be written: it is ended now, and is not after a restart.
    pub(super) fn end(&self, session: &Session) -> Result<()> {
        self.ended.add(&session.nonce, session.started + LONGEST, seconds())
    }

    /// Waits until a session is over.
    pub(super) async fn is_over(&self, session: &Session) {
        let left = Duration::from_secs(session.ends().saturating_sub(seconds()));
        // Its end comes first, or it was ended.
        _ = tokio::time::timeout(left, self.ended.wait(&session.nonce)).await;
    }

    /// The text that goes into the header of everything that changes something.
    pub(super) fn csrf(&self, session: &Session) -> String {
        self.sign(&format!("csrf {} {}", session.started, session.nonce)).to_hex().to_string()
    }

    /// The `Set-Cookie` of a session, or of none.
    pub(super) fn set_cookie(&self, session: Option<&Session>) -> HeaderValue {
        let (value, age) = match session {
            None => (String::new(), 0),
            Some(session) => {
                let content = format!("{}.{}.{}", session.started, session.seen, session.nonce);
                (format!("{content}.{}", self.sign(&content).to_hex()), session.ends().saturating_sub(seconds()))
            }
        };
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}", self.cookie);
        // Digits, letters and what stands above only.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }

    fn sign(&self, content: &str) -> blake3::Hash {
        blake3::keyed_hash(&self.key, content.as_bytes())
    }

    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let value = cookies
            .flat_map(|cookies| cookies.split(';'))
            .find_map(|cookie| cookie.trim().strip_prefix(&self.cookie)?.strip_prefix('='))?;
        let (content, signature) = value.rsplit_once('.')?;
        if self.sign(content) != blake3::Hash::from_hex(signature).ok()? {
            return None;
        }
        let mut parts = content.split('.');
        let (started, seen) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let session = Session { started, seen, nonce: parts.next()?.to_owned() };
        (!self.ended.contains(&session.nonce) && session.ends() > seconds()).then_some(session)
    }

    /// Refuses what names another host: a page elsewhere whose name was made to lead here.
    fn check_host(&self, request: &Request) -> Result<(), Refusal> {
        let mut named = request.headers().get_all(header::HOST).iter();
        let absolute = request.uri().authority().map(Authority::as_str);
        let host = match (named.next(), named.next()) {
            (Some(host), None) => host.to_str().ok().filter(|host| absolute.is_none_or(|other| other == *host)),
            (None, _) => absolute,
            // Nobody knows which of them whoever stands in between has heeded.
            _ => None,
        };
        let name = host.and_then(without_port).map(str::to_ascii_lowercase);
        match name {
            Some(name) if self.hosts.contains(&name) => Ok(()),
            _ => Err(Refusal::forbidden(
                "the Host header names another server",
                Some("use the link that was printed, or start the server with --allowed-host NAME"),
            )),
        }
    }

    /// Refuses what another site's page sends.
    fn check_origin(request: &Request) -> Result<(), Refusal> {
        let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
        let elsewhere = || Refusal::forbidden("the request comes from another site", None);
        if let Some(origin) = text("origin") {
            let own = origin.split_once("://").map(|(_, authority)| authority);
            if own.is_none() || own != text("host") {
                return Err(elsewhere());
            }
        }
        let is_api = request.uri().path().starts_with("/api/");
        match text("sec-fetch-site") {
            Some(site) if is_api && !matches!(site, "same-origin" | "none") => Err(elsewhere()),
            _ => Ok(()),
        }
    }

    /// Who asks, if somebody does who may.
    fn caller(&self, headers: &HeaderMap, method: &Method, address: Option<String>) -> Result<Caller, Refusal> {
        if let Some(given) = headers.get(header::AUTHORIZATION) {
            let token = given.to_str().ok().and_then(|text| {
                let (scheme, token) = text.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then_some(token)
            });
            return match token.is_some_and(|token| self.is_token(token)) {
                true => Ok(Caller { who: Who::Script, address, session: None }),
                false => Err(Refusal::unauthorised()),
            };
        }
        let session = self.session(headers).ok_or_else(Refusal::unauthorised)?;
        if !is_read(method) {
            let given = headers.get(CSRF).and_then(|value| value.to_str().ok()).unwrap_or_default();
            // The hashes of both are compared in constant time.
            if blake3::hash(given.as_bytes()) != blake3::hash(self.csrf(&session).as_bytes()) {
                return Err(Refusal::forbidden(
                    "the X-CSRF-Token header is missing or not that of this session",
                    Some("GET /api/session tells it"),
                ));
            }
        }
        Ok(Caller { who: Who::Page, address, session: Some(session) })
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The name in `host`, `host:port`, `[::1]:port`; nothing where it is none of them.
fn without_port(host: &str) -> Option<&str> {
    let end = host.find(']').map_or_else(|| host.find(':').unwrap_or(host.len()), |bracket| bracket + 1);
    let (name, rest) = host.split_at_checked(end)?;
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port)).then_some(name)
}

/// 256 random bits, in hexadecimal.
///
/// # Errors
/// When the system has no random numbers.
pub(super) fn random_text() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Io, "the operating system gives no random numbers").caused_by(error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Whether that is a try to find the token.
fn is_guess(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}

/// Lets nobody through who may not ask.
pub(super) async fn guard(State(server): State<Arc<Server>>, mut request: Request, next: Next) -> Response {
    let access = &server.access;
    let address = request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_string());
    if let Err(refusal) = access.check_host(&request).and_then(|()| Access::check_origin(&request)) {
        if !is_read(request.method()) {
            server.turned_away(Who::Page, address, refusal.message()).await;
        }
        return refusal.into_response();
    }
    let path = request.uri().path();
    let signs_in = path == "/api/session" && request.method() == Method::POST;
    let caller = match access.caller(request.headers(), request.method(), address.clone()) {
        Ok(caller) => caller,
        Err(_) if signs_in => Caller { who: Who::Page, address, session: None },
        Err(_) if is_read(request.method()) && assets::is_public(path) => return next.run(request).await,
        Err(_) if is_guess(request.headers()) => {
            return server.wrong_token(Who::Script, address).await.into_response();
        }
        Err(refusal) => {
            // A person gets a page to sign in on.
            let page = path == "/" && is_read(request.method());
            if !is_read(request.method()) {
                server.turned_away(Who::Page, address, refusal.message()).await;
            }
            return if page { assets::sign_in() } else { refusal.into_response() };
        }
    };
    let session = caller.session.clone();
    if path != "/api/uploads" {
        request = request.map(body::in_time);
    }
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if let Some(session) = session
        && seconds().saturating_sub(session.seen) > RENEW
        && !response.headers().contains_key(header::SET_COOKIE)
    {
        let renewed = Session { seen: seconds(), ..session };
        response.headers_mut().insert(header::SET_COOKIE, access.set_cookie(Some(&renewed)));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(token: &str) -> Access {
        let directory = tempfile::tempdir().expect("a directory");
        let ended = Ended::open(directory.path()).expect("no file");
        Access::new(&Secret::new(token), vec!["localhost".into()], false, 80, ended).expect("a long token")
    }

    fn cookie(access: &Access, session: &Session) -> HeaderMap {
        let set = access.set_cookie(Some(session));
        let value = set.to_str().expect("a text").split(';').next().expect("a cookie").to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(&format!("other=1; {value}")).expect("a text"));
        headers
    }

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_session_is_its_cookie() {
        let access_of = || access(TOKEN);
        let session = access_of().begin().expect("a session");
        let headers = cookie(&access_of(), &session);
        assert_eq!(access_of().session(&headers), Some(session.clone()), "it holds over a restart");
        assert_eq!(access(&TOKEN.replace('0', "x")).session(&headers), None, "not with another token");
        let access = access_of();
        _ = access.end(&session);
        assert_eq!(access.session(&headers), None, "not after it was ended");
    }

    #[test]
    fn a_session_ends_by_itself_and_cannot_be_changed() {
        let access = access(TOKEN);
        let now = seconds();
        let session = |started, seen| Session { started, seen, nonce: "x".into() };
        let valid = |session: &Session| access.session(&cookie(&access, session)).is_some();
        assert!(valid(&session(now - LONGEST + 60, now)));
        assert!(!valid(&session(now - LONGEST - 1, now)), "too long");
        assert!(valid(&session(now - IDLE + 60, now - IDLE + 60)));
        assert!(!valid(&session(now - IDLE - 1, now - IDLE - 1)), "idle");
        let mut headers = cookie(&access, &session(now - 10, now));
        let text = headers[header::COOKIE].to_str().expect("a text").replace(&(now - 10).to_string(), &now.to_string());
        headers.insert(header::COOKIE, HeaderValue::from_str(&text).expect("a text"));
        assert_eq!(access.session(&headers), None, "changed");
    }

    #[test]
    fn what_changes_something_needs_more_than_the_cookie() {
        let access = access(TOKEN);
        let session = access.begin().expect("a session");
        let mut headers = cookie(&access, &session);
        let may = |headers: &HeaderMap, method| access.caller(headers, &method, None).is_ok();
        assert!(may(&headers, Method::GET) && !may(&headers, Method::POST) && !may(&headers, Method::DELETE));
        headers.insert(CSRF, HeaderValue::from_str(&access.csrf(&session)).expect("a text"));
        assert!(may(&headers, Method::POST));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer wrong"));
        assert!(!may(&headers, Method::GET), "a wrong token is not saved by a cookie");
    }

    #[test]
    fn short_tokens_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let ended = Ended::open(directory.path()).expect("no file");
        let error = Access::new(&Secret::new("short"), Vec::new(), false, 80, ended).err().expect("a refusal");
        assert_eq!(error.kind(), ErrorKind::Usage);
    }

    #[test]
    fn hosts_lose_their_ports() {
        for (host, name) in [
            ("localhost:80", Some("localhost")),
            ("localhost", Some("localhost")),
            ("[::1]:80", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("[::1].evil.example", None),
            ("[::1]:80.evil.example", None),
            ("localhost:evil.example", None),
            ("localhost:80:80", None),
        ] {
            assert_eq!(without_port(host), name, "{host}");
        }
    }
}
