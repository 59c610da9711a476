//! How far frames were read, and what stopped them.
//!
//! Each frame counts once under how far it was read ([`Reach`]); what stopped it is
//! counted in a table of fixed size, in frame order, so that neither threads nor batches
//! change it. Plain packets cost two additions.

use super::stats::Stats;
use crate::decode::{Reach, Stop, Unread};
use crate::packet::{Frame, Packet};
use crate::state::persist;

const KINDS: usize = Reach::ALL.len();

/// Frames, and their bytes on the wire, by how far they were read.
///
/// Of what is [`Reach::Payload`] the number is what is left of the sum: so that counting
/// the common case is one addition.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Coverage {
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
        self.frames += other.frames;
        self.bytes += other.bytes;
        for at in 0..KINDS {
            self.stopped[at] = self.stopped[at].wrapping_add(other.stopped[at]);
            let bytes = other.stopped_bytes[at];
            self.stopped_bytes[at] = self.stopped_bytes[at].wrapping_add(bytes);
        }
    }

    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// Frames that are fragments of datagrams which are not complete.
    pub(crate) fn fragments(&self) -> u64 {
        self.stopped[Reach::Fragment as usize]
    }

    pub(crate) fn tell(&self, stats: &mut Stats) {
        const SECTION: &str = "coverage";
        let of = |all: u64, stopped: &[u64; KINDS], reach: Reach| match reach {
            Reach::Payload => all.saturating_sub(stopped.iter().sum()),
            reach => stopped[reach as usize],
        };
        stats.set(SECTION, "frames", self.frames);
        stats.set(SECTION, "bytes", self.bytes);
        for reach in Reach::ALL {
            let (frames, bytes) = reach.names();
            stats.set(SECTION, frames, of(self.frames, &self.stopped, reach));
            stats.set(SECTION, bytes, of(self.bytes, &self.stopped_bytes, reach));
        }
        let share = |part: u64, all: u64| part as f64 / all.max(1) as f64;
        let payload = of(self.frames, &self.stopped, Reach::Payload);
        stats.set_gauge(SECTION, "payload_frame_share", share(payload, self.frames));
        let payload = of(self.bytes, &self.stopped_bytes, Reach::Payload);
        stats.set_gauge(SECTION, "payload_byte_share", share(payload, self.bytes));
    }
}

persist!(Coverage { frames, bytes, stopped, stopped_bytes });

/// What stopped frames, counted by space saving (Metwally, Agrawal, El Abbadi 2005): of
/// more causes than it has places the rarest is replaced, and a count is too high by at
/// most the number of stopped frames divided by the places.
#[derive(Debug)]
pub(crate) struct Causes {
    places: Vec<Place>,
    /// Where the last cause was found: most often the next is the same.
    last: usize,
    warned: Vec<u64>,
    unread: [Kind; Unread::ALL.len()],
}

/// A cause and its frames.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
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
/// Share of all frames above which a cause is told of.
const WORTH_TELLING: f64 = 0.01;

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
                self.places.push(Place { stop, ..Place::default() });
                self.places.len() - 1
            }
            None => {
                let rarest = (0..PLACES).min_by_key(|at| self.places[*at].count);
                let at = rarest.unwrap_or_default();
                let error = self.places[at].count;
                self.places[at] = Place { stop, count: error, error };
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
                Reach::Fragment => (count.min(coverage.fragments()), stop),
                _ => (count, stop),
            })
            .filter(|(count, stop)| {
                *count as f64 > WORTH_TELLING * all as f64
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

    pub(crate) fn tell(&self, stats: &mut Stats) {
        for (unread, kind) in Unread::ALL.into_iter().zip(&self.unread) {
            let (packets, flows) = unread.names();
            stats.set("unread", packets, kind.packets);
            stats.set("unread", flows, kind.flows());
        }
    }
}

impl Kind {
    /// Conversations, by how much of the bitmap is empty; a full one tells its limit.
    fn flows(&self) -> u64 {
        let bits = (FLOW_WORDS * 64) as f64;
        let set: u32 = self.bits.iter().map(|word| word.count_ones()).sum();
        let empty = (bits - f64::from(set)).max(1.0);
        (bits * (bits / empty).ln()).round() as u64
    }
}

persist!(Place { stop, count, error });
persist!(Kind { packets, bits });
persist!(Causes { places, last, warned, unread });

#[cfg(test)]
mod tests;
