//! Decoys in the packets of a batch: what they start, what they are sent, and what they may.
//!
//! Done in packet order between the stages that run in shards, so that it depends on neither
//! threads nor batches. A packet costs two look-ups of an address; without decoys nothing is
//! looked up.

use super::batch::{Chunk, Frames, Record};
use super::moments::Moment;
use super::record_at::RecordAt;
use crate::config::{Config, MayStart};
use crate::detect::conversations::Role;
use crate::detect::decoys::{DecoyCounters, Decoys, Received, Started};
use crate::packet::{Host, NetworkSet, protocol};
use crate::signature::DecoyReport;
use crate::state::persist;
use std::sync::Arc;

/// Which hosts are decoys, and what they may start.
#[derive(Debug, Default)]
pub(crate) struct DecoyRules {
    networks: NetworkSet,
    may: Vec<MayStart>,
}

/// A packet of a conversation, as far as the rules look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) role: Role,
    pub(crate) source: Host,
    pub(crate) destination: Host,
    pub(crate) protocol: u8,
    pub(crate) destination_port: u16,
}

/// Whose conversation a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// None that a decoy started.
    No,
    /// One that a decoy started and may.
    Allowed,
    /// One that a decoy started and must not.
    Forbidden,
}

impl DecoyRules {
    pub(crate) fn new(config: &Config) -> Self {
        Self { networks: NetworkSet::new(&config.decoys), may: config.decoys_may.clone() }
    }

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// Whether a host is a decoy.
    #[inline]
    pub(crate) fn holds(&self, host: Host) -> bool {
        self.networks.holds(host)
    }

    /// Whether a packet that its initiator sends is of a conversation that a decoy started.
    /// Of ICMP only requests are: an echo reply that nobody asked for starts nothing.
    pub(crate) fn start(&self, sent: Sent) -> Start {
        let Sent { role, source, destination, protocol, destination_port } = sent;
        let is_request = match protocol {
            protocol::ICMP => destination_port >> 8 == 8,
            protocol::ICMPV6 => destination_port >> 8 == 128,
            _ => true,
        };
        if role != Role::Initiator || !is_request || !self.holds(source) {
            return Start::No;
        }
        let port = port(protocol, destination_port);
        let to = destination.address();
        match self.may.iter().any(|it| it.allows(protocol, port, to)) {
            true => Start::Allowed,
            false => Start::Forbidden,
        }
    }
}

/// The port, where the protocol has ports.
fn port(protocol: u8, port: u16) -> Option<u16> {
    (!matches!(protocol, protocol::ICMP | protocol::ICMPV6)).then_some(port)
}

/// Follows the decoys through the batches.
pub(crate) struct DecoyWatch {
    rules: Arc<DecoyRules>,
    decoys: Decoys,
}

impl DecoyWatch {
    pub(crate) fn new(rules: Arc<DecoyRules>, decoys: Decoys) -> Self {
        Self { rules, decoys }
    }

    /// Whether a packet is to or from a decoy.
    #[inline]
    pub(crate) fn concerns(&self, record: &Record) -> bool {
        !self.rules.is_empty()
            && (self.rules.holds(record.source) || self.rules.holds(record.destination))
    }

    /// Takes a batch, with its moments in packet order.
    pub(crate) fn take(
        &mut self,
        moments: &[Moment],
        chunks: &[Chunk],
        frames: &dyn Frames,
    ) -> Vec<DecoyReport> {
        let mut reports = Vec::new();
        if self.rules.is_empty() {
            return reports;
        }
        for (c, chunk) in (0..).zip(chunks) {
            for (r, record) in (0..).zip(&chunk.records) {
                // What belongs to no conversation was neither asked for nor does it ask.
                if !record.is_decoys || record.direction == 0 {
                    continue;
                }
                let at = RecordAt { chunk: c, record: r };
                let payload = chunk.payload(record, frames);
                reports.extend(self.started(record, at, moments, payload));
                self.received(record, at.facts(chunks).role, payload);
            }
        }
        reports
    }

    /// Whether a decoy begins a conversation with this packet.
    fn started(
        &mut self,
        record: &Record,
        at: RecordAt,
        moments: &[Moment],
        payload: &[u8],
    ) -> Option<DecoyReport> {
        let moment = moments.binary_search_by_key(&at, |moment| moment.at).ok()?;
        let moment = &moments[moment];
        if !moment.begins {
            return None;
        }
        let Record { source, destination, protocol, destination_port, .. } = *record;
        let role = moment.role;
        match self.rules.start(Sent {
            role,
            source,
            destination,
            protocol,
            destination_port,
        }) {
            Start::No => None,
            Start::Allowed => {
                self.decoys.allow();
                None
            }
            Start::Forbidden => self.decoys.start(Started {
                decoy: source,
                destination,
                protocol,
                port: port(protocol, destination_port),
                time: record.time,
                packet: record.number,
                payload,
            }),
        }
    }

    /// Remembers what a decoy is sent, unless it asked for it.
    fn received(&mut self, record: &Record, role: Role, payload: &[u8]) {
        let decoy = record.destination;
        if payload.is_empty() || role == Role::Responder || !self.rules.holds(decoy) {
            return;
        }
        self.decoys.receive(Received {
            decoy,
            sender: record.source,
            protocol: record.protocol,
            port: port(record.protocol, record.destination_port),
            time: record.time,
            packet: record.number,
            payload,
        });
    }

    pub(crate) fn counters(&self) -> DecoyCounters {
        self.decoys.counters()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.decoys.memory_bytes()
    }
}

persist!(DecoyWatch { decoys; rules });
