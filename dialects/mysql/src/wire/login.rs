//! Logging in: the greeting, who we are, and the proof of the password.
//!
//! Protocol: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html>,
//! <https://mariadb.com/docs/server/reference/clientserver-protocol/1-connecting/connection>.

use super::stream::Stream;
use super::{Wire, broken, refused};
use crate::connect::{Encryption, Failure, Login, Place, Way};
use crate::error::unknown_plugin;
use dbferry_dialect::{Error, ErrorKind, Result, Secret};
use mysql_common::constants::{CapabilityFlags, UTF8MB4_GENERAL_CI};
use mysql_common::crypto::encrypt;
use mysql_common::packets::{AuthPlugin, HandshakeResponse, SslRequest};
use mysql_common::proto::MySerialize;
use std::panic::catch_unwind;
use std::time::Instant;

/// What errors of a login begin with.
const DOING: &str = "cannot connect";
/// The largest packet that is taken, in bytes; no server sends larger ones.
const LARGEST_PACKET: u32 = 1 << 30;
/// How long a password may be that the server's usual key of 2048 bits can encrypt, in bytes.
const LONGEST_FOR_KEY: usize = 213;

/// The server's first words.
struct Greeting {
    id: u32,
    capabilities: CapabilityFlags,
    nonce: Vec<u8>,
    plugin: Vec<u8>,
}

impl Greeting {
    /// Takes it apart; `None` when it is none of protocol 10, which all servers since 3.21 speak.
    fn parse(packet: &[u8]) -> Option<Self> {
        let rest = packet.strip_prefix(&[10])?;
        let version = rest.iter().position(|byte| *byte == 0)?;
        let (id, rest) = rest.get(version + 1..)?.split_first_chunk::<4>()?;
        let (first_nonce, rest) = rest.split_first_chunk::<8>()?;
        let (lower, rest) = rest.get(1..)?.split_first_chunk::<2>()?;
        // A collation and flags.
        let (upper, rest) = rest.get(3..)?.split_first_chunk::<2>()?;
        let (nonce_length, rest) = rest.split_first()?;
        let rest = rest.get(10..)?;
        let nonce_length = usize::from(*nonce_length).saturating_sub(8).max(13);
        let (second_nonce, rest) = rest.split_at_checked(nonce_length)?;
        let nonce = [first_nonce, second_nonce.strip_suffix(&[0]).unwrap_or(second_nonce)].concat();
        let plugin = rest.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        let bits = u32::from(u16::from_le_bytes(*upper)) << 16 | u32::from(u16::from_le_bytes(*lower));
        Some(Self {
            id: u32::from_le_bytes(*id),
            capabilities: CapabilityFlags::from_bits_truncate(bits),
            nonce,
            plugin,
        })
    }
}

impl Wire {
    /// Logs in on a fresh connection.
    pub(super) fn log_in(&mut self, way: &Way) -> Result<(), Failure> {
        let (greeting, capabilities) = self.meet(way)?;
        self.prove(&greeting, capabilities, &way.login).map_err(|error| self.failed(error))
    }

    /// Whether the server asks this user for the proof of MariaDB's `client_ed25519`, on a fresh connection that is of no
    /// more use then.
    pub(super) fn hears_of_ed25519(&mut self, way: &Way) -> Result<bool, Failure> {
        let (_, capabilities) = self.meet(way)?;
        // MariaDB leaves this flag away, and only MariaDB has the plugin. No other server gets to know the user, for whom it
        // could count a login that failed.
        if capabilities.contains(CapabilityFlags::CLIENT_LONG_PASSWORD) {
            return Ok(false);
        }
        // Who asks for another plugin than the one that is named here says so, and who asks for this one sends its challenge.
        self.introduce(&way.login, capabilities, &AuthPlugin::Ed25519, &[])
            .and_then(|()| self.packet(DOING))
            .map(|answer| answer.strip_prefix(&[0xfe]).is_some_and(|rest| switch(rest).0 == AuthPlugin::Ed25519))
            .map_err(|error| self.failed(error))
    }

