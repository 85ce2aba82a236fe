//! A session for reading rows: the protocol's packets over a blocking socket, handed on where they lie in the buffer.
//!
//! `mysql_async` makes a vector of every value, which costs more than everything else that is done with a row. This is the
//! part of a client that reading needs and no more: it logs in, runs a statement, and hands out rows as bytes. It never
//! offers to send files. Protocol: <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html>.

mod login;
mod rows;
mod stream;

use crate::connect::{Failure, KEEPALIVE_IDLE, Place, Way};
use crate::error::{file_asked_for, io_error, server_error};
use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
use socket2::{SockRef, TcpKeepalive};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

pub(crate) use rows::{ColumnDefinition, Statement};
use stream::{Stream, is_pause};

/// How much is asked of the socket at once.
const BUFFER: usize = 256 * 1024;
/// A buffer that a large row has made larger than this is given back.
const LARGEST_KEPT: usize = 4 * 1024 * 1024;
/// A packet of this length is continued by the next.
const LONGEST: usize = 0xff_ffff;
/// No server sends a longer row, whatever its settings.
const LONGEST_ROW: usize = 1 << 30;
/// How often a call that waits looks at the cancel flag.
const CANCEL_POLL: Duration = Duration::from_millis(50);
/// How long the network may take nothing of a statement; a busy server reads it late.
const WRITE_LIMIT: Duration = Duration::from_secs(300);
/// How long a session may take to say goodbye.
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);

/// What stops a session on the server, by its number there.
pub(crate) type Killer = Box<dyn Fn(u32) + Send>;

/// A session that reads. Dropping it ends it, and what the server did for it.
pub(crate) struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
    /// What of the buffer is not taken yet.
    from: usize,
    to: usize,
    /// The number of the next packet, of either side.
    sequence: u8,
    /// Whether the end of columns is not told by a packet of its own, and that of rows looks like a success.
    deprecate_eof: bool,
    /// Whether the answer to the last statement was not read to its end.
    answering: bool,
    /// The session's number on the server.
    id: u32,
    /// Until when a login has to be done.
    deadline: Option<Instant>,
    killer: Option<Killer>,
    cancel: Cancel,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// A row of a query as text, where it lies.
pub(crate) struct TextRow<'p> {
    doing: &'static str,
    rest: &'p [u8],
}

impl<'p> TextRow<'p> {
    /// The next value, which may be a null; none after the last.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Option<&'p [u8]>>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        match length(&mut self.rest) {
            Some(None) => Ok(Some(None)),
            Some(Some(length)) if length <= self.rest.len() => {
                let (value, after) = self.rest.split_at(length);
                self.rest = after;
                Ok(Some(Some(value)))
            }
            _ => Err(broken(self.doing, "a row that ends in the middle of a value")),
        }
    }
}

impl Wire {
    /// Connects and logs in, within the way's limit.
    ///
    /// # Errors
    /// [`Failure`], which the caller knows how to tell.
    pub(crate) fn connect(way: &Way, cancel: Cancel) -> Result<Self, Failure> {
        let mut wire = Self::reach(way, cancel)?;
        wire.log_in(way)?;
        wire.deadline = None;
        wire.answering = false;
        Ok(wire)
    }

    /// Whether the server asks this user for the proof of MariaDB's `client_ed25519`. The login is broken off before
    /// anything is proven, so that it counts for nobody as one with a wrong password.
    ///
    /// # Errors
    /// [`Failure`] when the server does not come as far as that.
    pub(crate) fn is_asked_for_ed25519(way: &Way, cancel: Cancel) -> Result<bool, Failure> {
        Self::reach(way, cancel)?.hears_of_ed25519(way)
    }

