//! The settings by which content shards decide, the same for all of them.

use super::classes::PortKeys;
use crate::config::{Config, PortRule};
use crate::detect::alarms::Thresholds;
use crate::packet::{Handshake, HomeNet, Host, protocol};
use crate::pipeline::decoys::{DecoyRules, Sent, Start};
use crate::pipeline::seeds::Seeds;
use crate::pipeline::sizing::CONTENT_SHARDS;
use crate::signature::Seen;
use std::sync::Arc;

/// What gives the keys of contents at one port, under the port rule `roles`.
pub(crate) fn port_keys(config: &Config, seeds: &Seeds) -> Option<PortKeys> {
    let seed = || seeds.narrow("port key");
    (config.port_rule == PortRule::Roles).then(|| PortKeys::new(seed(), CONTENT_SHARDS))
}

/// Thresholds and rules.
pub(crate) struct Rules {
    pub(super) prevalence: u32,
    pub(super) thresholds: Thresholds,
    pub(super) port_rule: PortRule,
    /// Under the port rule `roles`.
    pub(super) port_keys: Option<PortKeys>,
    /// Hosts and ports that pass things on by trade, in order.
    exempt: Vec<(Host, u16)>,
    home: HomeNet,
    decoys: Arc<DecoyRules>,
    /// Whether there are any.
    pub(super) has_decoys: bool,
    /// How many there are that have names.
    pub(super) taps: usize,
}

impl Rules {
    pub(crate) fn new(config: &Config, seeds: &Seeds, decoys: &Arc<DecoyRules>) -> Self {
        let mut exempt: Vec<_> = config
            .relay_exempt
            .iter()
            .flat_map(|end| {
                // As a network, and by itself where its network holds several hosts.
                [config.v6_prefix, 128]
                    .map(|prefix| (Host::of(end.address(), prefix), end.port()))
            })
            .collect();
        exempt.sort_unstable();
        Self {
            prevalence: u32::from(config.prevalence),
            thresholds: Thresholds {
                sources: config.sources,
                destinations: config.destinations,
                spread: config.spread,
                // Where the key does not hold the destination port, a reply may look like
                // a passing on.
                relays: match config.port_rule {
                    PortRule::Destination | PortRule::Roles => 1,
                    PortRule::Source | PortRule::Service | PortRule::None => 2,
                },
            },
            port_rule: config.port_rule,
            port_keys: port_keys(config, seeds),
            exempt,
            home: config.home_net.clone(),
            decoys: Arc::clone(decoys),
            has_decoys: !decoys.is_empty(),
            taps: config.taps.len(),
        }
    }

    /// Whether a sighting shows that its source is not forged, see
    /// [`Relay::proven`](crate::signature::Relay).
    pub(super) fn is_proven(&self, seen: &Seen) -> Option<bool> {
        match seen.facts.handshake {
            Handshake::Answered => Some(true),
            Handshake::Unanswered => Some(false),
            Handshake::Unknown => {
                let leaves = seen.protocol != protocol::TCP
                    && !seen.facts.untrusted
                    && self.home.holds(seen.source)
                    && !seen.destination.is_group()
                    && !self.home.holds(seen.destination);
                leaves.then_some(true)
            }
        }
    }

    /// Whether the source of a sighting may be forged where true ones are told apart: over TCP
    /// on a tap that sees both directions it is, unless it is answered; a datagram within the
    /// home network is, at its border.
    pub(super) fn is_doubtful(
        &self,
        seen: &Seen,
        (two_way, at_border): (bool, bool),
    ) -> bool {
        match seen.protocol {
            protocol::TCP => two_way && seen.facts.handshake != Handshake::Answered,
            _ => {
                at_border
                    && self.home.holds(seen.source)
                    && self.home.holds(seen.destination)
            }
        }
    }

    /// Whether a sighting was sent to a decoy.
    pub(super) fn is_to_decoy(&self, seen: &Seen) -> bool {
        self.decoys.holds(seen.destination)
    }

    /// Whether a decoy sent it in a conversation that it started and must not.
    pub(super) fn is_of_decoy(&self, seen: &Seen) -> bool {
        let Seen { source, destination, protocol, destination_port, .. } = *seen;
        let role = seen.facts.role;
        let sent = Sent { role, source, destination, protocol, destination_port };
        self.decoys.start(sent) == Start::Forbidden
    }

    pub(super) fn is_exempt(&self, seen: &Seen) -> bool {
        let source = seen.source.without_site();
        let serves = |port| self.exempt.binary_search(&(source, port)).is_ok();
        !self.exempt.is_empty()
            && (serves(seen.destination_port) || serves(seen.source_port))
    }
}
