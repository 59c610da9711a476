//! Packets that the tap sees twice, before and after an address translator.
//!
//! A translator gives a packet another source address and leaves its ports, or most of
//! them, and its payload. So a content that comes again within 50 ms, to the same host and
//! between the same ports but from another source, is one packet and not two hosts. That
//! is known after the fact: hosts were counted, and the signature says so.
//!
//! Costs 56 bytes a content. Where another packet with the content comes in between three
//! times, a copy is missed.

use crate::packet::Host;
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// How much later the copy comes at most: queues of a router.
const SOON: Span = Span(50_000_000);

/// A packet with the content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Latest {
    time: Timestamp,
    /// Low bits of the hosts.
    source: u32,
    destination: u32,
    ports: (u16, u16),
}

/// Counts the packets of a content that came again from another source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    latest: [Latest; 2],
    translated: u32,
}

impl Copies {
    /// Takes the next packet with the content: its time, who sent it to whom, and ports.
    pub(crate) fn see(
        &mut self,
        time: Timestamp,
        (source, destination): (Host, Host),
        ports: (u16, u16),
    ) {
        let [source, destination] = [source, destination].map(|host| host.0 as u32);
        let this = Latest { time, source, destination, ports };
        let is_copy = |of: &Latest| {
            of.time != Timestamp::default()
                && time.since(of.time) <= SOON
                && (of.destination, of.ports) == (destination, ports)
                && of.source != source
        };
        if self.latest.iter().any(is_copy) {
            self.translated = self.translated.saturating_add(1);
        }
        self.latest = [this, self.latest[0]];
    }

    /// Packets that came again from another source.
    pub fn translated(&self) -> u32 {
        self.translated
    }
}

persist!(Latest { time, source, destination, ports });
persist!(Copies { latest, translated });

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(packets: &[(u64, u128, u128, u16)]) -> u32 {
        let mut copies = Copies::default();
        for &(milliseconds, source, destination, port) in packets {
            let time = Timestamp::from_nanos(1_000_000_000 + milliseconds * 1_000_000);
            copies.see(time, (Host(source), Host(destination)), (port, 80));
        }
        copies.translated()
    }

    #[test]
    fn a_packet_that_soon_comes_from_another_source_is_a_copy() {
        assert_eq!(translated(&[(0, 1, 9, 5), (3, 2, 9, 5)]), 1);
        assert_eq!(translated(&[(0, 1, 9, 5), (1, 3, 8, 6), (3, 2, 9, 5)]), 1);
        assert_eq!(translated(&[(0, 1, 9, 5), (51, 2, 9, 5)]), 0);
    }

    #[test]
    fn other_ports_other_targets_and_the_same_source_are_none() {
        assert_eq!(translated(&[(0, 1, 9, 5), (3, 2, 9, 6)]), 0);
        assert_eq!(translated(&[(0, 1, 9, 5), (3, 2, 8, 5)]), 0);
        assert_eq!(translated(&[(0, 1, 9, 5), (3, 1, 9, 5)]), 0);
    }
}
