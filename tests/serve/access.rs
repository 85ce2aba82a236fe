//! Who may ask.

use crate::client::Request;
use crate::served::{Served, shop};
use serde_json::{Value, json};

const OPENAPI: &str = include_str!("../../src/web/openapi.json");

/// Every route of the API: method and path, with `name` in the place of names.
fn routes(name: &str) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(OPENAPI).expect("JSON");
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            routes.push((method.clone(), path.replace("{name}", name).replace("{id}", name)));
        }
    }
    assert!(routes.len() > 20, "{routes:?}");
    routes
}

fn request(method: &str, path: &str) -> Request {
    let request = Request::new(method, path);
    if method == "post" { request.json(&json!({})) } else { request }
}

#[test]
fn without_a_token_every_route_answers_401() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let mut all = routes("x");
    all.extend(
        ["/", "/index.html", "/main.js", "/nothing", "/api", "/api/nothing"].map(|it| ("get".into(), it.into())),
    );
    let check = |method: &str, path: &str| {
        let sign_in = (method, path) == ("post", "/api/session");
        let given = [None, Some("Bearer "), Some("Bearer wrong"), Some("Basic eDp5"), Some(served.token.as_str())];
        for authorization in given {
            let mut request = request(method, path);
            if sign_in {
                request = request.json(&json!({ "token": "wrong" }));
            }
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let response = request.send(served.port);
            assert_eq!(response.status, 401, "{method} {path} {authorization:?}");
            assert!(!String::from_utf8_lossy(&response.body).contains(&served.token));
        }
        let cookie = format!("dbferry-{}=1.1.x.{}", served.port, "0".repeat(64));
        if !sign_in {
            assert_eq!(request(method, path).header("cookie", cookie).send(served.port).status, 401, "{method} {path}");
        }
    };
    // Whoever guesses waits, so several guess at once.
    std::thread::scope(|scope| {
        for some in all.chunks(all.len().div_ceil(12)) {
            scope.spawn(move || some.iter().for_each(|(method, path)| check(method, path)));
        }
    });
    // A person gets a page to sign in on, and what that needs.
    let page = Request::new("GET", "/").send(served.port).is(401);
    assert!(String::from_utf8_lossy(&page.body).contains("sign-in.js"));
    Request::new("GET", "/sign-in.js").send(served.port).is(200);
}

#[test]
fn another_host_or_origin_answers_403() {
    let workdir = shop();
    let served = Served::start(&workdir, &["--allowed-host", "backup.example.org"]);
    let with_token = |request: Request| served.ask(request);
    for (method, path) in routes("x").into_iter().chain([("get".into(), "/".into())]) {
        for host in ["evil.example", "127.0.0.1.evil.example:80", "", "localhost.evil.example"] {
            let response = with_token(request(&method, &path).header("host", host));
            assert_eq!(response.status, 403, "{method} {path} {host}");
        }
        for origin in ["http://evil.example", "null", "http://localhost:1", "http://127.0.0.1"] {
            let response = with_token(request(&method, &path).header("origin", origin));
            assert_eq!(response.status, 403, "{method} {path} {origin}");
            assert_eq!(response.kind(), "forbidden");
        }
        if path != "/" {
            let response = with_token(request(&method, &path).header("sec-fetch-site", "cross-site"));
            assert_eq!(response.status, 403, "{method} {path}");
        }
    }
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80", "backup.example.org"] {
        assert_eq!(with_token(Request::new("GET", "/api/server").header("host", host)).status, 200, "{host}");
    }
    let own = format!("http://127.0.0.1:{}", served.port);
    with_token(Request::new("GET", "/api/server").header("origin", own)).is(200);
}

#[test]
fn a_name_leads_nowhere_else() {
    let workdir = shop();
    workdir.write("secret", "mine");
    workdir.run(&["dump", "sqlite:shop.db", "outside", "-q"]).is(0);
    let served = Served::start(&workdir, &[]);
    let names = [
        "..",
        "%2e%2e",
        "..%2foutside",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e%2foutside",
        "..%5coutside",
        "%2fetc%2fpasswd",
        ".dbferry",
        "archives%2f..",
        "x%00",
        "x%0a",
        "nothing",
        "%252e%252e%252foutside",
    ];
    for name in names {
        for (method, path) in routes(name).into_iter().filter(|(_, path)| path.contains(name)) {
            let query = if path.ends_with("/preview") { "?collection=main.users" } else { "" };
            let request = Request::new(&method, &format!("{path}{query}"));
            let request = if method == "post" { request.json(&json!({ "depth": "rows" })) } else { request };
            let response = served.ask(request);
            assert_eq!(response.status, 404, "{method} {path}: {}", String::from_utf8_lossy(&response.body));
        }
        let plain = name.replace("%2f", "/").replace("%2e", ".");
        let choice = json!({ "backup": plain, "connection": "test" });
        served.post("/api/plan", &choice).is(404);
        served.post("/api/restores", &choice).is(404);
    }
    assert!(workdir.path("outside/manifest.json").exists() && workdir.path("secret").exists());
    assert!(!workdir.path("test.db").exists());
}