    /// Hears who is there, and goes on in TLS where that is the way.
    fn meet(&mut self, way: &Way) -> Result<(Greeting, CapabilityFlags), Failure> {
        let greeting = self.greeting().map_err(|error| match error.kind() {
            _ if self.is_late() => Failure::TimedOut,
            ErrorKind::Connect => Failure::Unreachable(error),
            _ => Failure::Final(error),
        })?;
        let greeting = greeting.map_err(Failure::Final)?;
        self.id = greeting.id;
        let capabilities = capabilities(&greeting, way.encryption.is_some());
        self.deprecate_eof = capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF);
        if let (Some(encryption), Place::Network { name, .. }) = (&way.encryption, &way.place) {
            if !capabilities.contains(CapabilityFlags::CLIENT_SSL) {
                return Err(Failure::NoTls);
            }
            self.encrypt(capabilities, encryption, name).map_err(|error| self.failed(error))?;
        }
        Ok((greeting, capabilities))
    }

    /// The server's first words; the inner error is the server's own.
    fn greeting(&mut self) -> Result<Result<Greeting>> {
        let packet = self.packet(DOING)?;
        if let Err(error) = refused(DOING, packet) {
            return Ok(Err(error));
        }
        Ok(Greeting::parse(packet).ok_or_else(|| {
            broken(DOING, "what answers there does not speak MySQL's protocol").hint("check host and port")
        }))
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn failed(&self, error: Error) -> Failure {
        if self.is_late() { Failure::TimedOut } else { Failure::Final(error) }
    }

    /// Goes on in TLS.
    fn encrypt(&mut self, capabilities: CapabilityFlags, encryption: &Encryption, name: &str) -> Result<()> {
        // What came before its time was not encrypted, and nobody knows by whom it is.
        if self.from != self.to {
            return Err(broken(DOING, "the server said something before TLS began"));
        }
        let mut bytes = Vec::new();
        SslRequest::new(capabilities, LARGEST_PACKET, UTF8MB4_GENERAL_CI as u8).serialize(&mut bytes);
        self.send(DOING, &bytes)?;
        let plain = std::mem::replace(&mut self.stream, Stream::Closed);
        self.stream = plain.encrypted(&encryption.config, name).map_err(|error| self.lost(DOING, &error))?;
        loop {
            match self.stream.shake_hands() {
                Ok(true) => return Ok(()),
                Ok(false) if self.is_late() => return Err(self.lost(DOING, &std::io::ErrorKind::TimedOut.into())),
                Ok(false) => self.cancel.check()?,
                Err(error) => return Err(self.lost(DOING, &error)),
            }
        }
    }

    /// Says who logs in, and proves the password as the server wants it.
    fn prove(&mut self, greeting: &Greeting, capabilities: CapabilityFlags, login: &Login) -> Result<()> {
        let password = login.password.as_ref().map(Secret::expose);
        // What the server would like at first; for what is not spoken here it asks for something else.
        let mut plugin = AuthPlugin::from_bytes(&greeting.plugin).into_owned();
        if !is_spoken(&plugin) {
            plugin = AuthPlugin::MysqlNativePassword;
        }
        let mut nonce = greeting.nonce.clone();
        let proof = plugin.gen_data(password, &nonce).map(|data| data.to_vec()).unwrap_or_default();
        self.introduce(login, capabilities, &plugin, &proof)?;
        let mut was_switched = false;
        loop {
            let answer = self.packet(DOING)?.to_vec();
            refused(DOING, &answer)?;
            match (answer.as_slice(), &plugin) {
                ([0x00, ..], _) => return Ok(()),
                // The server has seen this password before.
                ([0x01, 0x03], AuthPlugin::CachingSha2Password) => {}
                // The server wants the password itself.
                ([0x01, 0x04], AuthPlugin::CachingSha2Password) => {
                    self.send_password(password.unwrap_or_default(), &nonce)?;
                }
                ([0xfe, rest @ ..], _) if !was_switched => {
                    was_switched = true;
                    (plugin, nonce) = switch(rest);
                    if !is_spoken(&plugin) {
                        return Err(unknown_plugin(DOING, &String::from_utf8_lossy(plugin.as_bytes())));
                    }
                    let proof = plugin.gen_data(password, &nonce).map(|data| data.to_vec()).unwrap_or_default();
                    self.send(DOING, &proof)?;
                }
                _ => return Err(broken(DOING, "the server answers in a way that is not understood")),
            }
        }
    }

    /// Says who logs in, with what proves it.
    fn introduce(
        &mut self,
        login: &Login,
        capabilities: CapabilityFlags,
        plugin: &AuthPlugin<'_>,
        proof: &[u8],
    ) -> Result<()> {
        let response = HandshakeResponse::new(
            Some(proof),
            // Only whether it knows utf8mb4 is of interest.
            (8, 0, 0),
            Some(login.user.as_bytes()),
            Some(login.database.as_bytes()),
            Some(plugin.borrow()),
            capabilities,
            None,
            LARGEST_PACKET,
        );
        let mut bytes = Vec::new();
        response.serialize(&mut bytes);
        self.send(DOING, &bytes)
    }

    /// Sends the password itself: as it is where nobody else reads, else encrypted with the server's key. Whether that is
    /// the right server's key nobody knows; who asks for more than that asks for TLS.
    fn send_password(&mut self, password: &str, nonce: &[u8]) -> Result<()> {
        let mut clear = password.as_bytes().to_vec();
        clear.push(0);
        if self.stream.is_private() {
            return self.send(DOING, &clear);
        }
        if password.len() > LONGEST_FOR_KEY {
            return Err(broken(DOING, "the password is too long to be sent without TLS").hint("ssl-mode=REQUIRED"));
        }
        self.send(DOING, &[0x02])?;
        let answer = self.packet(DOING)?;
        refused(DOING, answer)?;
        let key = answer.strip_prefix(&[0x01]).unwrap_or_default().to_vec();
        let mixed: Vec<u8> = clear.iter().zip(nonce.iter().cycle()).map(|(byte, salt)| byte ^ salt).collect();
        // It panics over what is no key.
        let encrypted = (mixed.len() == clear.len()).then(|| catch_unwind(|| encrypt(&mixed, &key)).ok()).flatten();
        match encrypted {
            Some(encrypted) => self.send(DOING, &encrypted),
            None => Err(broken(DOING, "the server's public key makes no sense")),
        }
    }
}

