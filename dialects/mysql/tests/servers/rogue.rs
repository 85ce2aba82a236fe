//! A server that asks for files of this machine, wherever it can: it gets nothing.

use crate::{CANARY, is_told};
use dbferry_dialect::{DatabaseUrl, Dialect, Error, ErrorKind, OpenOptions};
use dbferry_mysql::MySql;
use dbferry_mysql::testing::Kind;
use libtest_mimic::Trial;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const VICTIM: &str = "/etc/passwd";
/// What no file that somebody did not offer may hold.
const TRACES: [&[u8]; 2] = [b"root:", b"/bin/"];

pub(crate) fn trials() -> Vec<Trial> {
    let cases: [(&str, fn()); 6] = [
        ("asks_at_login", asks_at_login),
        ("asks_for_a_query", asks_for_a_query),
        ("asks_during_introspection", asks_during_introspection),
        ("asks_for_another_file_than_the_load_names", asks_for_another_file_than_the_load_names),
        ("asks_after_a_load", asks_after_a_load),
        ("sends_nonsense_at_login", sends_nonsense_at_login),
    ];
    let trial = |(name, case): (&str, fn())| {
        Trial::test(format!("rogue::{name}"), move || {
            case();
            Ok(())
        })
    };
    cases.into_iter().map(trial).collect()
}

/// Whom a fake server says to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    MariaDb,
    MySql,
}

/// One client of the fake server.
pub(crate) struct Client {
    stream: TcpStream,
    sequence: u8,
    /// Everything that it sent.
    heard: Vec<u8>,
}

impl Client {
    /// The next one.
    pub(crate) fn of(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().expect("a client");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a limit");
        Self { stream, sequence: 0, heard: Vec::new() }
    }

    pub(crate) fn send(&mut self, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("a packet");
        let mut bytes = length.to_le_bytes()[..3].to_vec();
        bytes.push(self.sequence);
        bytes.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        _ = self.stream.write_all(&bytes);
    }

    /// The next packet; nothing when the client is gone or says nothing more.
    pub(crate) fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header)?;
        self.sequence = header[3].wrapping_add(1);
        let mut payload = vec![0; usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16];
        self.stream.read_exact(&mut payload)?;
        self.heard.extend_from_slice(&payload);
        Ok(payload)
    }

    pub(crate) fn greet(&mut self, family: Family) {
        let mut packet = b"\x0a8.4.0-rogue\0\x07\0\0\0abcdefgh\0".to_vec();
        // Everything but TLS, the old end of results, and compression; MariaDB leaves the first flag away.
        let first = if family == Family::MariaDb { 0xde } else { 0xdf };
        packet.extend_from_slice(&[first, 0xf7, 0x21, 0x02, 0x00, 0x1b, 0x00, 0x15]);
        packet.extend_from_slice(&[0; 10]);
        packet.extend_from_slice(b"ijklmnopqrst\0mysql_native_password\0");
        self.send(&packet);
    }

    pub(crate) fn accept(&mut self) {
        self.send(&[0, 0, 0, 2, 0, 0, 0]);
    }

    fn ask_for_a_file(&mut self) {
        self.send(&[&[0xfb], VICTIM.as_bytes()].concat());
    }

    /// A result of one row of two numbers, which is what the driver asks at login.
    pub(crate) fn answer_numbers(&mut self) {
        self.send(&[2]);
        for name in [b"a", b"b"] {
            let mut definition = b"\x03def\0\0\0\x01".to_vec();
            definition.extend_from_slice(name);
            definition.extend_from_slice(b"\0\x0c\x3f\0\x14\0\0\0\x08\x81\0\0\0\0");
            self.send(&definition);
        }
        self.send(&[0xfe, 0, 0, 2, 0]);
        self.send(b"\x0867108864\x0528800");
        self.send(&[0xfe, 0, 0, 2, 0]);
    }
}

/// What the fake server does with a statement.
type Answer = fn(&mut Client, statement: &str);

/// A fake server that lets everybody in, unless `login` does something else, and answers statements. Returns its URL, and
/// everything that was sent to it once the clients are gone.
fn fake(login: fn(&mut Client), answer: Answer, clients: usize) -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serving = thread::spawn(move || {
        let mut heard = Vec::new();
        for _ in 0..clients {
            let mut client = Client::of(&listener);
            client.greet(Family::MySql);
            if client.receive().is_ok() {
                login(&mut client);
                while let Ok(command) = client.receive() {
                    let Some((&[kind], statement)) = command.split_first_chunk::<1>() else { continue };
                    if kind == 1 {
                        break;
                    }
                    let text = String::from_utf8_lossy(statement).into_owned();
                    answer(&mut client, &text);
                }
            }
            heard.append(&mut client.heard);
        }
        heard
    });
    (format!("mysql://me:{CANARY}@127.0.0.1:{port}/shop?ssl-mode=DISABLED"), serving)
}

