//! Uploads that are too large, no backups, or broken off leave nothing but a clear message.

use crate::client::{Request, Response};
use crate::served::{Served, shop};
use crate::workdir::Workdir;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Everything below the archives' directory but the server's own records.
fn files(workdir: &Workdir) -> Vec<String> {
    let mut names = Vec::new();
    for directory in ["archives", "archives/.dbferry"] {
        for entry in std::fs::read_dir(workdir.path(directory)).expect("a directory") {
            names.push(entry.expect("an entry").file_name().into_string().expect("a name"));
        }
    }
    names.retain(|name| ![".dbferry", "sessions.json", "audit.ndjson", "jobs.ndjson", "lock"].contains(&name.as_str()));
    names
}

#[test]
fn an_upload_that_is_too_large_is_cut_off() {
    let workdir = shop();
    let served = Served::start(&workdir, &["--upload-limit", "100kB"]);
    assert_eq!(served.get("/api/server").document()["upload_limit"], 100_000);
    let path = "/api/uploads?name=big.zip";
    let refused = |response: Response| {
        let response = response.is(413);
        assert_eq!(response.kind(), "too-large");
        let message = response.document()["error"]["message"].to_string();
        assert!(message.contains("100000 bytes"), "{message}");
    };
    // One that says so is not even looked at.
    refused(served.ask(Request::new("POST", path).bytes(vec![b'P'; 100_001])));
    // One that does not say how large it is gets as far as the limit.
    let mut stream = TcpStream::connect(("127.0.0.1", served.port)).expect("a connection");
    let head = Request::new("POST", path)
        .header("authorization", format!("Bearer {}", served.token))
        .header("content-type", "application/zip")
        .header("transfer-encoding", "chunked");
    stream.write_all(&head.head(served.port)).expect("a head");
    let piece = [b"2710\r\n", &[b'P'; 10_000][..], b"\r\n"].concat();
    let sent = (0..200).take_while(|_| stream.write_all(&piece).is_ok()).count();
    assert!(sent >= 10, "{sent}");
    refused(Response::read(&mut BufReader::new(stream), false));
    assert_eq!(files(&workdir), Vec::<String>::new());
    let log = served.get("/api/audit").document();
    assert_eq!((&log["entries"][0]["action"], &log["entries"][0]["result"]), (&"upload".into(), &"refused".into()));
}

#[test]
fn an_upload_that_no_disk_has_room_for_is_refused_before_it_is_sent() {
    let workdir = shop();
    let served = Served::start(&workdir, &["--upload-limit", "9000000TB"]);
    let head = Request::new("POST", "/api/uploads?name=x.zip")
        .header("authorization", format!("Bearer {}", served.token))
        .header("content-type", "application/zip")
        .header("content-length", "8000000000000000000");
    let mut stream = TcpStream::connect(("127.0.0.1", served.port)).expect("a connection");
    // A server that waits for the content says nothing for a minute.
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(&head.head(served.port)).expect("a head");
    let response = Response::read(&mut BufReader::new(stream), false).is(507);
    assert_eq!(response.kind(), "no-space");
    let message = response.document()["error"]["message"].to_string();
    assert!(message.contains("8000000000000000000 bytes") && message.contains("room for"), "{message}");
    assert_eq!(files(&workdir), Vec::<String>::new());
    // What there is room for is taken.
    let name = served.back_up("prod");
    assert_eq!(served.upload("x.zip", served.download(&name))["state"], "done");
}

#[test]
fn what_is_no_backup_is_refused_at_once() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let upload = |content: Vec<u8>| served.ask(Request::new("POST", "/api/uploads?name=x.zip").bytes(content));
    for content in [b"hello".to_vec(), b"PK\x03\x04".to_vec(), vec![0; 5_000]] {
        assert_eq!(upload(content).is(422).kind(), "archive-damaged");
    }
    let form = Request::new("POST", "/api/uploads?name=x.zip").bytes(b"x".to_vec());
    served.ask(form.header("content-type", "multipart/form-data; boundary=x")).is(415);
    served.ask(Request::new("POST", "/api/uploads").bytes(b"x".to_vec())).is(400);
    assert_eq!(files(&workdir), Vec::<String>::new());
}

