//! A session for reading rows: the protocol's packets over a blocking socket, handed on where they lie in the buffer.
//!
//! `mysql_async` makes a vector of every value, which costs more than everything else that is done with a row. This is the
//! part of a client that reading needs and no more: it logs in, runs a statement, and hands out rows as bytes. It never
//! offers to send files. Protocol: <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html>.

use crate::connect::{Login, Place};
use crate::error::server_error;
use dbferry_dialect::{Cancel, Error, ErrorKind, Result, Secret};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, HandshakePacket, HandshakeResponse};
use mysql_common::proto::MySerialize;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

/// How much is asked of the socket at once.
const BUFFER: usize = 256 * 1024;
/// A packet of this length is continued by the next.
const LONGEST: usize = 0xff_ffff;

/// A session that reads.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    /// What of the buffer is not taken yet.
    from: usize,
    to: usize,
    sequence: u8,
    cancel: Cancel,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// Connects and logs in.
    pub(crate) fn connect(login: &Login, cancel: Cancel) -> Result<Self> {
        let unreachable = |error: io::Error| {
            Error::new(ErrorKind::Connect, "cannot connect to the server").with("dialect", crate::NAME).caused_by(error)
        };
        let stream: Box<dyn Stream> = match &login.place {
            Place::Socket(path) => Box::new(UnixStream::connect(path).map_err(unreachable)?),
            Place::Network(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).map_err(unreachable)?;
                stream.set_nodelay(true).map_err(unreachable)?;
                Box::new(stream)
            }
        };
        let mut wire = Self { stream, buffer: vec![0; BUFFER], from: 0, to: 0, sequence: 0, cancel };
        wire.log_in(login)?;
        Ok(wire)
    }

    fn log_in(&mut self, login: &Login) -> Result<()> {
        const DOING: &str = "cannot log in";
        let greeting = self.packet(DOING)?.to_vec();
        refused(DOING, &greeting)?;
        let greeting: HandshakePacket<'_> =
            ParseBuf(&greeting).parse(()).map_err(|error| broken(DOING, &error.to_string()))?;
        let nonce = greeting.nonce();
        let plugin = greeting.auth_plugin().unwrap_or(AuthPlugin::MysqlNativePassword).into_owned();
        let password = login.password.as_ref().map(Secret::expose);
        let proof = plugin.gen_data(password, &nonce).map(|data| data.to_vec());
        let capabilities = CapabilityFlags::CLIENT_PROTOCOL_41
            | CapabilityFlags::CLIENT_SECURE_CONNECTION
            | CapabilityFlags::CLIENT_LONG_PASSWORD
            | CapabilityFlags::CLIENT_LONG_FLAG
            | CapabilityFlags::CLIENT_TRANSACTIONS
            | CapabilityFlags::CLIENT_PLUGIN_AUTH
            | CapabilityFlags::CLIENT_DEPRECATE_EOF;
        let response = HandshakeResponse::new(
            Some(proof.unwrap_or_default()),
            (8, 0, 0),
            Some(login.user.as_bytes()),
            Some(login.database.as_bytes()),
            Some(plugin.borrow()),
            capabilities & greeting.capabilities(),
            None,
            1 << 30,
        );
        let mut bytes = Vec::new();
        response.serialize(&mut bytes);
        self.send(DOING, &bytes)?;
        loop {
            let answer = self.packet(DOING)?.to_vec();
            refused(DOING, &answer)?;
            match answer.as_slice() {
                [0x00, ..] => return Ok(()),
                // The password is known to the server already.
                [0x01, 0x03] => {}
                // The server wants the password itself; a socket is as private as the machine.
                [0x01, 0x04] if matches!(login.place, Place::Socket(_)) => {
                    let mut clear = password.unwrap_or_default().as_bytes().to_vec();
                    clear.push(0);
                    self.send(DOING, &clear)?;
                }
                [0xfe, rest @ ..] => {
                    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
                    let plugin = AuthPlugin::from_bytes(&rest[..end]);
                    let nonce = rest.get(end + 1..).unwrap_or_default();
                    let nonce = nonce.strip_suffix(&[0]).unwrap_or(nonce);
                    let proof = plugin.gen_data(password, nonce).map(|data| data.to_vec()).unwrap_or_default();
                    self.send(DOING, &proof)?;
                }
                _ => return Err(broken(DOING, "the server answers in a way that is not understood")),
            }
        }
    }

    /// Runs one statement without rows.
    pub(crate) fn run(&mut self, doing: &'static str, sql: &str) -> Result<()> {
        self.query(doing, sql).map(|_| ())
    }

    /// The rows of one query as text, all in memory: for small results.
    pub(crate) fn query(&mut self, doing: &'static str, sql: &str) -> Result<Vec<Vec<Option<Vec<u8>>>>> {
        self.cancel.check()?;
        let mut command = Vec::with_capacity(sql.len() + 1);
        command.push(0x03);
        command.extend_from_slice(sql.as_bytes());
        self.sequence = 0;
        self.send(doing, &command)?;
        let first = self.packet(doing)?;
        refused(doing, first)?;
        if first.first() == Some(&0x00) {
            return Ok(Vec::new());
        }
        let mut rest = first;
        let columns = length(&mut rest).flatten().ok_or_else(|| broken(doing, "a result without columns"))?;
        for _ in 0..columns {
            self.packet(doing)?;
        }
        let mut rows = Vec::new();
        loop {
            let packet = self.packet(doing)?;
            refused(doing, packet)?;
            if packet.first() == Some(&0xfe) && packet.len() < LONGEST {
                return Ok(rows);
            }
            let mut rest = packet;
            let mut row = Vec::new();
            while !rest.is_empty() {
                row.push(match length(&mut rest) {
                    Some(None) => None,
                    Some(Some(length)) if length <= rest.len() => {
                        let (value, after) = rest.split_at(length);
                        rest = after;
                        Some(value.to_vec())
                    }
                    _ => return Err(broken(doing, "a row that ends in the middle of a value")),
                });
            }
            rows.push(row);
        }
    }

    fn send(&mut self, doing: &'static str, payload: &[u8]) -> Result<()> {
        let mut bytes = Vec::with_capacity(payload.len() + 4);
        let mut rest = payload;
        loop {
            let (piece, after) = rest.split_at(rest.len().min(LONGEST));
            // At most three bytes long.
            bytes.extend_from_slice(&(piece.len() as u32).to_le_bytes()[..3]);
            bytes.push(self.sequence);
            bytes.extend_from_slice(piece);
            self.sequence = self.sequence.wrapping_add(1);
            rest = after;
            if piece.len() < LONGEST {
                break;
            }
        }
        self.stream.write_all(&bytes).map_err(|error| lost(doing, error))
    }

    /// The next packet, where it lies.
    fn packet(&mut self, doing: &'static str) -> Result<&[u8]> {
        self.fill(doing, 4)?;
        let header = &self.buffer[self.from..self.from + 4];
        let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        if length == LONGEST {
            return Err(broken(doing, "a packet that is continued"));
        }
        self.sequence = header[3].wrapping_add(1);
        self.fill(doing, 4 + length)?;
        let start = self.from + 4;
        self.from = start + length;
        Ok(&self.buffer[start..self.from])
    }

    /// Has at least `wanted` bytes ready.
    fn fill(&mut self, doing: &'static str, wanted: usize) -> Result<()> {
        if self.to - self.from >= wanted {
            return Ok(());
        }
        self.buffer.copy_within(self.from..self.to, 0);
        self.to -= self.from;
        self.from = 0;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        while self.to < wanted {
            match self.stream.read(&mut self.buffer[self.to..]) {
                Ok(0) => return Err(lost(doing, io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => self.to += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(doing, error)),
            }
        }
        Ok(())
    }
}

/// A length-encoded number: `Some(None)` is null, `None` is nonsense.
fn length(rest: &mut &[u8]) -> Option<Option<usize>> {
    let (first, after) = rest.split_first()?;
    let bytes = match first {
        0xfb => {
            *rest = after;
            return Some(None);
        }
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        0xff => return None,
        small => {
            *rest = after;
            return Some(Some(usize::from(*small)));
        }
    };
    let (number, after) = after.split_at_checked(bytes)?;
    *rest = after;
    Some(Some(number.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))))
}

fn refused(doing: &'static str, packet: &[u8]) -> Result<()> {
    let [0xff, low, high, rest @ ..] = packet else { return Ok(()) };
    let message = if rest.first() == Some(&b'#') { rest.get(6..).unwrap_or_default() } else { rest };
    Err(server_error(doing, u16::from_le_bytes([*low, *high]), &String::from_utf8_lossy(message)))
}

fn lost(doing: &'static str, error: io::Error) -> Error {
    Error::new(ErrorKind::Connect, doing).with("dialect", crate::NAME).caused_by(error)
}

fn broken(doing: &'static str, what: &str) -> Error {
    Error::new(ErrorKind::Connect, doing).with("dialect", crate::NAME).caused_by(what.to_owned())
}
