//! Content that is passed on: received by a host, then sent by it.
//!
//! A *relay* is a host that received a content before it first sent it, and then sent it
//! to at least two hosts, none of which had been seen sending it before. Replies go to
//! hosts that sent it, so neither they nor echoes count. Of a decoy, which starts nothing by
//! itself, one host is enough. Nor do groups count (multicast,
//! broadcast) and a host itself. A relay's *fan-out* is the number of those hosts, a
//! content's *spread* the sum of its relays' fan-outs.
//!
//! From the first sighting past prevalence on, two keyed Bloom filters remember who
//! received each content and who sent it. A sender that is in the first and not yet in
//! the second is entered in a bounded table of relays, and from then on its
//! targets are counted. When it received the content, and from whom, stands in a table of
//! receipts, best effort.
//!
//! Which way it errs: a wrong yes of the recipients filter (at most 1 in 10,000) makes a
//! relay of a host that received nothing; one of the senders filter hides a relay or a
//! target. Traffic that the sensor did not see can do both, and a forged source address
//! enters a host as a sender, which hides it: where sources can be forged, dispersion
//! remains the alarm.

mod host_filter;
mod receipts;
mod relay_table;
mod targets;

persist!(Propagation {
    recipients, senders, receipts, relays, counters; host_seed
});
persist!(Relay {
    host,
    received_at,
    received_from,
    sent_at,
    fan_out,
    new_targets,
    known_targets,
    began_before,
    begun,
    unanswered,
    proven,
    is_decoy
});

#[cfg(test)]
mod tests;

use crate::counters::counters;
use crate::packet::Host;
use crate::sketch::{Turn, hash_pair, hash_word, tag};
use crate::state::persist;
use crate::time::{Epoch, Span, Timestamp};
use host_filter::HostFilter;
use receipts::{Receipt, Receipts};
use relay_table::RelayTable;
use std::collections::BTreeMap;

/// Wrong yes of one filter at its capacity: both epochs make 1 in 10,000 together.
const FALSE_POSITIVE_RATE: f64 = 0.5e-4;

/// Below this the smallest tables would not fit their shares.
const LEAST_BYTES: usize = 2 << 10;

/// Follows each content from host to host. See the [module](self).
#[derive(Debug)]
pub struct Propagation {
    recipients: HostFilter,
    senders: HostFilter,
    receipts: Receipts,
    relays: RelayTable,
    host_seed: u64,
    counters: PropagationCounters,
}

/// When a sighting may count as passing its content on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// Always.
    Always,
    /// Always, and to a host that the source had not talked to before. There is evidence of
    /// it if its conversation began after the source had received the content: not before
    /// this time, where that is known.
    Newly(Option<Timestamp>),
    /// Never: its source is a relay by trade.
    Never,
    /// If its conversation began after the source had received the content: not before
    /// this time, where that is known.
    BegunAfterReceipt(Option<Timestamp>),
}

/// What is known of a sighting besides its hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// When it may count as passing its content on.
    pub passing: Passing,
    /// When its two hosts first talked.
    pub met: Met,
    /// Whether it shows that its source is not forged, see [`Relay::proven`].
    pub proven: Option<bool>,
    /// Whether its source may be forged where those of others are known not to be: then it
    /// does not count as a sender, so that a forged copy does not hide a relay.
    pub is_doubtful: bool,
    /// Whether a decoy sent it, in a conversation that it started.
    pub is_of_decoy: bool,
}

impl Default for Sending {
    /// It always may count, and no more is known.
    fn default() -> Self {
        Self {
            passing: Passing::Always,
            met: Met::Unknown,
            proven: None,
            is_doubtful: false,
            is_of_decoy: false,
        }
    }
}

/// When the two hosts of a sighting first talked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Met {
    /// Not known.
    #[default]
    Unknown,
    /// Before all that is remembered of contents.
    LongAgo,
    /// Not before the first time, nor after the second.
    Between(Timestamp, Timestamp),
}

/// A sighting passed its content on: some relay's fan-out grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Whether the first targets of the relay, or as many others, are
    /// [evident](Passing::Newly).
    pub is_evident: bool,
    /// The content's spread, this sighting included.
    pub spread: u32,
}

