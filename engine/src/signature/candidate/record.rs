//! What the table remembers of one content, and which samples it asks for.

use super::super::evidence::SourceBits;
use super::super::{Alarm, Handshakes};
use crate::packet::{Handshake, Host, Timestamp};
use crate::state::{Exchange, Persist, persist};

/// The most hosts that a list names.
pub(super) const MOST_HOSTS: usize = 64;
/// Capacities that a new entry has from the start.
pub(super) const FIRST_HOSTS: usize = 4;
pub(super) const FIRST_SAMPLES: usize = 2;

/// One sampled window seen in one packet, as a candidate needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
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
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// The flow shard that served the packet.
    pub flow_shard: u8,
    /// Whether the source was seen to get answers.
    pub handshake: Handshake,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its content key.
    pub key: u64,
    /// First sighting since the entry was made.
    pub first_seen: Timestamp,
    /// Last sighting.
    pub last_seen: Timestamp,
    /// Packets with it since the entry was made, that one included; 0 marks an
    /// empty slot.
    pub packets: u64,
    /// Largest estimate of the number of sources; while the list of them is complete,
    /// never more than were estimated before the entry was made and listed since.
    pub sources: u32,
    /// The same of destinations.
    pub destinations: u32,
    /// Sources and destinations estimated before the entry was made.
    pub(super) before: (u32, u32),
    /// Whether a host passed it on.
    pub has_relay: bool,
    /// Exact sources in order of first sighting since the entry was made, up to 64.
    pub source_list: Vec<Host>,
    /// Exact destinations, likewise.
    pub destination_list: Vec<Host>,
    /// The dispersion generation that each listed source was last seen in.
    pub(super) source_seen: Vec<u32>,
    /// Which listed sources get answers.
    pub(in super::super) source_bits: SourceBits,
    /// The same of each listed destination.
    pub(super) destination_seen: Vec<u32>,
    /// The dispersion generation of the last sighting.
    pub(super) generation: u32,
    /// Whether the list holds every source since the entry was made.
    pub source_list_complete: bool,
    /// Whether the list holds every destination since the entry was made.
    pub destination_list_complete: bool,
    /// When each alarm last fired, in the order of [`Alarm::ALL`].
    pub alarmed_at: [Option<Timestamp>; 2],
    /// The samples asked for, oldest first.
    pub samples: Vec<SampleReference>,
    /// Samples taken since the priority last rose, and that priority.
    pub(super) taken: (u8, u8),
}

/// How a list or the samples took a new item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    Unchanged,
    Added,
    /// There was no memory left to grow.
    Refused,
}

impl Candidate {
    /// The smaller of both estimates.
    pub fn minimum(&self) -> u32 {
        self.sources.min(self.destinations)
    }

    /// Listed sources and destinations that were seen in the current or the
    /// previous dispersion generation.
    pub fn recent(&self) -> (u32, u32) {
        let count = |seen: &[u32]| {
            seen.iter().filter(|seen| **seen + 1 >= self.generation).count() as u32
        };
        (count(&self.source_seen), count(&self.destination_seen))
    }

    /// How many of the listed sources get answers.
    pub fn handshakes(&self) -> Handshakes {
        self.source_bits.counts(self.source_list.len())
    }

    /// When `alarm` last fired, if it did.
    pub fn alarmed(&self, alarm: Alarm) -> Option<Timestamp> {
        self.alarmed_at[alarm as usize]
    }

    /// An unused slot; its lists hold no memory yet.
    pub(super) fn vacant() -> Self {
        Self {
            key: 0,
            first_seen: Timestamp::default(),
            last_seen: Timestamp::default(),
            packets: 0,
            sources: 0,
            destinations: 0,
            before: (0, 0),
            has_relay: false,
            source_list: Vec::new(),
            destination_list: Vec::new(),
            source_seen: Vec::new(),
            source_bits: SourceBits::default(),
            destination_seen: Vec::new(),
            generation: 0,
            source_list_complete: true,
            destination_list_complete: true,
            alarmed_at: [None; 2],
            samples: Vec::new(),
            taken: (0, 0),
        }
    }

    /// Begins a new entry in this slot, and takes over its lists' memory where
    /// they have their first size.
    pub(super) fn restart(&mut self, key: u64, seen: &Seen, estimates: (u32, u32)) {
        let mut fresh = Self::vacant();
        fresh.source_list = reuse(&mut self.source_list, FIRST_HOSTS);
        fresh.destination_list = reuse(&mut self.destination_list, FIRST_HOSTS);
        fresh.source_seen = reuse(&mut self.source_seen, FIRST_HOSTS);
        fresh.destination_seen = reuse(&mut self.destination_seen, FIRST_HOSTS);
        fresh.samples = reuse(&mut self.samples, FIRST_SAMPLES);
        fresh.key = key;
        fresh.before = (estimates.0.saturating_sub(1), estimates.1.saturating_sub(1));
        fresh.first_seen = seen.time;
        fresh.last_seen = seen.time;
        *self = fresh;
    }

