//! What a content's relays tell: generations, new targets, change of behaviour.
//!
//! A worm's recipients become relays, which attack hosts that they had not talked to, and had
//! not begun conversations at that port before. A service that forwards keeps to the hosts
//! that it knows, and has begun such conversations all along. What is not known of a relay
//! counts neither way, and is counted apart.

use crate::detect::propagation::Relay;
use crate::packet::Host;
use std::collections::BTreeMap;

/// What the relays of a content did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassingOn {
    /// Length of the longest chain of relays, each of which received the content from the one
    /// before.
    pub generations: u32,
    /// Relays of which it is not known who sent them the content.
    pub sender_unknown: u32,
    /// Targets that relays began to talk to after they had received it; of each relay up to
    /// 255.
    pub new_targets: u32,
    /// Targets that they had talked to before.
    pub known_targets: u32,
    /// Targets of which that is not known.
    pub target_unknown: u32,
    /// Relays that began their first conversation at this port after they had received it.
    pub turned: u32,
    /// Relays that had begun one before.
    pub began_before: u32,
    /// Relays of which that is not known.
    pub began_unknown: u32,
    /// Conversations that relays began at this port, and those of them that were not answered
    /// by then: a scan meets hosts that do not answer.
    pub begun: u32,
    /// See `begun`.
    pub unanswered: u32,
    /// Relays of which that is not known.
    pub begun_unknown: u32,
    /// Relays of which it is shown that their addresses were not forged.
    pub proven: u32,
    /// Relays that are decoys.
    pub decoys: u32,
}

impl PassingOn {
    /// Of the relays of a content.
    pub fn of(relays: &[Relay]) -> Self {
        let generations = generations(relays);
        let mut sum = Self {
            generations: generations.values().copied().max().unwrap_or(0),
            ..Self::default()
        };
        for relay in relays {
            let [new, known] = [relay.new_targets, relay.known_targets].map(u32::from);
            sum.sender_unknown += u32::from(relay.received_from.is_none());
            sum.new_targets += new;
            sum.known_targets += known;
            sum.target_unknown += relay.fan_out.saturating_sub(new + known);
            sum.turned += u32::from(relay.began_before == Some(false));
            sum.began_before += u32::from(relay.began_before == Some(true));
            sum.began_unknown += u32::from(relay.began_before.is_none());
            sum.begun += u32::from(relay.begun);
            sum.unanswered += u32::from(relay.unanswered);
            sum.begun_unknown += u32::from(relay.begun == 0);
            sum.proven += u32::from(relay.proven == Some(true));
            sum.decoys += u32::from(relay.is_decoy);
        }
        sum
    }
}

/// The place of each relay in its chain: 1 where it received the content from a host that is
/// no relay, or it is not known from whom.
pub(super) fn generations(relays: &[Relay]) -> BTreeMap<Host, u32> {
    let mut generations = BTreeMap::new();
    // Who sends to a relay received the content before that does, so senders come first.
    let mut in_order: Vec<&Relay> = relays.iter().collect();
    in_order.sort_by_key(|relay| (relay.received_at, relay.sent_at, relay.host));
    for relay in in_order {
        let sender = relay.received_from.and_then(|from| generations.get(&from));
        let generation = 1 + sender.copied().unwrap_or(0);
        generations.insert(relay.host, generation);
    }
    generations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Timestamp;
    use proptest::prelude::*;

    fn relay(host: u128, from: Option<u128>, time: u64) -> Relay {
        Relay {
            host: Host(host),
            received_at: Some(Timestamp::from_nanos(time)),
            received_from: from.map(Host),
            sent_at: Timestamp::from_nanos(time + 5),
            fan_out: 4,
            new_targets: 2,
            known_targets: 1,
            began_before: None,
            begun: 9,
            unanswered: 4,
            proven: Some(host == 1),
            is_decoy: host == 3,
        }
    }

    #[test]
    fn chains_are_followed_and_the_unknown_is_counted_apart() {
        let mut relays =
            [relay(3, Some(2), 30), relay(1, Some(9), 10), relay(2, Some(1), 20)];
        let passing = PassingOn::of(&relays);
        assert_eq!((passing.generations, passing.sender_unknown), (3, 0));
        assert_eq!((passing.new_targets, passing.known_targets), (6, 3));
        assert_eq!(passing.target_unknown, 3);
        assert_eq!((passing.begun, passing.unanswered), (27, 12));
        assert_eq!((passing.begun_unknown, passing.proven), (0, 1));
        assert_eq!(passing.decoys, 1);
        relays[1].begun = 0;
        assert_eq!(PassingOn::of(&relays).begun_unknown, 1);
        relays[2].received_from = None;
        relays[0].began_before = Some(false);
        relays[1].began_before = Some(true);
        let passing = PassingOn::of(&relays);
        assert_eq!((passing.generations, passing.sender_unknown), (2, 1));
        let began = (passing.turned, passing.began_before, passing.began_unknown);
        assert_eq!(began, (1, 1, 1));
        assert_eq!(PassingOn::of(&[]), PassingOn::default());
    }

    proptest! {
        /// Against a walk up from each relay.
        #[test]
        fn the_longest_chain_is_that_of_a_walk(
            senders in prop::collection::vec(prop::option::of(0usize..20), 1..20),
        ) {
            // Everyone received it from an earlier one, or from none of these.
            let relays: Vec<Relay> = senders.iter().enumerate().map(|(n, sender)| {
                let from = sender.map(|s| if s < n { s as u128 } else { 99 });
                relay(n as u128, from, n as u64)
            }).collect();
            let walk = |mut at: usize| {
                let mut steps = 1;
                while let Some(from) = senders[at].filter(|from| *from < at) {
                    at = from;
                    steps += 1;
                }
                steps
            };
            let longest = (0..senders.len()).map(walk).max().unwrap_or(0);
            prop_assert_eq!(PassingOn::of(&relays).generations, longest);
        }
    }
}