    /// Connects, and says nothing yet.
    fn reach(way: &Way, cancel: Cancel) -> Result<Self, Failure> {
        let deadline = way.limit.map(|limit| Instant::now() + limit);
        let stream = reach(way).map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => Failure::TimedOut,
            _ => Failure::Unreachable(io_error("cannot connect", &error)),
        })?;
        Ok(Self {
            stream,
            buffer: vec![0; BUFFER],
            from: 0,
            to: 0,
            sequence: 0,
            deprecate_eof: false,
            answering: true,
            id: 0,
            deadline,
            killer: None,
            cancel,
        })
    }

    /// Has the server stop what it does for this session once it is cancelled.
    pub(crate) fn stopped_by(mut self, killer: Killer) -> Self {
        self.killer = Some(killer);
        self
    }

    /// Runs one statement without rows.
    pub(crate) fn run(&mut self, doing: &'static str, sql: &str) -> Result<()> {
        self.query(doing, sql).map(|_| ())
    }

    /// The rows of one query as text, all in memory: for small results.
    pub(crate) fn query(&mut self, doing: &'static str, sql: &str) -> Result<Vec<Vec<Option<Vec<u8>>>>> {
        let mut rows = Vec::new();
        self.each(doing, sql, &|_| true, &mut |mut row| {
            let mut values = Vec::new();
            while let Some(value) = row.next()? {
                values.push(value.map(<[u8]>::to_vec));
            }
            rows.push(values);
            Ok(true)
        })?;
        Ok(rows)
    }

    /// Hands out the rows of one query as text, one after the other, if its columns are as `wanted`, and while `take` wants more.
    /// Returns whether all were handed out; otherwise the session can only be dropped.
    pub(crate) fn each(
        &mut self,
        doing: &'static str,
        sql: &str,
        wanted: &dyn Fn(&[ColumnDefinition]) -> bool,
        take: &mut dyn FnMut(TextRow<'_>) -> Result<bool>,
    ) -> Result<bool> {
        self.command(doing, 0x03, sql.as_bytes())?;
        let Some(columns) = self.columns(doing)? else { return Ok(true) };
        if !wanted(&self.definitions(doing, columns)?) {
            return Ok(false);
        }
        while let Some(rest) = self.row(doing)? {
            if !take(TextRow { doing, rest })? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sends a command, which begins an exchange of its own.
    fn command(&mut self, doing: &'static str, command: u8, argument: &[u8]) -> Result<()> {
        self.cancel.check()?;
        if self.answering {
            return Err(broken(doing, "an earlier answer was not read to its end"));
        }
        let mut payload = Vec::with_capacity(argument.len() + 1);
        payload.push(command);
        payload.extend_from_slice(argument);
        self.sequence = 0;
        self.answering = true;
        self.send(doing, &payload)
    }

    /// The beginning of an answer: how many columns its rows have, or `None` when it has no rows and is over.
    fn columns(&mut self, doing: &'static str) -> Result<Option<usize>> {
        let first = self.packet(doing)?;
        let is_request_for_file = first.first() == Some(&0xfb);
        let is_done = first.first() == Some(&0x00);
        let refusal = refused(doing, first);
        let mut rest = first;
        let columns = length(&mut rest).flatten();
        if is_request_for_file {
            // Nothing is answered: the server waits for the file's content.
            self.stream.close();
            return Err(file_asked_for(doing));
        }
        self.answering = refusal.is_ok() && !is_done;
        refusal?;
        match columns {
            Some(0) => Ok(None),
            Some(columns) => Ok(Some(columns)),
            None => Err(broken(doing, "a result without columns")),
        }
    }

    /// Passes over what follows the definitions of columns or parameters, if this server sends it.
    fn end_of_columns(&mut self, doing: &'static str) -> Result<()> {
        if self.deprecate_eof {
            return Ok(());
        }
        let packet = self.packet(doing)?;
        refused(doing, packet)?;
        if packet.first() == Some(&0xfe) { Ok(()) } else { Err(broken(doing, "definitions of columns without an end")) }
    }

    /// The next row of a result, where it lies, or `None` at its end.
    fn row(&mut self, doing: &'static str) -> Result<Option<&[u8]>> {
        let longest_end = if self.deprecate_eof { LONGEST } else { 9 };
        // The borrow of a packet that is returned from within a branch would last to the end.
        let (start, length) = self.packet_at(doing)?;
        let packet = &self.buffer[start..start + length];
        match packet.first() {
            Some(0xfe) if length < longest_end => {
                self.answering = false;
                Ok(None)
            }
            Some(0xff) => {
                self.answering = false;
                refused(doing, packet)?;
                Err(broken(doing, "an error without a number"))
            }
            _ => Ok(Some(&self.buffer[start..start + length])),
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
        let sent = self.stream.write_all(&bytes).and_then(|()| self.stream.flush());
        sent.map_err(|error| self.lost(doing, &error))
    }

    /// The next packet, where it lies; one that is continued by others is joined with them.
    fn packet(&mut self, doing: &'static str) -> Result<&[u8]> {
        let (start, length) = self.packet_at(doing)?;
        Ok(&self.buffer[start..start + length])
    }

    /// Where the next packet lies in the buffer, and how long it is.
    fn packet_at(&mut self, doing: &'static str) -> Result<(usize, usize)> {
        self.fill(doing, 4)?;
        let mut piece = self.header(doing, self.from)?;
        let mut length = piece;
        self.fill(doing, 4 + length)?;
        while piece == LONGEST {
            self.fill(doing, 4 + length + 4)?;
            let header = self.from + 4 + length;
            piece = self.header(doing, header)?;
            if length + piece > LONGEST_ROW {
                return Err(broken(doing, "a packet of more than a gigabyte"));
            }
            self.fill(doing, 4 + length + 4 + piece)?;
            // The header in the middle gives way; `fill` may have moved everything.
            let header = self.from + 4 + length;
            self.buffer.copy_within(header + 4..self.to, header);
            self.to -= 4;
            length += piece;
        }
        let start = self.from + 4;
        self.from = start + length;
        Ok((start, length))
    }

    /// Reads the header of a packet that lies at `position`: the length of what follows.
    fn header(&mut self, doing: &'static str, position: usize) -> Result<usize> {
        let Some(&[low, middle, high, sequence]) = self.buffer.get(position..position + 4) else {
            return Err(broken(doing, "a packet without a header"));
        };
        if sequence != self.sequence {
            return Err(broken(doing, "packets came out of order"));
        }
        self.sequence = sequence.wrapping_add(1);
        Ok(usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16)
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
            // Some more, so that a large row does not come in small pieces.
            self.buffer.resize(wanted + BUFFER, 0);
        } else if self.buffer.len() > LARGEST_KEPT && wanted.max(self.to) <= BUFFER {
            self.buffer.truncate(BUFFER);
            self.buffer.shrink_to_fit();
        }
        while self.to < wanted {
            if self.cancel.is_cancelled() {
                return Err(self.given_up(doing));
            }
            match self.stream.read(&mut self.buffer[self.to..]) {
                Ok(0) => return Err(self.lost(doing, &io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => self.to += count,
                Err(error) if is_pause(&error) => {
                    if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                        return Err(self.lost(doing, &io::ErrorKind::TimedOut.into()));
                    }
                }
                Err(error) => return Err(self.lost(doing, &error)),
            }
        }
        Ok(())
    }

    /// The connection is gone.
    fn lost(&mut self, doing: &'static str, error: &io::Error) -> Error {
        self.stream.close();
        io_error(doing, error)
    }

    /// Nobody wants the answer any more: the session is ended, on the server too, which may be busy for long before it
    /// notices that nobody listens.
    fn given_up(&mut self, doing: &'static str) -> Error {
        self.stream.close();
        if let Some(killer) = self.killer.take() {
            killer(self.id);
        }
        Error::new(ErrorKind::Cancelled, doing).with("dialect", crate::NAME).caused_by("cancelled")
    }
}

impl Drop for Wire {
    /// Says goodbye and waits until the server has heard it, so that what the session held is free.
    fn drop(&mut self) {
        if self.answering {
            return self.stream.close();
        }
        self.sequence = 0;
        if self.stream.set_limits(FAREWELL_LIMIT, FAREWELL_LIMIT).is_ok() && self.send("", &[0x01]).is_ok() {
            // The answer is that it hangs up.
            _ = self.stream.read(&mut self.buffer);
        }
        self.stream.close();
    }
}

/// A fresh connection.
fn reach(way: &Way) -> io::Result<Stream> {
    let stream = match &way.place {
        Place::Socket(path) => Stream::Socket(UnixStream::connect(path)?),
        Place::Network { address, .. } => {
            let stream = match way.limit {
                Some(limit) => TcpStream::connect_timeout(address, limit)?,
                None => TcpStream::connect(address)?,
            };
            stream.set_nodelay(true)?;
            SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_IDLE))?;
            Stream::Network(stream)
        }
    };
    stream.set_limits(CANCEL_POLL, WRITE_LIMIT)?;
    Ok(stream)
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

fn broken(doing: &'static str, what: &str) -> Error {
    Error::new(ErrorKind::Connect, doing).with("dialect", crate::NAME).caused_by(what.to_owned())
}
