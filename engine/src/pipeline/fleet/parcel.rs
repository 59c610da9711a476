//! A parcel: what one tap has seen in one tick of packet time, or in a part of it.
//!
//! It holds records of packets and sightings of windows, in the order in which the tap saw
//! them; what was seen across segments; packets to dark addresses; the beginnings of payloads
//! to and from decoys, and of no others; and counters. One that holds nothing says that the
//! tap is alive and how far it has come.

use super::ParcelError;
use super::gate::Gate;
use super::wire::Binding;
use crate::decode::{DropCounters, FragmentCounters};
use crate::fingerprint::Windows;
use crate::pipeline::batch::Chunk;
use crate::pipeline::record_at::SeamSighting;
use crate::state::persist;
use crate::stream::{SampleCounters, StreamCounters};
use crate::time::Timestamp;

/// See the [module](super).
pub struct Parcel {
    pub(super) binding: Binding,
    pub(super) tap: u16,
    /// Counts the tap's parcels, without a gap.
    pub(super) sequence: u64,
    pub(super) tick: u64,
    pub(super) completes: bool,
    /// Whether it lacks the sightings that did not pass the tap's gate.
    pub(super) is_gated: bool,
    /// Whether its tap sends no payload.
    pub(super) withholds: bool,
    pub(super) contents: Contents,
}

/// The tick of what is left when a tap ends.
pub(super) const END: u64 = u64::MAX;

/// What was seen.
pub(super) struct Contents {
    /// Frames that came in.
    pub(super) frames: u64,
    /// Frames that left no record: their numbers and claimed times.
    pub(super) unrecorded: Vec<(u64, Timestamp)>,
    /// The tap's time at each record.
    pub(super) stamps: Vec<Timestamp>,
    /// Records with their claimed times, sightings, and what else was seen in this part.
    pub(super) chunk: Chunk,
    /// Sightings across segments; all of chunk 0.
    pub(super) seams: Vec<SeamSighting>,
    pub(super) drops: DropCounters,
    pub(super) totals: Totals,
}

/// What the tap has counted since it began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) stream: StreamCounters,
    pub(super) samples: SampleCounters,
    pub(super) fragments: FragmentCounters,
    pub(super) windows: Windows,
}

impl Totals {
    /// Adds those of another tap.
    pub(super) fn add(&mut self, other: &Self) {
        self.stream += other.stream;
        self.samples += other.samples;
        self.fragments += other.fragments;
        self.windows += other.windows;
    }
}

persist!(Totals { stream, samples, fragments, windows });

impl Contents {
    pub(super) fn empty() -> Self {
        Self {
            frames: 0,
            unrecorded: Vec::new(),
            stamps: Vec::new(),
            chunk: Chunk::new(),
            seams: Vec::new(),
            drops: DropCounters::default(),
            totals: Totals::default(),
        }
    }
}

impl Parcel {
    /// The number of the tap that it is of: its place in the settings.
    pub fn tap(&self) -> u16 {
        self.tap
    }

    /// Its place among the tap's parcels: the first is 0, and none is left out. With the
    /// tap's number it is an identity, by which a transport may drop what came twice.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The second of packet time that it is of, by the tap's clock; `None` where it holds what
    /// was left when the tap ended.
    pub fn tick(&self) -> Option<u64> {
        (self.tick != END).then_some(self.tick)
    }

    /// Whether it is the last of its tick.
    pub fn completes(&self) -> bool {
        self.completes
    }

    /// The gate of its tap.
    pub fn gate(&self) -> Gate {
        if self.is_gated { Gate::Promoted } else { Gate::All }
    }

    /// How many packets it has records of.
    pub fn records(&self) -> usize {
        self.contents.chunk.records.len()
    }

    /// How many windows were seen.
    pub fn sightings(&self) -> usize {
        let own = self.contents.chunk.sightings.iter().map(Vec::len).sum::<usize>();
        own + self.contents.seams.len()
    }

    /// The message that [`decode`](Self::decode) reads.
    pub fn encode(&self) -> Vec<u8> {
        super::parcel_wire::encode(self)
    }

    /// Reads a message. Whether it belongs to a fleet, a [`Merger`](super::Merger) says.
    ///
    /// # Errors
    ///
    /// It is cut, damaged, or of another version.
    pub fn decode(message: &[u8]) -> Result<Self, ParcelError> {
        super::parcel_wire::decode(message)
    }
}

impl std::fmt::Debug for Parcel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parcel")
            .field("tap", &self.tap)
            .field("sequence", &self.sequence)
            .field("tick", &self.tick())
            .field("completes", &self.completes)
            .field("records", &self.records())
            .finish_non_exhaustive()
    }
}
