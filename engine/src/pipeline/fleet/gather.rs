//! Parcels of one tick as one batch, in the order of all taps.
//!
//! The order is that in which one sensor reads the captures of several taps: by time, then by
//! tap. A packet that goes back in time comes right after the one before it. Packets are
//! numbered in that order, frames that left no record among them.

use super::parcel::{Contents, Parcel};
use super::tap::tick_of;
use crate::decode::DropCounters;
use crate::pipeline::batch::Chunk;
use crate::pipeline::record_at::{RecordAt, SeamSighting};
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// One batch, and where its records came from.
pub(super) struct Batch {
    /// One chunk, or none.
    pub(super) chunks: Vec<Chunk>,
    pub(super) seams: Vec<SeamSighting>,
    pub(super) frames: u64,
    pub(super) drops: DropCounters,
    parts: Vec<Part>,
    /// By record: its part, and its place there.
    origins: Vec<(usize, u32)>,
}

/// A parcel, and where its records are in the batch.
struct Part {
    tap: u16,
    sequence: u64,
    tick: u64,
    places: Vec<u32>,
}

/// How far the frames of a tap are numbered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbered {
    /// The tap's own number of the last packet, and the number in the order of all.
    own: u64,
    number: u64,
}

persist!(Numbered { own, number });

/// A parcel that goes into a batch.
pub(super) struct Given {
    pub(super) parcel: Parcel,
    /// Its tick was closed before: it counts at the time of the packets before it.
    pub(super) is_late: bool,
}

#[derive(Clone, Copy)]
enum Item {
    Record(usize, u32),
    Frame,
}

/// Puts packets of several taps into one order, and numbers them.
pub(super) struct Gathering<'a> {
    /// By tap; `None` with one tap, whose numbers stay.
    pub(super) numbered: Option<&'a mut [Numbered]>,
    pub(super) last_number: &'a mut u64,
    /// What claims to be later than the packet before it by more than this, and leaves no
    /// record, is not believed.
    pub(super) believable: Span,
}

