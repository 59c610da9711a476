//! What a tap sent and the merger's checkpoint does not cover yet, on disk.
//!
//! Guarantees: a parcel that was appended is there after the process is killed at any moment;
//! a record that was not written whole is cut off and counted; a parcel goes only when it is
//! covered, or, counted, when the bound asks for the oldest; the last one stays until another
//! is appended, for who goes on begins with it. The numbers of parcels go on where they ended.
//! Costs: one write a parcel, no memory that grows with the parcels. [`Spool::sync`] forces
//! them to the disk; what was appended after it may be missing after a power failure.
//!
//! Files: `N.spool`, N the sequence of its first parcel, each a sixteenth of the bound; a file
//! goes as a whole.

mod segment;

use crate::message::fits;
use crate::private::make_folder;
use crate::{Error, Fleet, MAX_MESSAGE, Message, Parcel, TapName};
use segment::{Segment, Walk};
use std::collections::VecDeque;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

/// The bound on a spool unless told otherwise: 1 GiB.
pub const DEFAULT_CAPACITY: u64 = 1 << 30;
/// A spool is cut into so many files.
const SEGMENTS: u64 = 16;
/// The least bound: each file holds the longest message.
const LEAST_CAPACITY: u64 = SEGMENTS * MAX_MESSAGE as u64;

/// What a spool did since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolCounters {
    /// Parcels appended.
    pub appended: u64,
    /// Parcels that made room for others before they were covered.
    pub evicted: u64,
    /// Parcels that were there and cannot be read.
    pub damaged: u64,
    /// Bytes of records that were not written whole, cut off.
    pub torn_bytes: u64,
}

/// What is found at a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The parcel.
    Parcel(Parcel),
    /// It is gone; the next that is there has this sequence, or would have.
    Lost {
        /// The first after it that is not gone.
        next: u64,
    },
    /// Nothing has this sequence yet.
    None,
}

/// The spool of one tap; one process at a time.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    fleet: Fleet,
    tap: TapName,
    /// Tells it from another spool of the same tap, which counts anew.
    id: u64,
    /// All before this sequence is on the disk.
    synced: u64,
    /// And so are the names of the files.
    has_synced_names: bool,
    capacity: u64,
    segment_bytes: u64,
    segments: VecDeque<Segment>,
    /// Tick and part of the latest parcel.
    latest: Option<(u64, u32)>,
    covered: u64,
    /// What the next parcel says of the time before it.
    absent_since: Option<u64>,
    /// Where the last parcel that was read ends: reading on costs nothing more.
    walk: Option<Walk>,
    counters: SpoolCounters,
    _lock: File,
}

impl Spool {
    /// Opens or makes the spool of `tap` in `folder`, which holds nothing else.
    ///
    /// # Errors
    ///
    /// A folder that cannot be used, that another process uses, or that is another tap's; a
    /// capacity below 16 MiB.
    pub fn open(
        folder: &Path,
        fleet: &Fleet,
        tap: &TapName,
        capacity: u64,
    ) -> Result<Self, Error> {
        if capacity < LEAST_CAPACITY {
            return Err(Error::Settings(format!(
                "a spool of {capacity} bytes: at least {LEAST_CAPACITY} are needed"
            )));
        }
        Self::open_cut(folder, fleet, tap, capacity, capacity / SEGMENTS)
    }

    fn open_cut(
        folder: &Path,
        fleet: &Fleet,
        tap: &TapName,
        capacity: u64,
        segment_bytes: u64,
    ) -> Result<Self, Error> {
        make_folder(folder).map_err(Error::io("make the spool's folder", folder))?;
        let lock = crate::lock::take(folder)?;
        let mut spool = Self {
            folder: folder.to_owned(),
            fleet: fleet.clone(),
            tap: tap.clone(),
            id: new_id(),
            synced: 0,
            has_synced_names: false,
            capacity,
            segment_bytes,
            segments: VecDeque::new(),
            latest: None,
            covered: 0,
            absent_since: None,
            walk: None,
            counters: SpoolCounters::default(),
            _lock: lock,
        };
        spool.find()?;
        Ok(spool)
    }

    /// Finds the files of an earlier run, and cuts off what was not written whole.
    fn find(&mut self) -> Result<(), Error> {
        let mut firsts = segment::firsts(&self.folder)?;
        firsts.sort_unstable();
        let newest = firsts.pop();
        let nexts = firsts.iter().skip(1).copied().chain(newest);
        for (first, next) in firsts.iter().zip(nexts) {
            self.segments.push_back(Segment::full(&self.folder, *first, next)?);
        }
        let Some(first) = newest else {
            return self.begin(0);
        };
        match Segment::recover(&self.folder, first, &self.fleet, &self.tap)? {
            Some(found) => {
                self.counters.torn_bytes += found.torn_bytes;
                self.id = found.id;
                self.latest = found.latest;
                self.segments.push_back(found.segment);
                Ok(())
            }
            None => {
                // Not even its beginning was written; its name still says where to go on.
                self.counters.torn_bytes += segment::remove(&self.folder, first)?;
                self.begin(first)
            }
        }
    }

    fn begin(&mut self, first: u64) -> Result<(), Error> {
        let new = Segment::begin(
            &self.folder,
            first,
            &self.fleet,
            &self.tap,
            self.id,
            self.latest,
        )?;
        self.segments.push_back(new);
        self.has_synced_names = false;
        Ok(())
    }

