//! Headers of packets that belong to no session of the tap's.

use std::net::IpAddr;

use crate::frame_builder::Transport;
use crate::link::Endpoint;

/// A TCP header of these flags, with a sequence number and an acknowledgement.
pub(super) fn segment(
    (from, to): (&Endpoint, &Endpoint),
    flags: u8,
    (sequence, acknowledgement): (u32, u32),
) -> Transport {
    Transport::Tcp {
        source_port: from.port,
        destination_port: to.port,
        sequence,
        acknowledgement,
        flags,
        window: 64_240,
        maximum_segment: None,
    }
}

/// An IPv4 address as a number; 0 for others, which this scenario has none of.
pub(super) fn number(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(_) => 0,
    }
}
