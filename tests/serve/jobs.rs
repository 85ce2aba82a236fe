//! Jobs: failures stay until somebody has seen them, cancelling is heeded, and a restart forgets nothing.

use crate::client::{Request, Response};
use crate::served::{Served, shop};
use crate::workdir::Workdir;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A shop that takes a while to dump.
fn large_shop() -> Workdir {
    let workdir = shop();
    workdir.sql(
        "shop.db",
        "CREATE TABLE events (id INTEGER PRIMARY KEY, what BLOB);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600000)
         INSERT INTO events (what) SELECT randomblob(100) FROM n;",
    );
    workdir
}

fn begin(served: &Served) -> String {
    let job = served.post("/api/backups", &json!({ "connection": "prod" })).is(202).document();
    let id = job["id"].as_str().expect("an id").to_owned();
    served.wait(&id, |state| state == "running");
    id
}

fn of_id(list: &Value, id: &str) -> Option<Value> {
    list["jobs"].as_array().expect("a list").iter().find(|job| job["id"] == id).cloned()
}

#[test]
fn a_failure_stays_until_it_is_dismissed() {
    let workdir = shop();
    std::fs::remove_file(workdir.path("shop.db")).expect("a file");
    let served = Served::start(&workdir, &[]);
    let job = served.job("/api/backups", &json!({ "connection": "prod" }));
    assert_eq!(job["state"], "failed");
    assert!(job["error"]["message"].is_string() && job["error"]["hint"].is_string(), "{job:#}");
    let id = job["id"].as_str().expect("an id");
    assert_eq!(served.names(), Vec::<String>::new(), "nothing half-made is left");
    drop(served);
    let served = Served::start(&workdir, &[]);
    assert_eq!(of_id(&served.get("/api/jobs").document(), id).expect("it is there still")["state"], "failed");
    served.ask(Request::new("POST", &format!("/api/jobs/{id}/dismiss"))).is(204);
    let last = served.get("/api/audit").document()["entries"][0].clone();
    assert_eq!((&last["action"], &last["result"]), (&json!("dismiss"), &json!("dismissed")));
    assert_eq!(of_id(&served.get("/api/jobs").document(), id), None);
    served.ask(Request::new("POST", &format!("/api/jobs/{id}/dismiss"))).is(404);
    drop(served);
    assert_eq!(of_id(&Served::start(&workdir, &[]).get("/api/jobs").document(), id), None);
}

#[test]
fn a_job_that_runs_or_waits_can_be_cancelled() {
    let workdir = large_shop();
    let served = Served::start(&workdir, &[]);
    let running: Vec<String> = (0..2).map(|_| begin(&served)).collect();
    let waiting = served.post("/api/backups", &json!({ "connection": "prod" })).is(202).document();
    assert_eq!(waiting["state"], "queued", "no more than two run at once");
    let waiting = waiting["id"].as_str().expect("an id").to_owned();
    served.ask(Request::new("POST", &format!("/api/jobs/{}/dismiss", running[0]))).is(409);
    for id in [&waiting, &running[0], &running[1]] {
        let told = served.ask(Request::new("POST", &format!("/api/jobs/{id}/cancel"))).is(202).document();
        assert_eq!(told["cancel_requested"], true);
        assert_eq!(served.ended(id)["state"], "cancelled");
        served.ask(Request::new("POST", &format!("/api/jobs/{id}/cancel"))).is(409);
    }
    assert_eq!(served.names().len(), 0);
    let entries: Vec<_> = std::fs::read_dir(workdir.path("archives")).expect("a directory").collect();
    assert_eq!(entries.len(), 1, "the state, and nothing of what was cancelled: {entries:?}");
}

