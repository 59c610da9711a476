//! How far frames were read, and what stopped them.
//!
//! Each frame counts once under how far it was read ([`Reach`]); what stopped it is
//! counted in a table of fixed size, in frame order, so that neither threads nor batches
//! change it. Plain packets cost two additions.

use crate::decode::{Reach, Stop, Unread};
use crate::packet::{Frame, Packet};
use crate::state::persist;
use serde::ser::{Serialize, SerializeMap, Serializer};

const KINDS: usize = Reach::ALL.len();

/// Frames, and their bytes on the wire, by how far they were read.
///
/// Of what is [`Reach::Payload`] the number is what is left of the sum: so that counting
/// the common case is one addition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    frames: u64,
    bytes: u64,
    stopped: [u64; KINDS],
    stopped_bytes: [u64; KINDS],
}

/// One frame or datagram that was not read to a payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StopAt {
    /// Place of its frame in the input.
    pub(crate) number: u64,
    stop: Stop,
    /// Frames that it stands for.
    frames: u64,
    /// Of a packet that is used nevertheless: a hash of its conversation.
    flow: Option<u64>,
}

impl StopAt {
    pub(crate) fn new(number: u64, stop: Stop, frames: u64, flow: Option<u64>) -> Self {
        Self { number, stop, frames, flow }
    }

    /// Its number, the key of its stop, its frames and its flow.
    pub(crate) fn parts(&self) -> (u64, u64, u64, Option<u64>) {
        (self.number, self.stop.key(), self.frames, self.flow)
    }
}

/// Bytes of a frame on the wire.
pub(crate) fn wire_len(frame: &Frame<'_>) -> u64 {
    u64::from(frame.original_len).max(frame.data.len() as u64)
}

/// How far a packet was read; of one without payload, too.
pub(crate) fn reach(stop: Stop, packet: Option<&Packet<'_>>) -> Reach {
    match stop.reach() {
        Reach::Payload if packet.is_some_and(|packet| packet.payload.is_empty()) => {
            Reach::NoPayload
        }
        reach => reach,
    }
}

impl Coverage {
    /// Counts a frame as read to its payload.
    #[inline]
    pub(crate) fn frame(&mut self, bytes: u64) {
        self.frames += 1;
        self.bytes += bytes;
    }

    /// Counts a frame that was counted before as stopped.
    pub(crate) fn stop(&mut self, reach: Reach, frames: u64, bytes: u64) {
        if reach != Reach::Payload {
            self.stopped[reach as usize] += frames;
            self.stopped_bytes[reach as usize] += bytes;
        }
    }

    /// Counts the fragments of a datagram as what the datagram turned out to be.
    pub(crate) fn complete(&mut self, reach: Reach, frames: u64, bytes: u64) {
        let at = Reach::Fragment as usize;
        // They may have been counted in an earlier chunk; the sum over all comes out right.
        self.stopped[at] = self.stopped[at].wrapping_sub(frames);
        self.stopped_bytes[at] = self.stopped_bytes[at].wrapping_sub(bytes);
        self.stop(reach, frames, bytes);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.frames = self.frames.wrapping_add(other.frames);
        self.bytes = self.bytes.wrapping_add(other.bytes);
        for at in 0..KINDS {
            self.stopped[at] = self.stopped[at].wrapping_add(other.stopped[at]);
            let bytes = other.stopped_bytes[at];
            self.stopped_bytes[at] = self.stopped_bytes[at].wrapping_add(bytes);
        }
    }

    /// Frames that came in.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Their bytes on the wire.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Frames that were read so far and no further.
    pub fn frames_at(&self, reach: Reach) -> u64 {
        at(self.frames, &self.stopped, reach)
    }

    /// Bytes on the wire of the frames that were read so far and no further.
    pub fn bytes_at(&self, reach: Reach) -> u64 {
        at(self.bytes, &self.stopped_bytes, reach)
    }

    /// Share of the frames that were read to a payload, 0 to 1, rounded to six digits.
    pub fn payload_frame_share(&self) -> f64 {
        share(self.frames_at(Reach::Payload), self.frames)
    }

    /// The same of the bytes on the wire.
    pub fn payload_byte_share(&self) -> f64 {
        share(self.bytes_at(Reach::Payload), self.bytes)
    }
}

fn at(all: u64, stopped: &[u64; KINDS], reach: Reach) -> u64 {
    match reach {
        Reach::Payload => all.saturating_sub(stopped.iter().sum()),
        reach => stopped[reach as usize],
    }
}

fn share(part: u64, all: u64) -> f64 {
    (part as f64 / all.max(1) as f64 * 1e6).round() / 1e6
}

impl Serialize for Coverage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("frames", &self.frames)?;
        map.serialize_entry("bytes", &self.bytes)?;
        for reach in Reach::ALL {
            let (frames, bytes) = reach.names();
            map.serialize_entry(frames, &self.frames_at(reach))?;
            map.serialize_entry(bytes, &self.bytes_at(reach))?;
        }
        map.serialize_entry("payload_frame_share", &self.payload_frame_share())?;
        map.serialize_entry("payload_byte_share", &self.payload_byte_share())?;
        map.end()
    }
}

persist!(Coverage { frames, bytes, stopped, stopped_bytes });