/// What is used of what the server can do. Not `CLIENT_LOCAL_FILES`: what reads never sends files. Not
/// `CLIENT_MULTI_STATEMENTS`: a text is one statement.
fn capabilities(greeting: &Greeting, encrypted: bool) -> CapabilityFlags {
    let mut wanted = CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_LONG_FLAG
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_CONNECT_WITH_DB
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_DEPRECATE_EOF;
    if encrypted {
        wanted |= CapabilityFlags::CLIENT_SSL;
    }
    greeting.capabilities & wanted
}

/// The plugin that the server asks for in the place of another one, and its challenge.
fn switch(request: &[u8]) -> (AuthPlugin<'static>, Vec<u8>) {
    if request.is_empty() {
        return (AuthPlugin::MysqlOldPassword, Vec::new());
    }
    let end = request.iter().position(|byte| *byte == 0).unwrap_or(request.len());
    let plugin = AuthPlugin::from_bytes(&request[..end]).into_owned();
    let challenge = request.get(end + 1..).unwrap_or_default();
    // A terminator follows the others' challenges; this one's is 32 bytes of any value.
    let nonce = match plugin {
        AuthPlugin::Ed25519 => challenge,
        _ => challenge.strip_suffix(&[0]).unwrap_or(challenge),
    };
    (plugin, nonce.to_vec())
}

