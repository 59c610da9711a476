//! Under which keys a sighting counts: at its port, and over all ports.
//!
//! Under the port rule `roles` the content key has no port, and past prevalence a sighting
//! counts in up to two classes.
//!
//! - *At its destination port*, unless a responder sent it or the port is not known (of a
//!   piece of a datagram without its first bytes): the paper's case, with its thresholds.
//! - *Over all ports*. Content is passed on where the conversation began after its sender
//!   had received it: what is exchanged within conversations goes from many to many by
//!   nature. Replies count for no dispersion. What initiators send counts towards higher thresholds, see
//!   [`OverAllPorts`](crate::detect::alarms::OverAllPorts).
//!
//! A content that was seen at its port three times is counted there alone, until a reply or
//! another port shows it as well. What is sent to a decoy counts in both, since it may go on
//! at any port.
//!
//! A sender whose role is not known counts as an initiator, and so does the first one of a
//! conversation of datagrams, unless its port is that of a service and the other is not: in
//! a capture that begins in the middle, or sees one direction, that is a reply; so is what
//! a flood has reflected.
//!
//! Under the other rules the port is part of the key, or there is none: one class.

use super::ContentShard;
use crate::detect::conversations::Role;
use crate::detect::ports::is_forwarding;
use crate::detect::propagation::{Passed, Passing, Sending};
use crate::packet::protocol;
use crate::pipeline::seeds::mix;
use crate::signature::{Candidates, Missing, Seen, Slot};

/// Below it, ports are those of services (RFC 6335, section 6).
const WELL_KNOWN: u16 = 1_024;
/// Above it, UDP ports of services that are used to reflect floods (CISA alert TA14-017A;
/// 3283 Apple Remote Desktop, 5683 CoAP, 27015 Steam).
const REFLECTORS: [u16; 8] = [1_900, 3_283, 3_702, 5_093, 5_353, 5_683, 11_211, 27_015];

/// Packets from which on a content is known at a port.
const KNOWN: u64 = 2;

/// Gives the keys of contents at one port.
#[derive(Clone, Copy)]
pub(crate) struct PortKeys {
    seed: u64,
    /// The bits of a key that do not decide its shard.
    below_shard: u64,
}

impl PortKeys {
    pub(crate) fn new(seed: u64, shards: usize) -> Self {
        // With a bit above those of ports, so that no port's number is zero.
        let seed = seed | 1 << 63;
        Self { seed, below_shard: u64::MAX >> shards.trailing_zeros() }
    }

    /// The key of a content at a port. The same again gives the content key back.
    #[inline]
    pub(crate) fn at(self, key: u64, port: u16) -> u64 {
        key ^ mix(self.seed ^ u64::from(port)) & self.below_shard
    }
}

/// A class that a sighting counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// Key of the content in this class.
    pub(super) key: u64,
    /// Its port; `None` over all ports.
    pub(super) port: Option<u16>,
    /// Whether it is that over all ports, beside one at a port.
    pub(super) is_over_all: bool,
    /// Whether the sighting is a reply, which counts for no dispersion.
    pub(super) is_reply: bool,
}

/// What a sighting showed in one class.
#[derive(Clone, Copy)]
pub(super) struct Entered {
    pub(super) class: Class,
    pub(super) estimates: (u32, u32),
    /// How it passed the content on, if it did.
    pub(super) passed: Option<Passed>,
    /// The class's candidate, if it has one.
    pub(super) slot: Option<Slot>,
}

impl ContentShard {
    /// The classes of a sighting: at its port first.
    fn classes(&self, seen: &Seen) -> [Option<Class>; 2] {
        let content = seen.content;
        let Some(port_keys) = self.rules.port_keys else {
            let rule = self.rules.port_rule;
            let port = rule.port(seen.source_port, seen.destination_port);
            let class = Class { key: content, port, is_over_all: false, is_reply: false };
            return [Some(class), None];
        };
        let port = seen.destination_port;
        let known = seen.facts.role != Role::Responder && !are_ports_unknown(seen);
        let at_port = known.then(|| Class {
            key: port_keys.at(content, port),
            port: Some(port),
            is_over_all: false,
            is_reply: false,
        });
        let over_all = Class {
            key: content,
            port: None,
            is_over_all: true,
            is_reply: is_reply(seen),
        };
        [at_port, Some(over_all)]
    }

    /// Enters a sighting in its classes. One that is `recalled` came earlier, and nothing
    /// is left of its packet.
    pub(super) fn enter(&mut self, seen: &Seen, recalled: bool) -> [Option<Entered>; 2] {
        let classes = self.classes(seen);
        let mut entered: [Option<Entered>; 2] = [None; 2];
        for (i, class) in (0..).zip(classes) {
            let Some(class) = class else { continue };
            entered[i] = self.enter_class(class, seen, recalled, entered[0]);
        }
        entered
    }