/// What stopped frames, counted by space saving (Metwally, Agrawal, El Abbadi 2005): of
/// more causes than it has places the rarest is replaced, and a count is too high by at
/// most the number of stopped frames divided by the places.
#[derive(Debug)]
pub(crate) struct Causes {
    places: Vec<CountedStop>,
    /// Where the last cause was found: most often the next is the same.
    last: usize,
    warned: Vec<u64>,
    unread: [Kind; Unread::ALL.len()],
}

/// A cause and its frames.
#[derive(Clone, Copy, Debug, Default)]
struct CountedStop {
    stop: u64,
    count: u64,
    /// By how much the count may be too high.
    error: u64,
}

/// Packets of a kind of [`Unread`], and their conversations by linear counting.
#[derive(Clone, Copy, Debug)]
struct Kind {
    packets: u64,
    bits: [u64; FLOW_WORDS],
}

/// Causes that are counted: with 256 of them a count is wrong by 0.4 % of the
/// stopped frames at most.
const PLACES: usize = 256;
/// Words of the bitmap of conversations.
const FLOW_WORDS: usize = 64;
/// Share of all frames above which a cause is warned of.
const WORTH_A_WARNING: f64 = 0.01;

impl Causes {
    pub(crate) fn new() -> Self {
        Self {
            places: Vec::with_capacity(PLACES),
            last: 0,
            warned: Vec::new(),
            unread: [Kind { packets: 0, bits: [0; FLOW_WORDS] }; Unread::ALL.len()],
        }
    }

    /// Counts one; calls must come in frame order.
    pub(crate) fn count(&mut self, at: &StopAt) {
        if let (Some(flow), Some(unread)) = (at.flow, at.stop.unread()) {
            let kind = &mut self.unread[unread as usize];
            kind.packets += 1;
            let bit = flow as usize % (FLOW_WORDS * 64);
            kind.bits[bit / 64] |= 1 << (bit % 64);
        }
        if at.stop.hides_content() {
            self.add(at.stop.key(), at.frames);
        }
    }

    fn add(&mut self, stop: u64, frames: u64) {
        if let Some(place) = self.places.get_mut(self.last)
            && place.stop == stop
        {
            place.count += frames;
            return;
        }
        self.last = match self.places.iter().position(|place| place.stop == stop) {
            Some(at) => at,
            None if self.places.len() < PLACES => {
                self.places.push(CountedStop { stop, ..CountedStop::default() });
                self.places.len() - 1
            }
            None => {
                let rarest = (0..PLACES).min_by_key(|at| self.places[*at].count);
                let at = rarest.unwrap_or_default();
                let error = self.places[at].count;
                self.places[at] = CountedStop { stop, count: error, error };
                at
            }
        };
        self.places[self.last].count += frames;
    }

    /// A warning for each cause above a hundredth of the frames that was not warned of.
    pub(crate) fn warnings(&mut self, coverage: &Coverage) -> Vec<String> {
        let all = coverage.frames();
        let mut worth: Vec<(u64, Stop)> = self
            .places
            .iter()
            .map(|place| (place.count - place.error, Stop::of_key(place.stop)))
            .map(|(count, stop)| match stop.reach() {
                // They were counted before it was known what they are pieces of.
                Reach::Fragment => (count.min(coverage.frames_at(Reach::Fragment)), stop),
                _ => (count, stop),
            })
            .filter(|(count, stop)| {
                *count as f64 > WORTH_A_WARNING * all as f64
                    && !self.warned.contains(&stop.key())
            })
            .collect();
        worth.sort_by_key(|(count, stop)| (std::cmp::Reverse(*count), *stop));
        self.warned.extend(worth.iter().map(|(_, stop)| stop.key()));
        worth
            .into_iter()
            .map(|(count, stop)| {
                format!(
                    "{:.1} % of the frames ({count} of {all}) were not read to a payload \
                     because of {}: {}",
                    count as f64 / all as f64 * 100.0,
                    stop.describe(),
                    stop.advice()
                )
            })
            .collect()
    }

    /// Packets and conversations by kind of what is not read.
    pub(crate) fn unread(&self) -> UnreadCounters {
        UnreadCounters(self.unread.map(|kind| (kind.packets, kind.flows())))
    }
}

/// Packets that were taken whole although a part of them is not read, and how many
/// conversations they belong to, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnreadCounters([(u64, u64); Unread::ALL.len()]);

impl UnreadCounters {
    /// Packets of a kind.
    pub fn packets(&self, kind: Unread) -> u64 {
        self.0[kind as usize].0
    }

    /// Conversations of a kind, estimated by linear counting in 4,096 bits (Whang,
    /// Vander-Zanden, Taylor 1990): within a few in a hundred up to some 10,000, and never
    /// more than 34,070.
    pub fn flows(&self, kind: Unread) -> u64 {
        self.0[kind as usize].1
    }
}

impl Serialize for UnreadCounters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = Unread::ALL.into_iter().map(Unread::names).zip(self.0);
        serializer.collect_map(
            names.flat_map(|(names, counts)| [(names.0, counts.0), (names.1, counts.1)]),
        )
    }
}

impl Kind {
    /// Conversations, by how much of the bitmap is empty; a full one gives its limit.
    fn flows(&self) -> u64 {
        let bits = (FLOW_WORDS * 64) as f64;
        let set: u32 = self.bits.iter().map(|word| word.count_ones()).sum();
        let empty = (bits - f64::from(set)).max(1.0);
        (bits * (bits / empty).ln()).round() as u64
    }
}

persist!(CountedStop { stop, count, error });
persist!(Kind { packets, bits });
persist!(Causes { places, last, warned, unread });

#[cfg(test)]
mod tests;
