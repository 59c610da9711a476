//! Roles and service ports of a content's sightings.
//!
//! Counted for each candidate: how many sightings were sent by initiators, by responders,
//! and by hosts whose role is not known, and at which service ports. Six ports are listed,
//! the first ones that were seen; sightings at others are counted together.

use super::conversations::Role;
use crate::state::persist;

/// Whether servers at this port forward what they receive, to hosts that are new to them as
/// well: SMTP, DNS, NNTP, syslog, SIP. That a host passes something on is no evidence there.
pub fn is_forwarding(port: u16) -> bool {
    matches!(port, 25 | 53 | 119 | 465 | 514 | 587 | 5_060 | 5_061)
}

/// Ports that are listed.
const LISTED: usize = 6;

/// Sightings of a content by the role of their sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// Sent by who began the conversation.
    pub initiator: u32,
    /// Sent by the other end.
    pub responder: u32,
    /// Sent in a conversation whose beginning was not seen, or that has none.
    pub unknown: u32,
}

impl Roles {
    /// Counts a sighting.
    pub(crate) fn count(&mut self, role: Role) {
        let number = match role {
            Role::Initiator => &mut self.initiator,
            Role::Responder => &mut self.responder,
            Role::Unknown => &mut self.unknown,
        };
        *number = number.saturating_add(1);
    }
}

/// Sightings of a content by service port: the destination port of what an initiator
/// sends, the source port of what a responder does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounts {
    ports: [u16; LISTED],
    /// Zero for a place that is not taken.
    counts: [u32; LISTED],
    others: u32,
}

impl PortCounts {
    /// Counts a sighting.
    pub(crate) fn count(&mut self, port: u16) {
        for (listed, count) in self.ports.iter_mut().zip(&mut self.counts) {
            if *count == 0 {
                *listed = port;
            }
            if *listed == port {
                *count = count.saturating_add(1);
                return;
            }
        }
        self.others = self.others.saturating_add(1);
    }

    /// Ports with their sightings, in the order in which they were first seen.
    pub fn list(&self) -> impl Iterator<Item = (u16, u32)> {
        let taken = |(_, count): &(u16, u32)| *count > 0;
        self.ports.into_iter().zip(self.counts).filter(taken)
    }

    /// The listed port with most sightings, of several the highest.
    pub(crate) fn busiest(&self) -> Option<u16> {
        self.list().max_by_key(|(port, count)| (*count, *port)).map(|(port, _)| port)
    }

    /// Sightings at ports that are not listed.
    pub fn others(&self) -> u32 {
        self.others
    }

    /// From what was stored; more ports than are listed count as others.
    pub fn of(list: &[(u16, u32)], others: u32) -> Self {
        let mut counts = Self { others, ..Self::default() };
        for (i, (port, count)) in list.iter().enumerate() {
            match i < LISTED {
                true => (counts.ports[i], counts.counts[i]) = (*port, *count),
                false => counts.others = counts.others.saturating_add(*count),
            }
        }
        counts
    }
}

persist!(Roles { initiator, responder, unknown });
persist!(PortCounts { ports, counts, others });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ports_are_listed_and_all_sightings_counted() {
        let mut ports = PortCounts::default();
        for port in [80, 0, 80, 1, 2, 3, 4, 5, 6, 0, 5] {
            ports.count(port);
        }
        let list: Vec<_> = ports.list().collect();
        assert_eq!(list, [(80, 2), (0, 2), (1, 1), (2, 1), (3, 1), (4, 1)]);
        assert_eq!(ports.others(), 3);
        assert_eq!(ports.busiest(), Some(80));
        assert_eq!(PortCounts::default().busiest(), None);
        assert_eq!(PortCounts::of(&list, 3), ports);
    }

    #[test]
    fn roles_are_counted_apart() {
        let mut roles = Roles::default();
        for role in [Role::Unknown, Role::Initiator, Role::Responder, Role::Initiator] {
            roles.count(role);
        }
        assert_eq!(roles, Roles { initiator: 2, responder: 1, unknown: 1 });
    }
}
