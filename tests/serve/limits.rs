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
    names.retain(|name| ![".dbferry", "audit.ndjson", "jobs.ndjson", "lock"].contains(&name.as_str()));
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
