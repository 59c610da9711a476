//! The truth about decoys: which hosts they are, what they may start, and which of them
//! started what it may not.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Hosts that should never start a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecoysTruth {
    /// The decoys, in order.
    pub addresses: Vec<IpAddr>,
    /// What they may start all the same: protocol, port and address, as in
    /// `udp/53 10.0.0.1`.
    pub may: Vec<String>,
    /// The first conversation that one of them started and may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiation: Option<InitiationTruth>,
}

/// A conversation that a decoy started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitiationTruth {
    /// The decoy.
    pub host: IpAddr,
    /// Whom it sent to.
    pub to: IpAddr,
    /// The first packet of the conversation.
    pub packet: u64,
    /// Its time, RFC 3339.
    pub time: String,
    /// The same in nanoseconds since the epoch.
    pub time_ns: u64,
}

impl DecoysTruth {
    /// Adds what another part of the scenario knows of the same decoys.
    pub(crate) fn add(&mut self, part: Self) {
        self.addresses = part.addresses;
        self.may = part.may;
        self.initiation = self.initiation.take().or(part.initiation);
    }
}
