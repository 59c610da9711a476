//! The packets that carried a content, in order.

use std::collections::{BTreeMap, BTreeSet};
use wormsift::config::Config;
use wormsift::packet::{Host, Packet, Site, Timestamp};
use wormsift::signature::Signature;

/// Hosts that are remembered; more are counted.
const MOST_HOSTS: usize = 100_000;
/// Receivers that are told apart for each sender; more are not counted.
const MOST_TARGETS: usize = 4_096;
/// IPv6 hosts are as the engine has them by default.
const V6_PREFIX: u8 = 64;

/// One host's part.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// When it first received the content, and from whom.
    pub(super) received: Option<(Timestamp, Option<Host>)>,
    /// When it first sent it.
    pub(super) sent: Option<Timestamp>,
    /// How many hosts it sent it to.
    pub(super) fan_out: u64,
}

/// What the captures, or the signature itself, say of the content's way.
pub struct Trail {
    hosts: BTreeMap<Host, Part>,
    targets: BTreeMap<Host, BTreeSet<Host>>,
    left_out: BTreeSet<Host>,
    /// The packets that the signature names, and their payloads once seen.
    samples: BTreeMap<u64, Option<Vec<u8>>>,
    packets: u64,
    followed: bool,
    /// The site of each tap.
    sites: Vec<Option<Site>>,
}

impl Trail {
    /// What the signature remembers by itself.
    pub fn of(signature: &Signature) -> Self {
        let mut hosts: BTreeMap<Host, Part> = BTreeMap::new();
        for relay in &signature.relays {
            let received = relay.received_at.map(|time| {
                let from = signature.samples.iter().find(|sample| {
                    sample.destination == relay.host && sample.time <= time
                });
                (time, from.map(|sample| sample.source))
            });
            hosts.insert(
                relay.host,
                Part {
                    received,
                    sent: Some(relay.sent_at),
                    fan_out: relay.fan_out.into(),
                },
            );
        }
        Self {
            hosts,
            targets: BTreeMap::new(),
            left_out: BTreeSet::new(),
            samples: signature.samples.iter().map(|s| (s.packet, None)).collect(),
            packets: 0,
            followed: false,
            sites: Vec::new(),
        }
    }

    /// Tells the hosts of the taps' sites apart.
    pub fn know_sites(&mut self, config: &Config) {
        self.sites = config.taps.iter().map(|tap| tap.site()).collect();
    }

    /// Takes the next packet of the captures, and whether it holds the content.
    pub fn packet(&mut self, packet: &Packet<'_>, holds: bool) {
        if !self.followed {
            self.followed = true;
            self.hosts.clear();
        }
        if let Some(sample) = self.samples.get_mut(&packet.number) {
            *sample = Some(packet.payload.to_vec());
        }
        if !holds {
            return;
        }
        self.packets += 1;
        let site = self.sites.get(usize::from(packet.tap)).copied().flatten();
        let source = Host::of(packet.source, V6_PREFIX).at(site);
        let destination = Host::of(packet.destination, V6_PREFIX).at(site);
        let time = packet.time;
        let Some(sender) = self.part(source) else { return };
        sender.sent.get_or_insert(time);
        let targets = self.targets.entry(source).or_default();
        let is_new = targets.len() < MOST_TARGETS && targets.insert(destination);
        if let Some(sender) = self.part(source) {
            sender.fan_out += u64::from(is_new);
        }
        if let Some(receiver) = self.part(destination) {
            receiver.received.get_or_insert((time, Some(source)));
        }
    }

    fn part(&mut self, host: Host) -> Option<&mut Part> {
        if self.hosts.len() >= MOST_HOSTS && !self.hosts.contains_key(&host) {
            self.left_out.insert(host);
            return None;
        }
        Some(self.hosts.entry(host).or_default())
    }

    /// Whether captures were looked through.
    pub fn was_followed(&self) -> bool {
        self.followed
    }

    /// Packets that hold the content.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Hosts for which there was no room.
    pub fn left_out(&self) -> u64 {
        self.left_out.len() as u64
    }

    /// The payload of a packet that the signature names.
    pub(super) fn payload(&self, packet: u64) -> Option<&[u8]> {
        self.samples.get(&packet)?.as_deref()
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = (Host, &Part)> {
        self.hosts.iter().map(|(host, part)| (*host, part))
    }

    /// When each host began to send it, in order.
    pub fn growth(&self) -> Vec<Timestamp> {
        let mut times: Vec<Timestamp> =
            self.hosts.values().filter_map(|part| part.sent).collect();
        times.sort_unstable();
        times
    }
}