/// A host that received a content, and then sent it to two or more; a decoy, to one or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relay {
    /// Who.
    pub host: Host,
    /// When it first received the content, if that is still known.
    pub received_at: Option<Timestamp>,
    /// Who first sent it the content, if that is known and among the hosts that are listed.
    pub received_from: Option<Host>,
    /// When it first sent the content.
    pub sent_at: Timestamp,
    /// How many hosts it passed the content on to. Exact up to 16; beyond that an estimate
    /// from 512 registers, with a standard error of 3 to 4 % up to 512 hosts and 4.6 % from
    /// there on. Where the pool of registers is used up (counted), it is one from 512 bits:
    /// 8 % at 2,000, and it ends at 3,549.
    pub fan_out: u32,
    /// Of its targets, up to 255: those that it began to talk to after it had received the
    /// content, and those that it knew before. Of others that is not known.
    pub new_targets: u8,
    /// See `new_targets`.
    pub known_targets: u8,
    /// Whether it had begun a conversation at this port before it received the content, if
    /// that is known of the last two windows.
    pub began_before: Option<bool>,
    /// Conversations that it began at this port in the last two windows, as far as they are
    /// remembered; 0 where nothing is known.
    pub begun: u16,
    /// Those of them that were not answered so far, or refused.
    pub unanswered: u16,
    /// Whether it is shown that the address was not forged where it sent the content: over TCP
    /// it acknowledged what the other side had answered, outside of tunnels that are not
    /// trusted; by a datagram from the home network to a host outside, since whoever is outside
    /// cannot send that past a tap at the border. `Some(false)`: it did so over TCP, and never
    /// got an answer that the tap saw.
    pub proven: Option<bool>,
    /// Whether it is a decoy, and passed the content on in conversations that it started.
    pub is_decoy: bool,
}

impl Relay {
    /// Whether most of its targets, as far as that is known, are hosts that it had talked to
    /// before: what forwards does so.
    pub fn keeps_to_contacts(&self) -> bool {
        self.known_targets > self.new_targets
    }

    /// Whether two targets or more, and most as far as that is known, are hosts that it began
    /// to talk to after it had received the content.
    pub fn spreads(&self) -> bool {
        self.new_targets >= 2 && self.new_targets > self.known_targets
    }

    /// Whether its fan-out was counted and not estimated.
    pub fn is_exact(&self) -> bool {
        self.fan_out <= targets::EXACT
    }
}

counters! {
    /// What had to be forgotten.
    pub struct PropagationCounters {
        /// Possible relays, with fewer than two targets yet, that made room for newer ones.
        pub relays_evicted: u64,
        /// Relays with two targets or more that made room for newer ones.
        pub counting_relays_evicted: u64,
        /// Relays that had not sent their content for two windows.
        pub relays_expired: u64,
        /// Times of receipt that made room for newer ones.
        pub receipts_evicted: u64,
        /// Turns of the recipients filter before its window's end, because it was full.
        pub recipients_turned_early: u64,
        /// Turns of both filters before their window's end, because the senders' was full.
        pub senders_turned_early: u64,
        /// Fan-outs above 16 that found the pool of registers used up.
        pub fan_outs_cut: u64,
    }
}

/// How full the tables are, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PropagationFill {
    /// The recipients filter of this window, against its capacity.
    pub recipients: f64,
    /// The senders filter of this window, against its capacity.
    pub senders: f64,
    /// The table of relays.
    pub relays: f64,
}

impl Propagation {
    /// Tables of at most `bytes` in all (and never less than 2 KiB), the time window and
    /// the seed of the hashes.
    ///
    /// A third goes to the recipients filters, a sixth to the senders' (a scan makes many
    /// recipients and few senders), a quarter to the relays, a 64th to their large fan-outs,
    /// and the rest to the times of receipt and the memories before the filters.
    pub fn new(bytes: usize, window: Span, seed: u64) -> Self {
        let bytes = bytes.max(LEAST_BYTES);
        let places = host_filter::places(bytes);
        let recipients = HostFilter::new(bytes / 6, places, window, hash_word(0, seed));
        Self::of(recipients, bytes, window, seed)
    }

