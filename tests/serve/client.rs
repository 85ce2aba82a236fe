//! A client that says exactly what it is told to: one connection a request, no cookie of its own, no default that hides what
//! a server lets through.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What is asked.
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_ascii_uppercase(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header, or takes the place of it.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        let mut with = self.header("content-type", "application/json");
        with.body = body.to_string().into_bytes();
        with
    }

    pub(crate) fn bytes(self, body: Vec<u8>) -> Self {
        let mut with = self.header("content-type", "application/zip");
        with.body = body;
        with
    }

    /// Sends it to a port of this machine.
    pub(crate) fn send(self, port: u16) -> Response {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        self.send_over(stream, port)
    }

    /// Sends it over a connection.
    pub(crate) fn send_over(self, mut stream: impl Read + Write, port: u16) -> Response {
        stream.write_all(&self.head(port)).expect("the head is taken");
        // A server that has seen enough closes; what it said is read all the same.
        drop(stream.write_all(&self.body));
        Response::read(&mut BufReader::new(stream), self.method == "HEAD")
    }

    /// The head, with what has to be there.
    pub(crate) fn head(&self, port: u16) -> Vec<u8> {
        let has = |name: &str| self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", self.method, self.path);
        if !has("host") {
            head.push_str(&format!("host: 127.0.0.1:{port}\r\n"));
        }
        if !has("transfer-encoding") && !has("content-length") && !self.body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        (head + "\r\n").into_bytes()
    }
}

impl Response {
    /// Reads an answer.
    pub(crate) fn read(reader: &mut impl BufRead, without_body: bool) -> Self {
        let mut line = String::new();
        reader.read_line(&mut line).expect("an answer");
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a header");
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut response = Self { status, headers, body: Vec::new() };
        if without_body {
            return response;
        }
        if response.header("transfer-encoding") == Some("chunked") {
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a size");
                let size = usize::from_str_radix(line.trim(), 16).expect("a size");
                let mut piece = vec![0; size + 2];
                reader.read_exact(&mut piece).expect("a piece");
                if size == 0 {
                    break;
                }
                response.body.extend_from_slice(&piece[..size]);
            }
        } else {
            // A connection that breaks off is seen by what is missing.
            drop(reader.read_to_end(&mut response.body));
        }
        response
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}: {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    /// The kind of the error in the body.
    #[track_caller]
    pub(crate) fn kind(&self) -> String {
        self.document()["error"]["kind"].as_str().expect("a kind").to_owned()
    }

    /// Checks the status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }
}
