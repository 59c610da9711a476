//! What the table remembers of one content, and which samples it asks for.

use super::super::alarms::{Alarm, HostEvidence};
use super::super::conversations::{Facts, NewPair, Role};
use super::super::copies::Copies;
use super::super::count::FirstSighting;
use super::super::handshakes::{Handshakes, SourceBits};
use super::super::population::AddressCounter;
use super::super::ports::{PortCounts, Roles};
use super::super::propagation::Met;
use super::super::taps::TapCounts;
use super::hosts::{Listed, Side, grow, hash};
use crate::packet::Host;
use crate::sketch::Turn;
use crate::state::{Exchange, Persist, persist};
use crate::time::{Epoch, Timestamp};

/// Samples that a new entry has room for from the start.
pub(super) const FIRST_SAMPLES: usize = 2;
/// Until there are so many, each new destination of a known source is sampled, too.
const EARLY_SAMPLES: usize = 4;

/// What a relay adds to the priority of a sample: more than dispersion can.
const WITH_RELAY: u8 = 32;

/// One sampled window seen in one packet, as a candidate needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Content key of the window, without a class.
    pub content: u64,
    /// The packet's number.
    pub packet: u64,
    /// The sensor's time at that packet.
    pub time: Timestamp,
    /// Where the window begins in the payload, in bytes; negative where it
    /// begins in the stream tail before it.
    pub offset: i32,
    /// Who sent it.
    pub source: Host,
    /// Whom it was sent to.
    pub destination: Host,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// The flow shard that served the packet.
    pub flow_shard: u8,
    /// What is known of the conversation that it was sent in.
    pub facts: Facts,
    /// What came before it and is not known, should it make an entry.
    pub missing: Missing,
    /// Whether it is to or from a decoy: then it is worth a sample at once.
    pub is_decoys: bool,
    /// The number of the tap that saw it.
    pub tap: u8,
}

impl Seen {
    /// Whether it was sent by who began its conversation, to a host that it had not talked
    /// to before.
    pub fn is_new_request(&self) -> bool {
        self.facts.role == Role::Initiator && self.facts.new_pair == NewPair::Yes
    }

    /// Between which times its two hosts first talked, as far as that is known. Who replies
    /// chose no target.
    pub fn met(&self) -> Met {
        let Facts { new_pair, age, acquaintance, midstream, .. } = self.facts;
        let begun =
            age.within().map(|within| (self.time - within, self.time - age.at_least()));
        match (new_pair, begun) {
            (NewPair::No, _) => Met::LongAgo,
            _ if midstream || self.facts.role == Role::Responder => Met::Unknown,
            (NewPair::Yes, Some((earliest, latest))) => Met::Between(earliest, latest),
            (NewPair::Lately, Some((earliest, latest))) => match acquaintance.between() {
                Some((least, Some(most))) => {
                    Met::Between(earliest - most, latest - least)
                }
                Some((least, None)) => Met::Between(Timestamp::default(), latest - least),
                None => Met::Unknown,
            },
            _ => Met::Unknown,
        }
    }

    /// The earliest time at which its conversation may have begun, if that is known.
    pub fn begun(&self) -> Option<Timestamp> {
        Some(self.time - self.facts.age.within()?)
    }

    /// The port of the service: of who did not begin the conversation.
    pub fn service_port(&self) -> u16 {
        match self.facts.role {
            Role::Responder => self.source_port,
            Role::Initiator | Role::Unknown => self.destination_port,
        }
    }
}

/// Which sightings before the first known one may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Some that were promoted, in this dispersion window or the last: the sketches know
    /// of their hosts, the lists do not.
    pub promoted: bool,
    /// Any at all: the first one known may not be the first.
    pub any: bool,
}

/// A window whose surroundings the flow shard should keep for this candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleReference {
    /// Who sent it.
    pub source: Host,
    /// Whom it was sent to.
    pub destination: Host,
    /// The packet's number.
    pub packet: u64,
    /// Where the window begins in the payload, see [`Seen::offset`].
    pub offset: i32,
    /// The flow shard that served the packet.
    pub flow_shard: u8,
    /// The priority that it was asked for with.
    pub priority: u8,
}