    /// The same for each seed. The recipients filters of one epoch share huge pages.
    pub fn side_by_side(bytes: usize, window: Span, seeds: &[u64]) -> Vec<Self> {
        let bytes = bytes.max(LEAST_BYTES);
        let places = host_filter::places(bytes);
        let of_filters: Vec<_> = seeds.iter().map(|seed| hash_word(0, *seed)).collect();
        HostFilter::side_by_side(bytes / 6, places, window, &of_filters)
            .into_iter()
            .zip(seeds)
            .map(|(recipients, seed)| Self::of(recipients, bytes, window, *seed))
            .collect()
    }

    fn of(recipients: HostFilter, bytes: usize, window: Span, seed: u64) -> Self {
        let places = host_filter::places(bytes);
        Self {
            recipients,
            senders: HostFilter::new(bytes / 12, places, window, hash_word(1, seed)),
            receipts: Receipts::new(
                bytes / 4 - bytes / 64 - 2 * places * size_of::<u64>(),
            ),
            relays: RelayTable::new(bytes / 4 + bytes / 64, hash_word(2, seed)),
            host_seed: hash_word(3, seed),
            counters: PropagationCounters::default(),
        }
    }

    /// Enters one sighting of the content; `Some` when it passed the content on, that is,
    /// when it raised the spread.
    ///
    /// `exempt`: the source is a relay by trade at this port (mail, DNS forwarder, proxy).
    /// It is remembered as a sender, but what it sends counts for no fan-out.
    ///
    /// A time of the previous window counts there, an earlier one as the current time.
    pub fn observe(
        &mut self,
        key: u64,
        time: Timestamp,
        source: Host,
        destination: Host,
        exempt: bool,
    ) -> Option<Passed> {
        let passing = if exempt { Passing::Never } else { Passing::Always };
        let sending = Sending { passing, ..Sending::default() };
        self.observe_if(key, time, (source, destination), sending)
    }

    /// The same of (source, destination), with what else is known.
    pub fn observe_if(
        &mut self,
        key: u64,
        time: Timestamp,
        (source, destination): (Host, Host),
        sending: Sending,
    ) -> Option<Passed> {
        self.advance(time);
        let [from, to] =
            [source, destination].map(|h| hash_pair(key, h.0, self.host_seed));
        let is_late = self.senders.clock().is_previous(time);
        let passed = if sending.passing == Passing::Never {
            None
        } else {
            let sighting = Sighting { key, time, source, destination, from, to, is_late };
            self.follow(sighting, sending)
        };
        if is_late {
            if !sending.is_doubtful {
                self.senders.enter_previous(from);
            }
            if !destination.is_group() {
                self.recipients.enter_previous(to);
                self.note_receipt(to, Receipt { time, from: tag(from) });
            }
            return passed;
        }
        if !sending.is_doubtful {
            self.enter_sender(from);
        }
        if !destination.is_group() {
            self.enter_recipient(to, Receipt { time, from: tag(from) });
        }
        passed
    }

    /// Moves on to the window of `time`, forgetting what is two windows old.
    pub fn advance(&mut self, time: Timestamp) {
        self.recipients.advance(time);
        if self.senders.advance(time) != Turn::Stay {
            self.counters.relays_expired += self.relays.expire(self.epoch());
        }
    }

    /// The content's spread: the sum of its relays' fan-outs.
    pub fn spread(&self, key: u64) -> u32 {
        self.relays.spread(key)
    }

    /// Whether any relay of the content counts.
    pub fn has_relay(&self, key: u64) -> bool {
        self.spread(key) > 0
    }

    /// The content's relays, ordered by when they first sent it, then by host. Who sent it
    /// to each is looked for among those that are in the table, and among `sources`.
    pub fn relays(&self, key: u64, sources: &[Host]) -> Vec<Relay> {
        let listed = sources
            .iter()
            .map(|host| (tag(hash_pair(key, host.0, self.host_seed)), *host));
        let senders: BTreeMap<u32, Host> =
            listed.chain(self.relays.senders(key)).collect();
        let relays = self.relays.counting(key).map(|(relay, from)| Relay {
            received_from: senders.get(&from).copied(),
            ..relay
        });
        let mut relays: Vec<_> = relays.collect();
        relays.sort_unstable_by_key(|relay| (relay.sent_at, relay.host));
        relays
    }