#[test]
fn a_sudden_end_is_told_after_it() {
    let workdir = large_shop();
    let served = Served::start(&workdir, &[]);
    let id = begin(&served);
    let left = || std::fs::read_dir(workdir.path("archives")).expect("a directory").count();
    let begun = Instant::now();
    while left() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(5), "the dump has not begun");
        std::thread::sleep(Duration::from_millis(10));
    }
    served.kill();
    assert_eq!(left(), 2, "the state, and what the dump had begun");
    // One that changes nothing leaves it where it is, and the job on the list.
    let served = Served::start(&workdir, &["--read-only"]);
    assert_eq!(left(), 2, "nothing was removed");
    served.ask(Request::new("POST", &format!("/api/jobs/{id}/dismiss"))).is(403);
    served.kill();
    let served = Served::start(&workdir, &[]);
    let job = of_id(&served.get("/api/jobs").document(), &id).expect("it is not forgotten");
    assert_eq!((&job["state"], &job["cancellable"]), (&json!("interrupted"), &json!(false)), "{job:#}");
    assert!(job["finished_at"].is_string());
    let name = job["backup"].as_str().expect("a name");
    assert!(!workdir.path(&format!("archives/{name}")).exists(), "what it left was removed");
    let log = served.get("/api/audit").document();
    let ends = |entry: &&Value| entry["job"] == id.as_str() && entry["result"] == "interrupted";
    assert_eq!(log["entries"].as_array().expect("entries").iter().filter(ends).count(), 1, "{log:#}");
    served.ask(Request::new("POST", &format!("/api/jobs/{id}/dismiss"))).is(204);
}

#[test]
fn a_server_that_is_stopped_stops_its_jobs() {
    let workdir = large_shop();
    let served = Served::start(&workdir, &[]);
    let id = begin(&served);
    assert_eq!(served.stop(), Some(0));
    let served = Served::start(&workdir, &[]);
    assert_eq!(of_id(&served.get("/api/jobs").document(), &id).expect("it is not forgotten")["state"], "interrupted");
}

#[test]
fn a_job_of_the_same_second_after_a_restart_is_another_one() {
    let workdir = shop();
    let mut ids = Vec::new();
    for _ in 0..4 {
        let served = Served::start(&workdir, &[]);
        let job = served.post("/api/backups", &json!({ "connection": "prod" })).is(202).document();
        ids.push(job["id"].as_str().expect("an id").to_owned());
        served.kill();
    }
    // Their numbers go on, whatever the second.
    let numbers: Vec<&str> = ids.iter().filter_map(|id| id.split_once('-')).map(|(_, number)| number).collect();
    assert_eq!(numbers, ["0001", "0002", "0003", "0004"]);
}

#[test]
fn only_one_server_has_a_directory() {
    let workdir = shop();
    let _served = Served::start(&workdir, &[]);
    workdir.run(&["serve", "--archives", "archives", "--listen", "127.0.0.1:0"]).is(11);
}

#[test]
fn events_tell_what_happens() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let mut stream = TcpStream::connect(("127.0.0.1", served.port)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let request = Request::new("GET", "/api/events").header("authorization", format!("Bearer {}", served.token));
    stream.write_all(&request.head(served.port)).expect("a request");
    let mut reader = BufReader::new(stream);
    let head = Response::read(&mut reader, true).is(200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    let mut seen = Vec::new();
    let mut next = || {
        let mut event = String::new();
        loop {
            let mut line = String::new();
            assert!(reader.read_line(&mut line).expect("an event") > 0, "it ended");
            if let Some(name) = line.strip_prefix("event: ") {
                event = name.trim().to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (event, serde_json::from_str::<Value>(data).expect("JSON"));
            }
        }
    };
    let (name, hello) = next();
    assert!(name == "hello" && hello["started_at"].is_string(), "{name} {hello}");
    let backup = served.back_up("prod");
    while !seen.contains(&"done".to_owned()) {
        let (name, data) = next();
        match name.as_str() {
            "job" => {
                assert_eq!(data["backup"], backup.as_str());
                seen.push(data["state"].as_str().expect("a state").to_owned());
            }
            name => assert_eq!(name, "backups"),
        }
    }
    assert!(seen.contains(&"running".to_owned()), "{seen:?}");
    assert_eq!(next().0, "backups");
}