impl Gathering<'_> {
    /// `given` is sorted by tap, then by the order of its parcels.
    pub(super) fn gather(mut self, given: Vec<Given>) -> Batch {
        let mut items: Vec<(Timestamp, u16, Item)> = Vec::new();
        let mut batch = Batch::empty();
        let mut latest = (u16::MAX, Timestamp::default());
        for (c, it) in given.iter().enumerate() {
            let tap = it.parcel.tap;
            if latest.0 != tap || it.is_late {
                latest = (tap, Timestamp::default());
            }
            self.line_up(c, it, &mut latest.1, &mut items);
        }
        // Those of one tap are in order already, and stay in it.
        items.sort_by_key(|(time, tap, _)| (*time, *tap));
        let mut chunks = Vec::new();
        for Given { parcel, is_late } in given {
            let Parcel { tap, sequence, tick, is_gated, contents, .. } = parcel;
            let Contents { frames, mut chunk, seams, drops, .. } = contents;
            batch.frames += frames;
            batch.drops.merge(&drops);
            batch.parts.push(Part { tap, sequence, tick, places: Vec::new() });
            let part = chunks.len() as u32;
            let of_part = |seam: SeamSighting| {
                let at = RecordAt { chunk: part, ..seam.at };
                SeamSighting { at, ..seam }
            };
            batch.seams.extend(seams.into_iter().map(of_part));
            if is_gated {
                chunk.records.iter_mut().for_each(|record| record.is_gated = true);
            }
            if is_late {
                chunk.records.iter_mut().for_each(|record| record.untimed = true);
            }
            chunks.push(chunk);
        }
        for (_, tap, item) in items {
            self.number(tap, item, &mut chunks);
            if let Item::Record(part, record) = item {
                batch.origins.push((part, record));
            }
        }
        let (merged, places) = Chunk::merge_in(&mut chunks, &batch.origins);
        batch.chunks.push(merged);
        for seam in &mut batch.seams {
            let RecordAt { chunk: part, record } = seam.at;
            let record = places[part as usize][record as usize];
            seam.at = RecordAt { chunk: 0, record };
        }
        batch
            .parts
            .iter_mut()
            .zip(places)
            .for_each(|(part, places)| part.places = places);
        batch
    }

    /// The frames of a parcel with the times by which they are ordered.
    fn line_up(
        &self,
        part: usize,
        Given { parcel, is_late }: &Given,
        latest: &mut Timestamp,
        items: &mut Vec<(Timestamp, u16, Item)>,
    ) {
        let (tap, contents) = (parcel.tap, &parcel.contents);
        let mut unrecorded = contents.unrecorded.iter().peekable();
        let mut push = |time: Timestamp, item| {
            if !is_late {
                *latest = time.max(*latest);
            }
            items.push((*latest, tap, item));
            *latest
        };
        let mut before = Timestamp::default();
        let claimed = |time: Timestamp, before: Timestamp| match time.since(before) {
            ahead if before > Timestamp::default() && ahead > self.believable => before,
            _ => time,
        };
        let records = &contents.chunk.records;
        for ((i, record), stamp) in (0..).zip(records).zip(&contents.stamps) {
            while let Some((_, time)) = unrecorded.next_if(|it| it.0 < record.number) {
                before = push(claimed(*time, before), Item::Frame);
            }
            let time = match (record.vacant, record.untimed) {
                (true, _) => claimed(record.time, before),
                (_, true) => *latest_of(stamp, &before),
                _ => *stamp,
            };
            before = push(time, Item::Record(part, i));
        }
        for (_, time) in unrecorded {
            before = push(claimed(*time, before), Item::Frame);
        }
    }

    fn number(&mut self, tap: u16, item: Item, chunks: &mut [Chunk]) {
        let Some(numbered) = &mut self.numbered else { return };
        let it = &mut numbered[usize::from(tap)];
        let Item::Record(part, record) = item else {
            *self.last_number += 1;
            return;
        };
        let record = &mut chunks[part].records[record as usize];
        // A piece of a datagram stands for no frame of its own.
        if record.number > it.own {
            *self.last_number += 1;
            *it = Numbered { own: record.number, number: *self.last_number };
        }
        record.number = it.number;
    }
}

fn latest_of<'a>(a: &'a Timestamp, b: &'a Timestamp) -> &'a Timestamp {
    a.max(b)
}

impl Batch {
    pub(super) fn empty() -> Self {
        Self {
            chunks: Vec::new(),
            seams: Vec::new(),
            frames: 0,
            drops: DropCounters::default(),
            parts: Vec::new(),
            origins: Vec::new(),
        }
    }

    /// The first parcel of a tap with a packet at this time or after it, by the tap's clock or
    /// by that of all taps.
    pub(super) fn first_of(&self, tap: u16, until: Timestamp) -> Option<u64> {
        let records = self.chunks.first().map_or(&[][..], |chunk| &chunk.records);
        let is_later = |part: &&Part| {
            let last = part.places.last().and_then(|at| records.get(*at as usize));
            part.tap == tap
                && (part.tick >= tick_of(until)
                    || last.is_some_and(|it| it.time >= until))
        };
        self.parts.iter().find(is_later).map(|part| part.sequence)
    }

    /// The tap of a record, its parcel there and its place in that.
    pub(super) fn origin(&self, record: u32) -> (u16, (u64, u32)) {
        let (part, place) = self.origins[record as usize];
        let Part { tap, sequence, .. } = self.parts[part];
        (tap, (sequence, place))
    }

    /// The last record of a tap that is not behind this one.
    pub(super) fn last_of(&self, tap: u16, record: u32) -> Option<(u64, u32)> {
        let of_tap = self.parts.iter().rev().filter(|part| part.tap == tap);
        let mut before = of_tap.filter_map(|part| {
            let count = part.places.partition_point(|place| *place <= record);
            (count > 0).then(|| (part.sequence, count as u32 - 1))
        });
        before.next()
    }
}
