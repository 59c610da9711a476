//! What is told of a decoy that started a conversation.

use crate::packet::{Host, Timestamp};
use crate::state::persist;

/// A decoy started a conversation that nobody asked for: it is infected, or it is used by
/// somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecoyReport {
    /// The decoy.
    pub decoy: Host,
    /// To whom it sent.
    pub destination: Host,
    /// IP protocol number.
    pub protocol: u8,
    /// Port that it sent to; `None` without ports.
    pub port: Option<u16>,
    /// When.
    pub time: Timestamp,
    /// Number of the packet.
    pub packet: u64,
    /// The first 256 bytes of what that packet carries: of TCP mostly nothing, since a SYN
    /// comes first.
    pub payload: Vec<u8>,
    /// Whether it is the first that this decoy is known to have started.
    pub is_first: bool,
    /// The latest contents that it had received, the newest first, at most eight.
    pub suspects: Vec<Suspect>,
}

/// A content that a decoy received in a conversation that it had not begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspect {
    /// The first 256 bytes of a packet's payload.
    pub content: Vec<u8>,
    /// Who sent it, the last time.
    pub sender: Host,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the decoy; `None` without ports.
    pub port: Option<u16>,
    /// When it came last.
    pub time: Timestamp,
    /// Number of that packet.
    pub packet: u64,
}

persist!(Suspect { content, sender, protocol, port, time, packet });
