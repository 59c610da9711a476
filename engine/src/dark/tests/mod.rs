mod classes;
mod contents;
mod twin;

use super::{Arrival, DarkClass, DarkEvent};
use crate::packet::{Host, NetworkSet, Packet, Timestamp};
use std::net::IpAddr;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn seconds(seconds: f64) -> Timestamp {
    Timestamp::from_nanos((seconds * 1e9) as u64)
}

/// A packet without ports, flags or payload.
fn packet(source: &str, destination: &str, protocol: u8) -> Packet<'static> {
    Packet {
        number: 1,
        time: Timestamp::default(),
        source: address(source),
        destination: address(destination),
        protocol,
        source_port: 0,
        destination_port: 0,
        sequence: 0,
        acknowledgement: 0,
        tcp_flags: 0,
        encapsulation: 0,
        to_group: false,
        untrusted_tunnel: false,
        identification: None,
        tap: 0,
        payload: &[],
    }
}
