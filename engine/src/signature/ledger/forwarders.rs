//! Hosts that pass on whatever comes.
//!
//! Mail servers, resolvers and proxies receive a content at the very port at which they
//! then send it, as a worm's victims do, but one content after the other. So what counts
//! is on how many occasions a host began to pass on something new at a port: all strings
//! of one worm are passed on at about one time, and count once.

use super::Service;
use crate::packet::Host;
use crate::signature::Relay;
use crate::state::persist;
use crate::time::{Span, Timestamp};
use std::collections::BTreeMap;

/// Sendings that begin closer together than this may be of one worm in several strings.
const APART: Span = Span::from_secs(600);
/// From so many other occasions on, a host is a server that forwards.
const MANY: usize = 8;
/// Occasions remembered: those of the content in question may be one of them.
const MOST: usize = MANY + 1;

/// The occasions of hosts that pass things on. Where there is no room, the host longest
/// without a new one goes.
#[derive(Debug)]
pub(super) struct Forwarders {
    hosts: BTreeMap<(Host, Service), Occasions>,
    entered: u64,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Occasions {
    /// When it began to send, oldest first.
    times: Vec<Timestamp>,
    /// Rises with every new occasion of any host.
    last: u64,
}

/// What a host takes, near enough: trees and vectors at their usual fill.
const BYTES: usize = (size_of::<((Host, Service), Occasions)>()
    + MOST.next_power_of_two() * size_of::<Timestamp>())
    * 3
    / 2;

impl Forwarders {
    /// At most `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self { hosts: BTreeMap::new(), entered: 0, capacity: bytes / BYTES }
    }

    /// Bytes that it may come to take.
    pub(super) fn budget(&self) -> usize {
        self.capacity * BYTES
    }

    /// Bytes that it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.hosts.len() * BYTES
    }

    /// Notes that these hosts passed on something new.
    pub(super) fn note(&mut self, service: Service, relays: &[Relay]) {
        for relay in relays {
            let occasions = self.hosts.entry((relay.host, service)).or_default();
            if occasions.times.iter().any(|time| time.apart(relay.sent_at) < APART) {
                continue;
            }
            if occasions.times.len() == MOST {
                occasions.times.remove(0);
            }
            occasions.times.push(relay.sent_at);
            self.entered += 1;
            occasions.last = self.entered;
            if self.hosts.len() > self.capacity {
                let oldest = self.hosts.iter().min_by_key(|(_, it)| it.last);
                if let Some(key) = oldest.map(|(key, _)| *key) {
                    self.hosts.remove(&key);
                }
            }
        }
    }

    /// Whether there are relays, and each passed something else on, on many occasions.
    pub(super) fn are_all(&self, service: Service, relays: &[Relay]) -> bool {
        let forwards = |relay: &Relay| {
            self.hosts.get(&(relay.host, service)).is_some_and(|occasions| {
                let others = occasions
                    .times
                    .iter()
                    .filter(|time| time.apart(relay.sent_at) >= APART);
                others.count() >= MANY
            })
        };
        !relays.is_empty() && relays.iter().all(forwards)
    }
}

persist!(Occasions { times, last });
persist!(Forwarders { hosts, entered; capacity });

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: Service = (6, Some(25));

    fn relay(host: u128, minutes: u64) -> Relay {
        Relay {
            host: Host(host),
            received_at: None,
            sent_at: Timestamp::from_nanos(minutes * 60_000_000_000),
            fan_out: 2,
            ..Relay::default()
        }
    }

    #[test]
    fn a_host_that_passes_on_one_thing_after_the_other_forwards() {
        let mut known = Forwarders::new(1 << 16);
        for n in 0..8 {
            assert!(!known.are_all(MAIL, &[relay(1, 1_000)]), "{n}");
            known.note(MAIL, &[relay(1, 20 * n)]);
        }
        assert!(known.are_all(MAIL, &[relay(1, 1_000)]));
        // Its own occasion is no other.
        assert!(!known.are_all(MAIL, &[relay(1, 144)]));
        // Nor does it speak for other hosts and ports, or for none.
        assert!(!known.are_all(MAIL, &[relay(1, 1_000), relay(2, 1_000)]));
        assert!(!known.are_all((17, Some(25)), &[relay(1, 1_000)]));
        assert!(!known.are_all(MAIL, &[]));
        known.note(MAIL, &[relay(1, 1_000)]);
        assert!(known.are_all(MAIL, &[relay(1, 1_000)]));
    }

    #[test]
    fn a_worm_of_many_strings_is_one_occasion() {
        let mut known = Forwarders::new(1 << 16);
        for n in 0..1_000 {
            known.note(MAIL, &[relay(1, 50 + n % 10), relay(2, 55)]);
            assert!(!known.are_all(MAIL, &[relay(1, 50 + n % 10), relay(2, 55)]));
        }
        assert_eq!(known.hosts[&(Host(1), MAIL)].times.len(), 1);
    }

    #[test]
    fn it_keeps_to_its_bound_and_lets_go_of_the_longest_without_news() {
        let mut known = Forwarders::new(3 * BYTES);
        for n in 0..40 {
            known.note(MAIL, &[relay(7, 20 * n), relay(100 + u128::from(n), 1)]);
            assert!(known.memory_bytes() <= known.budget());
        }
        assert!(known.are_all(MAIL, &[relay(7, 2_000)]));
        let mut none = Forwarders::new(0);
        none.note(MAIL, &[relay(1, 1)]);
        assert_eq!((none.memory_bytes(), none.budget()), (0, 0));
    }
}