/// What a candidate wants of the store of samples.
///
/// The store may refuse to take one, so a release may name an unknown sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleRequest {
    /// Keep the stream around this window.
    Take {
        /// The flow shard that served the packet.
        flow_shard: u8,
        /// The packet's number.
        packet: u64,
        /// Where the window begins in the payload.
        offset: i32,
        /// Which sample should stay where the store is full: log2 of the
        /// smaller estimate, plus 32 once the content has a relay.
        priority: u8,
    },
    /// This candidate needs the sample no more.
    Release {
        /// As it was taken.
        flow_shard: u8,
        /// As it was taken.
        packet: u64,
        /// As it was taken.
        offset: i32,
    },
}

impl SampleRequest {
    /// The flow shard that is asked.
    pub fn flow_shard(&self) -> u8 {
        match *self {
            Self::Take { flow_shard, .. } | Self::Release { flow_shard, .. } => {
                flow_shard
            }
        }
    }
}

/// A content under watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Key of its content in its class: at one port, or over all.
    pub key: u64,
    /// Its content key.
    pub content: u64,
    /// The first sighting that is known.
    pub first: FirstSighting,
    /// Last sighting.
    pub last_seen: Timestamp,
    /// Packets with it that are known; 0 marks an empty slot.
    pub packets: u64,
    /// Who sent it.
    pub sources: Side,
    /// Whom it was sent to.
    pub destinations: Side,
    /// The greatest spread that a sighting raised it to; 0 where nobody passed it on.
    pub spread: u32,
    /// Sightings by the role of their sender.
    pub roles: Roles,
    /// Sightings by service port.
    pub ports: PortCounts,
    /// Packets that were seen before and after an address translator.
    pub copies: Copies,
    /// A source port of requests, and by how many it leads: a majority vote (Boyer, Moore
    /// 1981).
    source_port: (u16, u32),
    /// Which listed sources get answers.
    pub(crate) source_bits: SourceBits,
    /// The dispersion epoch of the last sighting.
    epoch: Epoch,
    /// When each alarm last fired, in the order of [`Alarm::ALL`].
    pub alarmed_at: [Option<Timestamp>; Alarm::ALL.len()],
    /// The spread when the alarm of propagation last fired.
    pub alarmed_spread: u32,
    /// The addresses that sent it, once it has alarmed and while there is memory for them.
    pub(crate) population: Option<Box<AddressCounter>>,
    /// Sightings by tap, where these have names.
    pub(crate) taps: Option<Box<TapCounts>>,
    /// The samples asked for, oldest first.
    pub samples: Vec<SampleReference>,
    /// Samples taken since the priority last rose, and that priority.
    pub(super) taken: (u8, u8),
}

impl Candidate {
    /// The smaller of both estimates.
    pub fn minimum(&self) -> u32 {
        self.sources.estimate().min(self.destinations.estimate())
    }

    /// Whether a host passed it on.
    pub fn has_relay(&self) -> bool {
        self.spread > 0
    }

    /// Listed sources and destinations that were seen in the current or the
    /// previous dispersion epoch.
    pub fn recent(&self) -> (u32, u32) {
        (self.sources.recent(), self.destinations.recent())
    }

    /// What it and the dispersion tables, by these estimates, know of its sources and of
    /// its destinations.
    pub fn host_evidence(&self, estimates: (u32, u32)) -> [HostEvidence; 2] {
        let recent = self.recent();
        [
            (&self.sources, recent.0, estimates.0),
            (&self.destinations, recent.1, estimates.1),
        ]
        .map(|(side, named, estimate)| HostEvidence {
            named,
            estimate: estimate.min(side.estimate()),
            is_listed: side.is_listed(),
            is_complete: side.is_complete(),
        })
    }

    /// How many of the listed sources get answers.
    pub fn handshakes(&self) -> Handshakes {
        self.source_bits.counts(self.sources.list().len())
    }

    /// When `alarm` last fired, if it did.
    pub fn alarmed(&self, alarm: Alarm) -> Option<Timestamp> {
        self.alarmed_at[alarm as usize]
    }