    /// The tap was not running since this tick, or saw only a part of it: the next parcel says so.
    pub fn absent_since(&mut self, tick: u64) {
        self.absent_since = Some(tick);
    }

    /// Appends a parcel and says its sequence.
    ///
    /// # Errors
    ///
    /// A parcel that is too long or not after the one before; a disk that refuses.
    pub fn append(
        &mut self,
        tick: u64,
        part: u32,
        leaves: bool,
        bytes: &[u8],
    ) -> Result<u64, Error> {
        fits("a parcel", bytes)?;
        if let Some((last_tick, last_part)) = self.latest
            && (tick, part) <= (last_tick, last_part)
        {
            return Err(Error::Parcel(format!(
                "tap {}: a parcel of tick {tick}, part {part} after one of tick {last_tick}, \
                 part {last_part}: parcels are sent in order",
                self.tap
            )));
        }
        let sequence = self.next();
        let parcel = Parcel {
            tap: self.tap.clone(),
            tick,
            part,
            spool: self.id,
            sequence,
            leaves,
            absent_since: self.absent_since,
            bytes: bytes.to_vec(),
        };
        let record = segment::record(&Message::Parcel(parcel).encode(&self.fleet));
        let active = self.segments.back().expect("one file is always open");
        if !active.is_empty() && active.bytes() + record.len() as u64 > self.segment_bytes
        {
            self.begin(sequence)?;
        }
        while self.bytes() + record.len() as u64 > self.capacity && self.can_delete() {
            let oldest = self.segments.front().expect("two files");
            self.counters.evicted +=
                oldest.next().saturating_sub(oldest.first().max(self.covered));
            self.delete_oldest()?;
        }
        let active = self.segments.back_mut().expect("one file is always open");
        active.append(&record)?;
        self.absent_since = None;
        self.latest = Some((tick, part));
        self.counters.appended += 1;
        self.delete_covered()?;
        Ok(sequence)
    }

    /// Bytes of its files.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(Segment::bytes).sum()
    }

    /// Whether the oldest file can go: the last parcel stays until another one is appended, for
    /// who goes on begins with it.
    fn can_delete(&self) -> bool {
        self.segments.iter().skip(1).any(|later| !later.is_empty())
    }

    fn delete_oldest(&mut self) -> Result<(), Error> {
        // A parcel that stays must be on the disk when it goes.
        if self.segments.get(1).is_some_and(|next| next.first() >= self.synced) {
            self.sync()?;
        }
        let oldest = self.segments.pop_front().expect("a file more than the open one");
        segment::remove(&self.folder, oldest.first())?;
        Ok(())
    }

    fn delete_covered(&mut self) -> Result<(), Error> {
        while self.can_delete() && self.segments[0].next() <= self.covered {
            self.delete_oldest()?;
        }
        Ok(())
    }

    /// All parcels before `sequence` are covered and may go. Never goes back.
    ///
    /// # Errors
    ///
    /// A file that cannot be deleted.
    pub fn cover(&mut self, sequence: u64) -> Result<(), Error> {
        self.covered = self.covered.max(sequence.min(self.next()));
        self.delete_covered()
    }

    /// Forces all parcels to the disk: what was sent must not get another number after a power
    /// failure.
    ///
    /// # Errors
    ///
    /// A disk that refuses.
    pub fn sync(&mut self) -> Result<(), Error> {
        if self.synced < self.next() {
            for segment in self.segments.iter().filter(|file| file.next() > self.synced) {
                segment.sync()?;
            }
            if !std::mem::replace(&mut self.has_synced_names, true) {
                segment::sync_names(&self.folder)?;
            }
            self.synced = self.next();
        }
        Ok(())
    }

    /// What tells it from another spool of the same tap.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The sequence before which all is covered.
    pub fn covered(&self) -> u64 {
        self.covered
    }

    /// The sequence of the next parcel that is appended.
    pub fn next(&self) -> u64 {
        self.segments.back().expect("one file is always open").next()
    }

    /// What has this sequence.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub fn read(&mut self, sequence: u64) -> Result<Found, Error> {
        if sequence >= self.next() {
            return Ok(Found::None);
        }
        let after = self.segments.partition_point(|segment| segment.first() <= sequence);
        let Some(index) = after.checked_sub(1) else {
            return Ok(Found::Lost { next: self.segments[0].first() });
        };
        let at = self.walk.take().filter(|walk| walk.is_at(sequence));
        let walk = match at {
            Some(walk) => Some(walk),
            None => Walk::begin(&self.folder, self.segments[index].first())?,
        };
        let end = self.segments[index].next();
        if let Some(mut walk) = walk {
            while let Some(bytes) = walk.record()? {
                match Message::decode(&bytes, &self.fleet) {
                    Ok(Message::Parcel(parcel)) if parcel.sequence == sequence => {
                        // The next file begins with its own walk.
                        self.walk = (sequence + 1 < end).then_some(walk);
                        return Ok(Found::Parcel(parcel));
                    }
                    Ok(Message::Parcel(parcel)) if parcel.sequence < sequence => {}
                    _ => break,
                }
            }
        }
        // Where one record is damaged, those after it in the file cannot be found.
        self.counters.damaged += self.segments[index].give_up(sequence);
        Ok(Found::Lost { next: end })
    }

    /// What it did since it was opened.
    pub fn counters(&self) -> SpoolCounters {
        self.counters
    }
}

/// A number that no other spool has: what the standard library's maps are seeded with.
fn new_id() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests;