#[test]
fn a_browser_signs_in_with_a_cookie_and_a_second_secret() {
    let workdir = shop();
    let mut command = workdir.command(&["serve", "--archives", "archives", "--listen", "127.0.0.1:0", "--json"]);
    command.env_remove("DBFERRY_TOKEN");
    let served = Served::of(command);
    assert_eq!(served.token.len(), 64, "a new one was made");
    let signed_in =
        Request::new("POST", "/api/session").json(&json!({ "token": served.token })).send(served.port).is(200);
    let set = signed_in.header("set-cookie").expect("a cookie").to_owned();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && !set.contains(&served.token), "{set}");
    let cookie = set.split(';').next().expect("a cookie").to_owned();
    let csrf = signed_in.document()["csrf"].as_str().expect("a text").to_owned();
    let ask = |request: Request| request.header("cookie", &cookie).send(served.port);
    assert_eq!(ask(Request::new("GET", "/api/session")).is(200).document()["csrf"], csrf.as_str());
    let page = ask(Request::new("GET", "/")).is(200);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(ask(Request::new("GET", "/api/server")).header("cache-control"), Some("no-store"));

    let body = json!({ "connection": "prod" });
    let create = || Request::new("POST", "/api/backups").json(&body);
    assert_eq!(ask(create()).is(403).kind(), "forbidden");
    ask(create().header("x-csrf-token", "wrong")).is(403);
    ask(create().header("x-csrf-token", &csrf).header("origin", "http://evil.example")).is(403);
    ask(create().header("x-csrf-token", &csrf)).is(202);
    // A form of another site cannot send JSON.
    let form = create().header("content-type", "text/plain").header("x-csrf-token", &csrf);
    ask(form).is(415);

    ask(Request::new("DELETE", "/api/session").header("x-csrf-token", &csrf)).is(204);
    ask(Request::new("GET", "/api/session")).is(401);
    let log = served.get("/api/audit").is(200).document();
    let actions: Vec<&str> =
        log["entries"].as_array().expect("entries").iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert!(
        actions.contains(&"sign-in") && actions.contains(&"sign-out") && actions.contains(&"backup"),
        "{actions:?}"
    );
    assert!(!log.to_string().contains(&served.token));
}

#[test]
fn a_session_holds_over_a_restart_while_the_token_does() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let signed_in =
        Request::new("POST", "/api/session").json(&json!({ "token": served.token })).send(served.port).is(200);
    let cookie = signed_in.header("set-cookie").and_then(|set| set.split(';').next()).expect("a cookie").to_owned();
    let address = format!("127.0.0.1:{}", served.port);
    assert_eq!(served.stop(), Some(0));
    let arguments = ["serve", "--archives", "archives", "--listen", &address, "--json"];
    // One that was signed out is none any more, not even after a restart.
    let of_token = |token: &str| {
        let mut command = workdir.command(&arguments);
        command.env("DBFERRY_TOKEN", token);
        Served::of(command)
    };
    let served = of_token(crate::served::TOKEN);
    let sign_in = || {
        let request = Request::new("POST", "/api/session").json(&json!({ "token": served.token }));
        let signed_in = request.send(served.port).is(200);
        let set = signed_in.header("set-cookie").expect("a cookie").to_owned();
        (
            set.split(';').next().expect("a cookie").to_owned(),
            signed_in.document()["csrf"].as_str().expect("a text").to_owned(),
        )
    };
    let (other, csrf) = sign_in();
    let mut events = std::net::TcpStream::connect(("127.0.0.1", served.port)).expect("a connection");
    // Less than what is between two signs of life.
    events.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("a timeout");
    let request = Request::new("GET", "/api/events").header("cookie", &other);
    std::io::Write::write_all(&mut events, &request.head(served.port)).expect("a request");
    let signs_out = Request::new("DELETE", "/api/session").header("cookie", &other).header("x-csrf-token", &csrf);
    // The stream has begun once there is something of it.
    let mut begun = [0; 1];
    std::io::Read::read_exact(&mut events, &mut begun).expect("a beginning");
    signs_out.send(served.port).is(204);
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut events, &mut rest).expect("its end, since nobody listens who may");
    assert_eq!(served.stop(), Some(0));
    let served = of_token(crate::served::TOKEN);
    Request::new("GET", "/api/session").header("cookie", &other).send(served.port).is(401);
    assert_eq!(served.stop(), Some(0));
    for (token, status) in [(crate::served::TOKEN, 200), (&crate::served::TOKEN.replace('0', "f"), 401)] {
        let served = of_token(token);
        Request::new("GET", "/api/session").header("cookie", &cookie).send(served.port).is(status);
    }
}

#[test]
fn what_is_switched_off_is_refused() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let name = served.back_up("prod");
    let zip = served.download(&name);
    drop(served);
    let restore = json!({ "backup": name, "connection": "test" });
    let upload = || Request::new("POST", "/api/uploads?name=x.zip").bytes(zip.clone());

    let served = Served::start(&workdir, &["--read-only"]);
    let info = served.get("/api/server").is(200).document();
    assert_eq!(
        (&info["read_only"], &info["can_restore"], &info["can_upload"]),
        (&json!(true), &json!(false), &json!(false))
    );
    assert_eq!(served.post("/api/backups", &json!({ "connection": "prod" })).is(403).kind(), "refused");
    served.post("/api/restores", &restore).is(403);
    served.post(&format!("/api/backups/{name}/verify"), &json!({ "depth": "rows" })).is(403);
    served.ask(Request::new("DELETE", &format!("/api/backups/{name}?confirm={name}"))).is(403);
    served.ask(upload()).is(403);
    served.post("/api/plan", &restore).is(200);
    assert_eq!(served.download(&name), zip);
    drop(served);

    let served = Served::start(&workdir, &["--no-restore", "--no-upload"]);
    assert_eq!(served.post("/api/restores", &restore).is(403).kind(), "refused");
    served.ask(upload()).is(403);
    let connections = served.get("/api/server").is(200).document()["connections"].clone();
    assert!(connections.as_array().expect("a list").iter().all(|it| it["may_be_restored_into"] == false));
    served.back_up("prod");
}