    /// Begins a new entry in this slot, and takes over its lists' memory where
    /// they have their first size.
    pub(super) fn restart(&mut self, key: u64, seen: &Seen, estimates: (u32, u32)) {
        let before = |estimate: u32| match seen.missing.promoted {
            true => estimate.saturating_sub(1),
            false => 0,
        };
        let samples = if self.samples.capacity() == FIRST_SAMPLES {
            self.samples.clear();
            std::mem::take(&mut self.samples)
        } else {
            Vec::with_capacity(FIRST_SAMPLES)
        };
        *self = Self {
            key,
            content: seen.content,
            first: FirstSighting {
                packet: seen.packet,
                time: seen.time,
                source: seen.source,
                destination: seen.destination,
                source_port: seen.source_port,
                destination_port: seen.destination_port,
                certain: !seen.missing.any,
            },
            last_seen: seen.time,
            sources: self.sources.restarted(before(estimates.0)),
            destinations: self.destinations.restarted(before(estimates.1)),
            samples,
            ..Self::default()
        };
    }

    /// Moves on to the dispersion epoch of a sighting.
    pub(super) fn advance(&mut self, epoch: Epoch) {
        if epoch > self.epoch {
            let is_next = epoch.previous() == self.epoch;
            let turn = if is_next { Turn::Next } else { Turn::Jump };
            self.sources.turn(turn);
            self.destinations.turn(turn);
            self.epoch = epoch;
        }
    }

    /// Bytes that its lists have reserved.
    pub(super) fn reserved(&self) -> usize {
        self.sources.reserved()
            + self.destinations.reserved()
            + self.samples.capacity() * size_of::<SampleReference>()
    }

    /// Counts the sighting, whose hosts have been entered: sketches that fill up
    /// count every host of the traffic, lists only those of this content.
    pub(super) fn count(&mut self, seen: &Seen, estimates: (u32, u32), spread: u32) {
        self.packets = self.packets.saturating_add(1);
        self.last_seen = self.last_seen.max(seen.time);
        self.sources.raise(estimates.0);
        self.destinations.raise(estimates.1);
        self.spread = self.spread.max(spread);
        self.roles.count(seen.facts.role);
        self.ports.count(seen.service_port());
        self.count_tap(seen.tap);
        let ports = (seen.source_port, seen.destination_port);
        self.copies.see(seen.time, (seen.source, seen.destination), ports);
        if seen.facts.role != Role::Responder {
            let (port, lead) = &mut self.source_port;
            if *lead == 0 {
                *port = seen.source_port;
            }
            let is_same = *port == seen.source_port;
            *lead = if is_same { lead.saturating_add(1) } else { *lead - 1 };
        }
    }

    /// Counts a sighting at a tap.
    pub(super) fn count_tap(&mut self, tap: u8) {
        if let Some(taps) = &mut self.taps {
            taps.count(tap);
        }
    }

    /// Packets with it that no responder sent.
    pub fn requests(&self) -> u64 {
        self.packets.saturating_sub(self.roles.responder.into())
    }

    /// Whether one source port leads by eight in ten requests, as one of nine in ten does.
    pub fn has_one_source_port(&self) -> bool {
        10 * u64::from(self.source_port.1) >= 8 * self.requests()
    }

    /// Decides whether this sighting becomes a sample.
    ///
    /// - A new source, while there are fewer than `most`.
    /// - A known source with a new destination, before there are [`EARLY_SAMPLES`]: the
    ///   first copies may be one letter that was forwarded, and agree on all of it.
    /// - A new source in place of the oldest sample, when the priority has risen
    ///   since fewer than `most` samples ago: those of an outbreak at its height
    ///   say more than the first two, which may be anything.
    ///
    /// `room` is the memory that the list of samples may still grow by.
    pub(super) fn sample(
        &mut self,
        seen: &Seen,
        most: usize,
        room: usize,
        requests: &mut Vec<SampleRequest>,
    ) -> Listed {
        let priority = self.priority();
        if priority > self.taken.1 {
            self.taken = (0, priority);
        }
        let full = self.samples.len() >= most;
        if full && usize::from(self.taken.0) >= most {
            return Listed::Unchanged;
        }
        let new_source = self.samples.iter().all(|s| s.source != seen.source);
        let new_destination =
            self.samples.iter().all(|s| s.destination != seen.destination);
        let early = !full && self.samples.len() < EARLY_SAMPLES;
        let wanted = new_source || (early && new_destination);
        if !wanted || most == 0 {
            return Listed::Unchanged;
        }
        if full {
            let oldest = self.samples.remove(0);
            requests.push(oldest.release());
        } else if !grow(&mut self.samples, most, room) {
            return Listed::Refused;
        }
        self.taken.0 += 1;
        let sample = SampleReference {
            source: seen.source,
            destination: seen.destination,
            packet: seen.packet,
            offset: seen.offset,
            flow_shard: seen.flow_shard,
            priority,
        };
        requests.push(sample.take());
        self.samples.push(sample);
        Listed::Added
    }