    fn enter_class(
        &mut self,
        class: Class,
        seen: &Seen,
        recalled: bool,
        at_port: Option<Entered>,
    ) -> Option<Entered> {
        let Seen { time, source, destination, .. } = *seen;
        let key = class.key;
        let is_to_decoy = self.rules.has_decoys && self.rules.is_to_decoy(seen);
        let is_of_decoy = self.rules.has_decoys && self.rules.is_of_decoy(seen);
        if class.is_over_all
            && !class.is_reply
            && !is_to_decoy
            && self.is_known_at(at_port, key)
        {
            return None;
        }
        let passing = match class.is_over_all {
            _ if self.rules.is_exempt(seen) => Passing::Never,
            // A decoy begins none by itself.
            true if is_of_decoy => Passing::Always,
            true => Passing::BegunAfterReceipt(seen.begun()),
            false if seen.is_new_request() && !is_forwarding(seen.destination_port) => {
                Passing::Newly(seen.begun())
            }
            false => Passing::Always,
        };
        let sending = Sending {
            passing,
            met: seen.met(),
            proven: self.rules.is_proven(seen),
            is_doubtful: self.rules.is_doubtful(seen, self.tap),
            is_of_decoy,
        };
        let hosts = (source, destination);
        let passed = self.propagation.observe_if(key, time, hosts, sending);
        let estimates = match class.is_reply {
            true => self.dispersion.estimate(key),
            false => self.dispersion.observe(key, time, source, destination),
        };
        let is_worth = || {
            is_to_decoy
                || self.says_more(class, estimates, passed, at_port)
                || class.is_reply && self.is_requested(seen)
        };
        if class.is_over_all && !is_worth() {
            return None;
        }
        let observe = if recalled { Candidates::recall } else { Candidates::observe };
        // A second candidate begins when there is more to say, and knows nothing of what came
        // before.
        let begins = class.is_over_all && self.candidates.find(key).is_none();
        let missing = Missing { any: seen.missing.any || begins, ..seen.missing };
        let seen = &Seen { missing, ..*seen };
        let (candidates, requests) = (&mut self.candidates, &mut self.requests_of_one);
        let spread = passed.map_or(0, |passed| passed.spread);
        let slot = observe(candidates, key, seen, estimates, spread, requests);
        Some(Entered { class, estimates, passed, slot })
    }

    /// Whether a content shows more over all ports than at one, or did before: else it
    /// needs no second candidate.
    fn says_more(
        &self,
        class: Class,
        estimates: (u32, u32),
        passed: Option<Passed>,
        at_port: Option<Entered>,
    ) -> bool {
        let ports_differ = at_port.is_some_and(|it| {
            estimates.0 > it.estimates.0 || estimates.1 > it.estimates.1
        });
        let at_port = at_port.map(|it| it.class.key);
        let spread_at_port = || at_port.map_or(0, |key| self.propagation.spread(key));
        ports_differ && !class.is_reply
            || passed.is_some_and(|passed| passed.spread > spread_at_port())
            || self.candidates.find(class.key).is_some()
    }

    /// Whether a content is well known at one port, and not over all: most are at one port
    /// for ever, and need not be counted twice. A reply with it, or what another port shows,
    /// changes that.
    fn is_known_at(&self, at_port: Option<Entered>, over_all: u64) -> bool {
        let candidate = at_port.and_then(|it| self.candidates.get(it.slot?));
        candidate.is_some_and(|it| it.packets > KNOWN)
            && self.candidates.find(over_all).is_none()
    }

    /// Whether what a reply shows is also sent in requests to its service.
    fn is_requested(&self, seen: &Seen) -> bool {
        self.rules.port_keys.is_some_and(|port_keys| {
            let key = port_keys.at(seen.content, seen.source_port);
            self.candidates.find(key).is_some()
        })
    }
}

/// Whether it is of a piece of a datagram whose headers are not known.
fn are_ports_unknown(seen: &Seen) -> bool {
    (seen.source_port, seen.destination_port) == (0, 0)
        && matches!(seen.protocol, protocol::TCP | protocol::UDP)
}

/// Whether a sighting is a reply, or looks like one where its role is not known.
fn is_reply(seen: &Seen) -> bool {
    let is_udp = seen.protocol == protocol::UDP;
    let [from, to] = [seen.source_port, seen.destination_port].map(|port| {
        (1..WELL_KNOWN).contains(&port) || is_udp && REFLECTORS.contains(&port)
    });
    // Servers of one kind ask each other from port to port.
    let differ = seen.source_port != seen.destination_port;
    let from_service = from && differ && (is_udp || !to);
    match seen.facts.role {
        Role::Responder => true,
        Role::Unknown => from_service,
        // Of datagrams the first one that was seen makes the initiator.
        Role::Initiator => seen.protocol != protocol::TCP && from_service,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::batch::content_shard;
    use crate::pipeline::sizing::CONTENT_SHARDS;
    use std::collections::HashSet;

    #[test]
    fn keys_at_ports_differ_stay_in_their_shard_and_lead_back() {
        let keys = PortKeys::new(7, CONTENT_SHARDS);
        for content in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
            let mut all = HashSet::from([content]);
            for port in 0..=u16::MAX {
                let key = keys.at(content, port);
                assert_eq!(content_shard(key), content_shard(content));
                assert_eq!(keys.at(key, port), content);
                all.insert(key);
            }
            assert_eq!(all.len(), 65_537);
        }
    }
}
