//! What is refused is on record, a flood of it pushes nothing out, and who guesses waits.

use crate::client::{Request, Response};
use crate::served::{Served, TOKEN, shop};
use serde_json::{Value, json};
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// Action and result of every entry, oldest first.
fn log(served: &Served) -> Vec<(String, String)> {
    let page = served.get("/api/audit?limit=500").is(200).document();
    let text = |entry: &Value, key: &str| entry[key].as_str().expect("a text").to_owned();
    let entries = page["entries"].as_array().expect("entries").iter();
    entries.rev().map(|entry| (text(entry, "action"), text(entry, "result"))).collect()
}

fn count(served: &Served, action: &str, result: &str) -> usize {
    log(served).iter().filter(|(a, r)| a == action && r == result).count()
}

#[test]
fn a_flood_of_wrong_tokens_is_a_few_entries() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let guess = |bearer: bool| {
        let request = match bearer {
            true => Request::new("GET", "/api/server").header("authorization", "Bearer 0123456789"),
            false => Request::new("POST", "/api/session").json(&json!({ "token": "wrong" })),
        };
        let begun = Instant::now();
        (request.send(served.port), begun.elapsed())
    };
    let answers: Vec<(Response, Duration)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..60).map(|number| scope.spawn(move || guess(number % 2 == 0))).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    for (answer, waited) in answers {
        assert!(waited >= Duration::from_millis(500), "{waited:?}");
        match answer.status {
            401 => {}
            429 => assert_eq!(answer.header("retry-after"), Some("1")),
            other => panic!("{other}"),
        }
    }
    // Whoever has the token is not kept out.
    let begun = Instant::now();
    Request::new("POST", "/api/session").json(&json!({ "token": TOKEN })).send(served.port).is(200);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(count(&served, "sign-in-failed", "refused"), 5);
    assert_eq!(served.stop(), Some(0));
    let served = Served::start(&workdir, &[]);
    let page = served.get("/api/audit").document();
    let more = page["entries"].as_array().expect("entries").iter().find(|entry| entry["action"] == "more-refused");
    let message = more.expect("the others are counted")["message"].as_str().expect("a message").to_owned();
    assert!(message.starts_with("55 more wrong tokens"), "{message}");
}

#[test]
fn what_is_refused_is_on_record() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let name = served.back_up("prod");
    served.ask(Request::new("DELETE", &format!("/api/backups/{name}?confirm=wrong"))).is(403);
    served.post("/api/restores", &json!({ "backup": name, "connection": "prod", "confirm": "prod" })).is(403);
    served.post("/api/restores", &json!({ "backup": name, "connection": "test", "fingerprint": "x" })).is(409);
    served.ask(Request::new("POST", "/api/uploads?name=x").bytes(vec![0]).header("content-type", "text/plain")).is(415);
    served.post("/api/jobs/nothing/dismiss", &json!({})).is(404);
    // What is only looked at is not.
    served.post("/api/plan", &json!({ "backup": "nothing", "connection": "test" })).is(404);
    let page = served.get("/api/audit").document();
    let mut refused: Vec<&Value> = page["entries"].as_array().expect("entries").iter().collect();
    refused.retain(|entry| entry["result"] == "refused");
    let actions: Vec<&str> = refused.iter().rev().map(|entry| entry["action"].as_str().expect("a text")).collect();
    assert_eq!(actions, ["delete", "restore", "restore", "upload", "dismiss"]);
    let restore = refused[3];
    assert_eq!((&restore["backup"], &restore["connection"]), (&json!(name), &json!("prod")), "{restore:#}");
    assert!(restore["message"].as_str().is_some_and(|message| message.contains("is a source")), "{restore:#}");
    assert_eq!(refused[4]["backup"], json!(name));
    drop(served);

    let served = Served::start(&workdir, &["--read-only"]);
    served.post("/api/backups", &json!({ "connection": "prod" })).is(403);
    served.ask(Request::new("DELETE", &format!("/api/backups/{name}?confirm={name}"))).is(403);
    assert_eq!((count(&served, "backup", "refused"), count(&served, "delete", "refused")), (1, 2));
}

#[test]
fn who_is_turned_away_at_the_door_is_on_record() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let send = |request: Request| request.json(&json!({ "connection": "prod" })).send(served.port);
    send(Request::new("POST", "/api/backups")).is(401);
    send(Request::new("POST", "/api/backups").header("origin", "http://evil.example")).is(403);
    // A proxy that heeds the other name leads here from elsewhere.
    send(Request::new("POST", "http://evil.example/api/backups")).is(403);
    assert_eq!(count(&served, "request", "refused"), 3);
}

#[test]
fn long_texts_of_a_request_are_refused() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let refused = |body: Value| {
        let response = served.post("/api/backups", &body).is(400);
        assert!(response.document()["error"]["message"].as_str().expect("a message").contains("at most"));
    };
    refused(json!({ "connection": "prod", "groups": ["x".repeat(1_900_000)] }));
    refused(json!({ "connection": "prod", "groups": vec!["x"; 100_000] }));
    refused(json!({ "connection": "prod", "description": "x".repeat(1_900_000) }));
    served.post("/api/restores", &json!({ "backup": "x", "connection": "test", "groups": vec!["x"; 1_000] })).is(400);
    let size = std::fs::metadata(workdir.path("archives/.dbferry/audit.ndjson")).expect("a file").len();
    assert!(size < 10_000, "{size}");
}

#[test]
fn a_log_that_was_moved_away_is_begun_anew() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let name = served.back_up("prod");
    std::fs::rename(workdir.path("archives/.dbferry/audit.ndjson"), workdir.path("moved")).expect("a move");
    served.ask(Request::new("DELETE", &format!("/api/backups/{name}?confirm={name}"))).is(204);
    assert_eq!(count(&served, "delete", "done"), 1);
}

/// What cannot be put on record is not done, but for what makes room.
#[test]
fn without_a_log_one_comes_in_and_deletes() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let name = served.back_up("prod");
    // A directory in the place of the log is a disk that takes no line.
    std::fs::remove_file(workdir.path("archives/.dbferry/audit.ndjson")).expect("a file");
    std::fs::create_dir(workdir.path("archives/.dbferry/audit.ndjson")).expect("a directory");
    Request::new("POST", "/api/session").json(&json!({ "token": TOKEN })).send(served.port).is(200);
    served.post("/api/backups", &json!({ "connection": "prod" })).is(500);
    served.post("/api/restores", &json!({ "backup": name, "connection": "test" })).is(500);
    let zip = served.ask(Request::new("POST", "/api/uploads?name=x").bytes(vec![0; 100]));
    assert!(zip.status >= 400);
    served.ask(Request::new("DELETE", &format!("/api/backups/{name}?confirm={name}"))).is(204);
    assert_eq!(served.names(), Vec::<String>::new());
}

#[test]
fn a_second_host_is_refused() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let port = served.port;
    for hosts in ["host: [::1].evil.example\r\n", "host: localhost\r\nhost: evil.example\r\n"] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        let head =
            format!("GET /api/server HTTP/1.1\r\nauthorization: Bearer {TOKEN}\r\n{hosts}connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("a request");
        let response = Response::read(&mut BufReader::new(stream), false);
        assert!(matches!(response.status, 400 | 403), "{hosts}: {}", response.status);
    }
}