/// Whether a plugin proves the password without giving it away, in a way that is known here.
fn is_spoken(plugin: &AuthPlugin<'_>) -> bool {
    matches!(plugin, AuthPlugin::CachingSha2Password | AuthPlugin::MysqlNativePassword | AuthPlugin::Ed25519)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Installation, Server};
    use dbferry_dialect::Cancel;
    use std::sync::Arc;

    #[test]
    fn greetings_are_taken_apart_and_nonsense_is_none() {
        let mut packet = b"\x0a9.7.0\0\x07\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xff\x15".to_vec();
        packet.extend([0; 10]);
        packet.extend(b"ijklmnopqrst\0caching_sha2_password\0");
        let greeting = Greeting::parse(&packet).expect("a greeting");
        assert_eq!((greeting.id, greeting.nonce.as_slice()), (7, &b"abcdefghijklmnopqrst"[..]));
        assert_eq!(greeting.plugin, b"caching_sha2_password");
        assert!(greeting.capabilities.contains(CapabilityFlags::CLIENT_SSL | CapabilityFlags::CLIENT_DEPRECATE_EOF));
        for end in 0..packet.len() - 22 {
            assert!(Greeting::parse(&packet[..end]).is_none(), "{end}");
        }
        packet[0] = 9;
        assert!(Greeting::parse(&packet).is_none());
    }
    #[test]
    fn a_zero_at_the_end_belongs_to_some_challenges() {
        let mut nonce = [7; 32];
        nonce[31] = 0;
        let request = [&b"client_ed25519\0"[..], &nonce].concat();
        assert_eq!(switch(&request), (AuthPlugin::Ed25519, nonce.to_vec()));
        let request = b"mysql_native_password\0abcdefghijklmnopqrst\0";
        assert_eq!(switch(request), (AuthPlugin::MysqlNativePassword, b"abcdefghijklmnopqrst".to_vec()));
        assert_eq!(switch(b""), (AuthPlugin::MysqlOldPassword, Vec::new()));
        assert_eq!(switch(b"dialog"), (AuthPlugin::Other(b"dialog".into()), Vec::new()));
    }
    #[test]
    fn a_server_tells_whether_it_wants_ed25519() {
        for installation in Installation::all() {
            let server = Server::start(&installation, &[]).expect("a server");
            let users = if installation.is_mariadb {
                "INSTALL SONAME 'auth_ed25519'; SET GLOBAL max_password_errors = 1;
                 CREATE USER ed IDENTIFIED VIA ed25519 USING PASSWORD('right');
                 CREATE USER native IDENTIFIED BY 'right'; CREATE USER bare"
            } else {
                "CREATE USER native IDENTIFIED BY 'right' FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME 1; CREATE USER bare"
            };
            server.sql("", users).expect("users");
            let way = |user: &str| Way {
                login: Arc::new(Login {
                    user: user.to_owned(),
                    password: Some(Secret::new("right")),
                    database: "information_schema".to_owned(),
                }),
                place: Place::Socket(server.directory().join("s.sock")),
                encryption: None,
                limit: None,
            };
            let mut all = vec![("native", false), ("bare", false)];
            all.extend(installation.is_mariadb.then_some(("ed", true)));
            for (user, is_asked) in all {
                let found = Wire::is_asked_for_ed25519(&way(user), Cancel::new()).expect("an answer");
                assert_eq!(found, is_asked, "{} {user}", server.name());
            }
            // Nobody counted that as a wrong password.
            for user in ["native", "ed"].iter().take(if installation.is_mariadb { 2 } else { 1 }) {
                Wire::connect(&way(user), Cancel::new()).expect(user);
            }
        }
    }
}