    /// Bytes that its lists have reserved.
    pub(super) fn reserved(&self) -> usize {
        (self.source_list.capacity() + self.destination_list.capacity())
            * size_of::<Host>()
            + (self.source_seen.capacity() + self.destination_seen.capacity())
                * size_of::<u32>()
            + self.samples.capacity() * size_of::<SampleReference>()
    }

    /// Counts the sighting, whose hosts have been entered: sketches that fill up
    /// count every host of the traffic, lists only those of this content.
    pub(super) fn count(
        &mut self,
        seen: &Seen,
        estimates: (u32, u32),
        has_relay: bool,
        generation: u32,
    ) {
        self.packets = self.packets.saturating_add(1);
        self.last_seen = self.last_seen.max(seen.time);
        self.generation = self.generation.max(generation);
        let most = |before: u32, list: &[Host], complete: bool| match complete {
            true => before.saturating_add(list.len() as u32),
            false => u32::MAX,
        };
        let sources = most(self.before.0, &self.source_list, self.source_list_complete);
        let destinations =
            most(self.before.1, &self.destination_list, self.destination_list_complete);
        self.sources = self.sources.max(estimates.0.min(sources));
        self.destinations = self.destinations.max(estimates.1.min(destinations));
        self.has_relay |= has_relay;
    }

    /// Decides whether this sighting becomes a sample.
    ///
    /// - A new source, while there are fewer than `most`.
    /// - A known source with a new destination, before there are two samples.
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
        let wanted = new_source || (self.samples.len() < 2 && new_destination);
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

    fn priority(&self) -> u8 {
        let level = self.minimum().checked_ilog2().unwrap_or(0) as u8;
        level + if self.has_relay { 32 } else { 0 }
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

/// Enters a host, if it is new, or notes that it was seen again. `room` is the
/// memory that the list may still grow by. In a full list a host that has left the
/// dispersion window makes room. With its place, where it has one now.
pub(super) fn enter(
    (list, seen): (&mut Vec<Host>, &mut Vec<u32>),
    complete: &mut bool,
    host: Host,
    generation: u32,
    room: usize,
) -> (Listed, Option<usize>) {
    if let Some(at) = list.iter().position(|known| *known == host) {
        seen[at] = generation;
        return (Listed::Unchanged, Some(at));
    }
    if list.len() == MOST_HOSTS {
        *complete = false;
        let Some(at) = seen.iter().position(|seen| seen + 1 < generation) else {
            return (Listed::Unchanged, None);
        };
        (list[at], seen[at]) = (host, generation);
        return (Listed::Added, Some(at));
    }
    let both = size_of::<Host>() + size_of::<u32>();
    let more = (2 * list.capacity()).clamp(1, MOST_HOSTS) - list.len();
    if list.len() == list.capacity() && more * both > room {
        let first_refusal = *complete;
        *complete = false;
        let listed = if first_refusal { Listed::Refused } else { Listed::Unchanged };
        return (listed, None);
    }
    grow(list, MOST_HOSTS, usize::MAX);
    grow(seen, MOST_HOSTS, usize::MAX);
    list.push(host);
    seen.push(generation);
    (Listed::Added, Some(list.len() - 1))
}

/// Makes room for one more item by doubling; false when `room` bytes are too few.
fn grow<T>(list: &mut Vec<T>, most: usize, room: usize) -> bool {
    if list.len() < list.capacity() {
        return true;
    }
    let wanted = (2 * list.capacity()).clamp(1, most);
    let more = wanted - list.len();
    if more == 0 || more.saturating_mul(size_of::<T>()) > room {
        return false;
    }
    list.reserve_exact(more);
    true
}

fn reuse<T>(list: &mut Vec<T>, capacity: usize) -> Vec<T> {
    if list.capacity() == capacity {
        list.clear();
        std::mem::take(list)
    } else {
        Vec::with_capacity(capacity)
    }
}

impl Persist for Candidate {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let Self {
            key,
            first_seen,
            last_seen,
            packets,
            sources,
            destinations,
            before,
            has_relay,
            source_list,
            destination_list,
            source_seen,
            source_bits,
            destination_seen,
            generation,
            source_list_complete,
            destination_list_complete,
            alarmed_at,
            samples,
            taken,
        } = self;
        key.persist(file)?;
        first_seen.persist(file)?;
        last_seen.persist(file)?;
        packets.persist(file)?;
        sources.persist(file)?;
        destinations.persist(file)?;
        before.persist(file)?;
        has_relay.persist(file)?;
        persist_list(source_list, file)?;
        persist_list(destination_list, file)?;
        persist_list(source_seen, file)?;
        source_bits.persist(file)?;
        persist_list(destination_seen, file)?;
        generation.persist(file)?;
        source_list_complete.persist(file)?;
        destination_list_complete.persist(file)?;
        alarmed_at.persist(file)?;
        persist_list(samples, file)?;
        taken.persist(file)
    }
}

persist!(SampleReference { source, destination, packet, offset, flow_shard, priority });

/// A list and the room that it has reserved, which decides whether it may grow.
fn persist_list<T: Persist + Default>(
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

impl Default for Candidate {
    fn default() -> Self {
        Self::vacant()
    }
}
