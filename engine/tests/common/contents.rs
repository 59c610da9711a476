//! The contents of each packet, from its bytes alone: what a sensor that samples by value
//! should have seen, once a packet.
//!
//! Streams are kept whole at their ends, in a map without bounds; segments must come in
//! order. The secrets are derived as `engine/DESIGN.md` has them.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use wormsift::config::Config;
use wormsift::fingerprint::{Fingerprinter, Kernel, Scratch, Short};
use wormsift::packet::{Packet, protocol, tcp_flags};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// From whom to whom: address and port.
type Direction = [(IpAddr, u16); 2];

/// Where a direction goes on, and its last bytes, less than a window of them.
type End = (u32, Vec<u8>);

pub(crate) struct Contents {
    config: Config,
    fingerprinter: Fingerprinter,
    scratch: Scratch,
    salt: u64,
    ends: HashMap<Direction, End>,
    /// Segments that do not go on where the one before ended.
    pub(crate) out_of_order: u64,
}

/// A secret of a sensor with this key.
fn secret(key: u128, label: &str) -> u128 {
    let text = [&key.to_le_bytes()[..], label.as_bytes()].concat();
    xxh3_128_with_seed(&text, (key >> 64) as u64)
}

/// The finaliser of MurmurHash3.
fn mix(mut x: u64) -> u64 {
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        x = (x ^ x >> 33).wrapping_mul(factor);
    }
    x ^ x >> 33
}

impl Contents {
    /// For sensors with these settings and this key.
    pub(crate) fn new(config: &Config, key: u128) -> Self {
        let secret = |label| secret(key, label);
        Self {
            fingerprinter: Fingerprinter::new(
                secret("fingerprint"),
                config.beta,
                config.sampling,
                Kernel::Scalar,
            ),
            config: config.clone(),
            scratch: Scratch::default(),
            salt: secret("content key") as u64,
            ends: HashMap::new(),
            out_of_order: 0,
        }
    }

    /// The content keys of a packet.
    pub(crate) fn of(&mut self, packet: &Packet<'_>) -> BTreeSet<u64> {
        let mut prints = Vec::new();
        let tcp = packet.protocol == protocol::TCP;
        let bytes = if tcp { self.joined(packet) } else { packet.payload.to_vec() };
        if bytes.len() >= self.config.beta {
            let scratch = &mut self.scratch;
            self.fingerprinter.for_each(scratch, &bytes, |_, print| prints.push(print.0));
        } else if !tcp
            && bytes.len() >= 16
            && let Short::Kept(print) = self.fingerprinter.short(&bytes)
        {
            prints.push(print.0);
        }
        let port =
            self.config.port_rule.port(packet.source_port, packet.destination_port);
        let place = u64::from(packet.protocol) << 16 | u64::from(port.unwrap_or(0));
        let salt = mix(self.salt ^ place);
        prints.into_iter().map(|print| mix(print ^ salt)).collect()
    }

    /// The payload after the last bytes of its direction, where it goes on from there.
    fn joined(&mut self, packet: &Packet<'_>) -> Vec<u8> {
        let direction = [
            (packet.source, packet.source_port),
            (packet.destination, packet.destination_port),
        ];
        let syn = packet.tcp_flags & tcp_flags::SYN != 0;
        if packet.payload.is_empty() && !syn {
            return Vec::new();
        }
        let start = packet.sequence.wrapping_add(u32::from(syn));
        let (next, mut bytes) =
            self.ends.remove(&direction).unwrap_or((start, Vec::new()));
        if syn || next != start {
            self.out_of_order += u64::from(!syn);
            bytes.clear();
        }
        bytes.extend(packet.payload);
        let kept = bytes.len().saturating_sub(self.config.beta - 1);
        let next = start.wrapping_add(packet.payload.len() as u32);
        self.ends.insert(direction, (next, bytes[kept..].to_vec()));
        bytes
    }
}