/// Answers the driver's own question and the setup as a server does, and asks for a file for anything else.
fn asks_for_the_rest(client: &mut Client, statement: &str) {
    if statement.contains("@@max_allowed_packet") {
        client.answer_numbers();
    } else if statement.starts_with("SET ") {
        client.accept();
    } else {
        client.ask_for_a_file();
    }
}

/// Nothing but the protocol was said: no file's content, and no password.
#[track_caller]
fn got_nothing(serving: JoinHandle<Vec<u8>>) {
    let heard = serving.join().expect("no panic");
    for trace in TRACES.into_iter().chain([CANARY.as_bytes()]) {
        assert!(!heard.windows(trace.len()).any(|window| window == trace), "{:?}", String::from_utf8_lossy(&heard));
    }
}

#[track_caller]
fn is_refused(error: &Error) {
    is_told(error, ErrorKind::Refused, &["asks for a file", "gets none", "no sane server"]);
}

fn asks_at_login() {
    for kind in Kind::ALL {
        // In the place of the word that the login was right, and for the very first statement.
        let (url, serving) = fake(Client::ask_for_a_file, |client, _| client.ask_for_a_file(), 1);
        let error = kind.ask(&url, &OpenOptions::default(), "SELECT 1").expect_err("a refusal");
        is_told(&error, ErrorKind::Connect, &["not understood"]);
        got_nothing(serving);
        let (url, serving) = fake(Client::accept, |client, _| client.ask_for_a_file(), 1);
        is_refused(&kind.ask(&url, &OpenOptions::default(), "SELECT 1").expect_err("a refusal"));
        got_nothing(serving);
    }
}

fn asks_for_a_query() {
    for kind in Kind::ALL {
        let (url, serving) = fake(Client::accept, asks_for_the_rest, 1);
        is_refused(&kind.ask(&url, &OpenOptions::default(), "SELECT 1").expect_err("a refusal"));
        got_nothing(serving);
    }
}

fn asks_during_introspection() {
    let (url, serving) = fake(Client::accept, asks_for_the_rest, 1);
    let url = DatabaseUrl::parse(&url).expect("a URL");
    // What is asked first at opening already belongs to the catalogue.
    let error = match MySql.open(&url, &OpenOptions::default()) {
        Ok(mut database) => database.introspect().expect_err("a refusal"),
        Err(error) => error,
    };
    is_refused(&error);
    got_nothing(serving);
}

fn asks_for_another_file_than_the_load_names() {
    let answer: Answer = |client, statement| {
        asks_for_the_rest(client, statement);
        if statement.starts_with("LOAD DATA") {
            while client.receive().is_ok_and(|piece| !piece.is_empty()) {}
            client.accept();
        }
    };
    let (url, serving) = fake(Client::accept, answer, 1);
    Kind::load(&url, &OpenOptions::default(), "what is loaded\n").expect("its own stream and nothing else");
    let heard = serving.join().expect("no panic");
    let own = b"what is loaded\n";
    assert!(heard.windows(own.len()).any(|window| window == own));
    assert!(TRACES.iter().all(|trace| !heard.windows(trace.len()).any(|window| window == *trace)));
}

fn asks_after_a_load() {
    // The load is refused before any file is asked for; the next statement is answered by asking for one.
    let answer: Answer = |client, statement| {
        if statement.starts_with("LOAD DATA") {
            client.send(b"\xff\x7c\x04#42000refused");
        } else {
            asks_for_the_rest(client, statement);
        }
    };
    let (url, serving) = fake(Client::accept, answer, 1);
    is_refused(&Kind::load_and_ask(&url, &OpenOptions::default(), "what is loaded\n").expect_err("a refusal"));
    let heard = serving.join().expect("no panic");
    assert!(!heard.windows(4).any(|window| window == b"what"), "{:?}", String::from_utf8_lossy(&heard));
}

fn sends_nonsense_at_login() {
    let nonsense: [fn(&mut Client); 5] = [
        // A public key that is none, an empty packet, a salt that is none, a plugin for a clear password, an old one.
        |client| {
            client.send(b"\xfecaching_sha2_password\0abcdefghijklmnopqrst\0");
            _ = client.receive();
            client.send(b"\x01\x04");
            _ = client.receive();
            client.send(b"\x01no key");
            _ = client.receive();
        },
        |client| client.send(b""),
        |client| {
            client.send(b"\xfecaching_sha2_password\0");
            _ = client.receive();
            client.send(b"\x01\x04");
            _ = client.receive();
            client.send(b"\x01-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
            _ = client.receive();
        },
        |client| client.send(b"\xfemysql_clear_password\0"),
        |client| client.send(b"\xfe"),
    ];
    for login in nonsense {
        for kind in Kind::ALL {
            let (url, serving) = fake(login, |_, _| {}, 1);
            let error = kind.ask(&url, &OpenOptions::default(), "SELECT 1").expect_err("a refusal");
            is_told(&error, ErrorKind::Connect, &["cannot connect"]);
            got_nothing(serving);
        }
    }
}
