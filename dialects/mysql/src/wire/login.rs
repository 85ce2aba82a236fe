//! Logging in: the greeting, who we are, and the proof of the password.
//!
//! Protocol: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html>,
//! <https://mariadb.com/docs/server/reference/clientserver-protocol/1-connecting/connection>.

use super::{Wire, broken, refused};
use crate::connect::Login;
use dbferry_dialect::{Result, Secret};
use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::{AuthPlugin, HandshakeResponse};
use mysql_common::proto::MySerialize;

/// What errors of a login begin with.
pub(super) const DOING: &str = "cannot log in";
/// The largest packet that is taken, in bytes; no server sends larger ones.
const LARGEST_PACKET: u32 = 1 << 30;

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
    pub(super) fn log_in(&mut self, login: &Login) -> Result<()> {
        let packet = self.packet(DOING)?;
        refused(DOING, packet)?;
        let greeting = Greeting::parse(packet).ok_or_else(|| broken(DOING, "the server's greeting makes no sense"))?;
        self.id = greeting.id;
        let plugin = AuthPlugin::from_bytes(&greeting.plugin);
        let password = login.password.as_ref().map(Secret::expose);
        let proof = plugin.gen_data(password, &greeting.nonce).map(|data| data.to_vec());
        // No CLIENT_LOCAL_FILES: what reads never sends files.
        let capabilities = greeting.capabilities
            & (CapabilityFlags::CLIENT_PROTOCOL_41
                | CapabilityFlags::CLIENT_SECURE_CONNECTION
                | CapabilityFlags::CLIENT_LONG_PASSWORD
                | CapabilityFlags::CLIENT_LONG_FLAG
                | CapabilityFlags::CLIENT_TRANSACTIONS
                | CapabilityFlags::CLIENT_PLUGIN_AUTH
                | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
                | CapabilityFlags::CLIENT_DEPRECATE_EOF);
        self.deprecate_eof = capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF);
        let response = HandshakeResponse::new(
            Some(proof.unwrap_or_default()),
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
        self.send(DOING, &bytes)?;
        loop {
            let answer = self.packet(DOING)?.to_vec();
            refused(DOING, &answer)?;
            match answer.as_slice() {
                [0x00, ..] => return Ok(()),
                // The password is known to the server already.
                [0x01, 0x03] => {}
                // The server wants the password itself.
                [0x01, 0x04] if self.stream.is_private() => {
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
}