    /// Whether a decoy is among the relays.
    pub fn has_decoy(&self, key: u64) -> bool {
        self.relays.counting(key).any(|(relay, _)| relay.is_decoy)
    }

    /// How many relays of the content count.
    pub fn relay_count(&self, key: u64) -> usize {
        self.relays.counting(key).count()
    }

    /// What had to be forgotten so far.
    pub fn counters(&self) -> PropagationCounters {
        self.counters
    }

    /// How full the tables are.
    pub fn fill(&self) -> PropagationFill {
        PropagationFill {
            recipients: self.recipients.fill(),
            senders: self.senders.fill(),
            relays: self.relays.len() as f64 / self.relays.capacity() as f64,
        }
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.recipients.memory_bytes()
            + self.senders.memory_bytes()
            + self.receipts.memory_bytes()
            + self.relays.memory_bytes()
    }

    /// Applies a sighting to the relays, before it is entered in the filters.
    fn follow(&mut self, sighting: Sighting, sending: Sending) -> Option<Passed> {
        let Sending { passing, met, proven, is_of_decoy, .. } = sending;
        let Sighting { key, time, source, destination, from, to, is_late } = sighting;
        let epoch = if is_late { self.epoch().previous() } else { self.epoch() };
        let relay = if let Some(known) = self.relays.find(from, key, source) {
            self.relays.see(known, epoch);
            known
        } else {
            // The first says nothing that the last would not, but says it at once.
            if self.senders.is_recent(from)
                || !self.recipients.contains(from)
                || self.senders.contains(from)
            {
                return None;
            }
            let receipt = self.receipts.first(from, self.since());
            self.relays.insert(
                from,
                key,
                (source, time, receipt),
                epoch,
                &mut self.counters,
            )
        };
        self.relays.prove(relay, proven);
        if destination.is_group() || destination == source || self.senders.contains(to) {
            return None;
        }
        let begun = match passing {
            Passing::BegunAfterReceipt(begun) | Passing::Newly(begun) => begun,
            Passing::Always | Passing::Never => None,
        };
        let is_after =
            begun.is_some_and(|begun| self.relays.has_received_by(relay, begun));
        if matches!(passing, Passing::BegunAfterReceipt(_)) && !is_after {
            return None;
        }
        let is_evident = matches!(passing, Passing::Newly(_)) && is_after;
        self.relays.add_target(
            relay,
            to,
            Evidence { is_evident, met, is_of_decoy },
            &mut self.counters,
        )
    }

    /// A full senders filter takes the recipients with it: a recipient remembered for
    /// longer than what it sent would look like a relay when it sends again.
    fn enter_sender(&mut self, from: u64) {
        self.senders.enter(from);
        if self.senders.is_full() {
            self.senders.rotate_early();
            self.recipients.rotate_early();
            self.counters.senders_turned_early += 1;
        }
    }

    fn enter_recipient(&mut self, to: u64, receipt: Receipt) {
        self.recipients.enter(to);
        if self.recipients.is_full() {
            self.recipients.rotate_early();
            self.counters.recipients_turned_early += 1;
        }
        self.note_receipt(to, receipt);
    }

    fn note_receipt(&mut self, to: u64, receipt: Receipt) {
        let evicted = self.receipts.note(to, receipt, self.since());
        self.counters.receipts_evicted += u64::from(evicted);
    }

    fn epoch(&self) -> Epoch {
        self.senders.clock().epoch()
    }

    /// When the previous epoch began.
    fn since(&self) -> Timestamp {
        self.senders.clock().previous_start()
    }
}

/// What is known of a target.
#[derive(Clone, Copy, Default)]
struct Evidence {
    is_evident: bool,
    met: Met,
    is_of_decoy: bool,
}

/// A sighting with the hashes of (key, source) and (key, destination).
struct Sighting {
    key: u64,
    time: Timestamp,
    source: Host,
    destination: Host,
    from: u64,
    to: u64,
    /// Seen in the previous epoch, and known only now.
    is_late: bool,
}