#[test]
fn a_damaged_backup_is_not_listed() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let name = served.back_up("prod");
    let mut zip = served.download(&name);
    zip[200] ^= 1;
    let job = served.upload("x.zip", zip);
    assert_eq!((&job["state"], &job["error"]["kind"]), (&"failed".into(), &"archive-damaged".into()), "{job:#}");
    assert_eq!(served.names(), [name]);
    assert!(!files(&workdir).iter().any(|name| name.starts_with("upload-") || name == "x.zip"));
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let mut stream = TcpStream::connect(("127.0.0.1", served.port)).expect("a connection");
    let head = Request::new("POST", "/api/uploads?name=x.zip")
        .header("authorization", format!("Bearer {}", served.token))
        .header("content-type", "application/zip")
        .header("content-length", "1000000");
    stream.write_all(&head.head(served.port)).expect("a head");
    stream.write_all(&[b'P'; 50_000]).expect("a piece");
    let begun = Instant::now();
    let arriving = |wanted: bool| {
        while files(&workdir).iter().any(|name| name.starts_with("upload-")) != wanted {
            assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", files(&workdir));
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    arriving(true);
    drop(stream);
    arriving(false);
    assert_eq!(served.names(), Vec::<String>::new());
}

#[test]
fn a_long_name_is_cut_by_its_bytes() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let zip = served.download(&served.back_up("prod"));
    for _ in 0..2 {
        // Eighty letters of four bytes each.
        assert_eq!(served.upload(&"%F0%9D%90%80".repeat(80), zip.clone())["state"], "done");
    }
}

/// Names that mean something elsewhere.
#[cfg(unix)]
#[test]
fn no_archive_is_left_out_because_of_its_name() {
    let workdir = shop();
    for name in ["shop-2026-11-30T03:00:00", "a\\b", ".hidden"] {
        workdir.run(&["dump", "sqlite:shop.db", &format!("archives/{name}"), "-q"]).is(0);
    }
    let served = Served::start(&workdir, &[]);
    let list = served.get("/api/backups").document();
    let list = list["backups"].as_array().expect("a list");
    assert_eq!(list.len(), 3, "{list:#?}");
    let hidden = list.iter().find(|backup| backup["name"] == ".hidden").expect("it is told of");
    assert!(hidden["error"]["message"].as_str().is_some_and(|text| text.contains("because of its name")), "{hidden:#}");
    for name in ["shop-2026-11-30T03:00:00", "shop-2026-11-30T03%3A00%3A00", "a%5Cb"] {
        served.get(&format!("/api/backups/{name}")).is(200);
        served.download(name);
    }
    let job = served.job("/api/backups/a%5Cb/verify", &serde_json::json!({ "depth": "rows" }));
    assert_eq!(job["state"], "done", "{job:#}");
    served.ask(Request::new("DELETE", "/api/backups/a%5Cb?confirm=a%5Cb")).is(204);
}

#[test]
fn downloads_that_stall_keep_nobody_out() {
    let workdir = shop();
    workdir.sql("shop.db", "CREATE TABLE large (id INTEGER PRIMARY KEY, what BLOB); INSERT INTO large (what) \
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 16) SELECT randomblob(1000000) FROM n;");
    let served = Served::start(&workdir, &[]);
    let name = served.back_up("prod");
    let path = format!("/api/backups/{name}/download");
    let begin = || {
        let mut stream = TcpStream::connect(("127.0.0.1", served.port)).expect("a connection");
        let request = Request::new("GET", &path).header("authorization", format!("Bearer {}", served.token));
        stream.write_all(&request.head(served.port)).expect("a request");
        // Of the answer nothing but the status is read.
        let mut status = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut status).expect("a status");
        (stream, status)
    };
    let stalled: Vec<_> = (0..32).map(|_| begin()).collect();
    assert!(stalled.iter().all(|(_, status)| status == b"HTTP/1.1 200"));
    let refused = served.get(&path).is(503);
    assert!(refused.header("retry-after").is_some());
    served.get("/api/backups").is(200);
    drop(stalled);
    let begun = Instant::now();
    while served.ask(Request::new("HEAD", &path)).status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(30), "those that are gone have made no room");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn nothing_is_overwritten_by_an_upload() {
    let workdir = shop();
    let served = Served::start(&workdir, &[]);
    let name = served.back_up("prod");
    let zip = served.download(&name);
    for expected in ["x.zip", "x-2.zip", "x-3.zip"] {
        assert_eq!(served.upload("x.zip", zip.clone())["backup"], expected);
    }
    assert_eq!(served.names().len(), 4);
}