    /// Begins to count addresses, with those that are named, in so much memory. When they
    /// were last seen is not known, but that it was not before the first sighting.
    pub(super) fn begin_population(&mut self, room: usize, seed: u64) {
        let mut counter =
            AddressCounter::new(self.last_seen, !self.sources.is_complete());
        for host in self.sources.list() {
            counter.note(hash(*host, seed), self.first.time, room);
        }
        self.population = Some(Box::new(counter));
    }

    /// Bytes that its counter of addresses takes.
    pub(super) fn population_bytes(&self) -> usize {
        self.population.as_ref().map_or(0, |it| it.memory_bytes())
    }

    fn priority(&self) -> u8 {
        let level = self.minimum().checked_ilog2().unwrap_or(0) as u8;
        level + if self.has_relay() { WITH_RELAY } else { 0 }
    }
}

impl SampleReference {
    pub(super) fn release(&self) -> SampleRequest {
        let Self { packet, offset, flow_shard, .. } = *self;
        SampleRequest::Release { flow_shard, packet, offset }
    }

    fn take(&self) -> SampleRequest {
        let Self { packet, offset, flow_shard, priority, .. } = *self;
        SampleRequest::Take { flow_shard, packet, offset, priority }
    }
}

impl Default for SampleRequest {
    fn default() -> Self {
        Self::Release { flow_shard: 0, packet: 0, offset: 0 }
    }
}

impl Persist for SampleRequest {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let (mut flow_shard, mut packet, mut offset, mut priority) = match *self {
            Self::Take { flow_shard, packet, offset, priority } => {
                (flow_shard, packet, offset, Some(priority))
            }
            Self::Release { flow_shard, packet, offset } => {
                (flow_shard, packet, offset, None)
            }
        };
        flow_shard.persist(file)?;
        packet.persist(file)?;
        offset.persist(file)?;
        priority.persist(file)?;
        *self = match priority {
            Some(priority) => Self::Take { flow_shard, packet, offset, priority },
            None => Self::Release { flow_shard, packet, offset },
        };
        Ok(())
    }
}

impl Persist for Candidate {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let Self {
            key,
            content,
            first,
            last_seen,
            packets,
            sources,
            destinations,
            spread,
            roles,
            ports,
            copies,
            source_port,
            source_bits,
            epoch,
            alarmed_at,
            alarmed_spread,
            population,
            taps,
            samples,
            taken,
        } = self;
        key.persist(file)?;
        content.persist(file)?;
        first.persist(file)?;
        last_seen.persist(file)?;
        packets.persist(file)?;
        sources.persist(file)?;
        destinations.persist(file)?;
        spread.persist(file)?;
        roles.persist(file)?;
        ports.persist(file)?;
        copies.persist(file)?;
        source_port.persist(file)?;
        source_bits.persist(file)?;
        epoch.persist(file)?;
        alarmed_at.persist(file)?;
        alarmed_spread.persist(file)?;
        population.persist(file)?;
        taps.persist(file)?;
        persist_list(samples, file)?;
        taken.persist(file)
    }
}

persist!(SampleReference { source, destination, packet, offset, flow_shard, priority });

/// A list and the room that it has reserved, which decides whether it may grow.
pub(super) fn persist_list<T: Persist + Default>(
    list: &mut Vec<T>,
    file: &mut Exchange<'_>,
) -> std::io::Result<()> {
    let mut room = list.capacity();
    room.persist(file)?;
    if file.is_reading() {
        if room > usize::from(u8::MAX) {
            return Err(file.misfit("room for 255 at most", room));
        }
        *list = Vec::with_capacity(room);
    }
    list.persist(file)
}
