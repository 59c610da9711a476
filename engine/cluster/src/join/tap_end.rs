//! A tap's run: frames in, parcels into the spool, asks answered.
//!
//! Guarantees: a tap that was killed, and is given the same captures again, sends what it had
//! not sent, does what it had been asked, and comes to the same. Other captures are refused before
//! anything of them is sent: each parcel carries a hash of all frames up to it.
//! Costs: those of the tap, of its spool and of its journal. [`TapEnd::is_ahead`] says when
//! captures should not be read on: payloads are held until the merger has closed their tick.

use super::cut::{DISMISSED, Joined, LAST, parts};
use super::engine;
use super::journal::{Asked, Journal};
use super::spooled::{Head, Last};
use crate::jetstream::{Link, Publisher};
use crate::message::{MAX_CONTENT, Wanted};
use crate::spool::{Found, Spool};
use crate::{Error, Fleet, TapName};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;
use wormsift::fleet::{Ask, Parcel, Tap};
use wormsift::packet::{Frame, Timestamp};
use xxhash_rust::xxh3::Xxh3;

/// Parts of a parcel are numbered in steps of it.
const MOST_PARTS: u32 = 1 << 10;
/// Bytes of payloads that are held before captures are not read on: a quarter of
/// [`Tap::HELD`].
const AHEAD: u64 = Tap::HELD as u64 / 4;
/// Parcels that the merger has not closed before captures are not read on: it keeps as many.
const MOST_PARCELS: u64 = 512;
/// More frames than a parcel can have: by so many their numbers are apart after a run that was
/// killed, which had one parcel more.
const NUMBERS: u64 = 1 << 24;
/// So long the broker has to take an answer before it is told that it cannot be reached.
const PATIENCE: Duration = Duration::from_secs(1);
/// Where an answer's further parts are numbered.
pub(super) const PART: u32 = 48;

/// A tap's run: frames in, parcels into the spool, asks answered.
pub struct TapEnd {
    tap: Tap,
    publisher: Publisher,
    journal: Journal,
    /// What was asked before the tap was killed, to be done once more.
    replayed: VecDeque<Ask>,
    joined: Joined,
    /// Asks that came before their turn.
    early: BTreeMap<u64, Vec<u8>>,
    /// Parcels that the tap has made.
    made: u64,
    /// Their bytes.
    bytes: u64,
    /// Parcels that are in the spool from before.
    spooled: u64,
    /// The last entry of the spool from before.
    last: Option<Last>,
    /// What is added to the numbers of frames, which begin anew with each run.
    first_number: u64,
    /// A hash of the frames so far.
    frames: Xxh3,
    /// That hash at each parcel that the tap has made and that was not looked at, in order.
    hashes: VecDeque<u64>,
    /// The tick of the last parcel, and how many of it there are.
    tick: (u64, u32),
    /// The first parcel of this tick.
    first: u64,
    /// Parcels that the merger has closed.
    settled: u64,
    is_dismissed: bool,
}

impl std::fmt::Debug for TapEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TapEnd").field("made", &self.made).finish_non_exhaustive()
    }
}

impl TapEnd {
    /// A tap that has seen nothing yet, and the folder of its spool, which may be that of a run
    /// that was killed.
    ///
    /// # Errors
    ///
    /// As [`Spool::open`]; a journal that cannot be read.
    pub fn open(
        tap: Tap,
        link: &Link,
        fleet: &Fleet,
        name: &TapName,
        folder: &Path,
        capacity: u64,
    ) -> Result<Self, Error> {
        let mut spool = Spool::open(&folder.join("spool"), fleet, name, capacity)?;
        let mut last = None;
        let spooled = match spool.next().checked_sub(1).map(|last| spool.read(last)) {
            None => 0,
            Some(Ok(Found::Parcel(it))) => {
                let found = Head::read(&it.bytes).ok_or_else(|| {
                    engine("the spool holds what no tap has made; remove its folder")
                })?;
                let Head { sequence, frames, part } = found;
                last = Some(Last { tick: it.tick, part: it.part, sequence, frames });
                let is_whole = part.first().is_some_and(|flags| flags & LAST != 0);
                sequence + u64::from(is_whole)
            }
            Some(Err(why)) => return Err(why),
            Some(Ok(Found::Lost { .. } | Found::None)) => {
                let why = "its last parcel is lost; remove the folder to begin anew";
                return Err(Error::file("go on from the spool", folder, why));
            }
        };
        let journal = Journal::open(folder)?;
        let mut new = Self {
            tap,
            publisher: Publisher::start(link, fleet, name, spool),
            replayed: VecDeque::new(),
            joined: Joined::default(),
            early: BTreeMap::new(),
            made: 0,
            bytes: 0,
            spooled,
            last,
            first_number: 0,
            frames: Xxh3::new(),
            hashes: VecDeque::new(),
            tick: (0, 0),
            first: 0,
            settled: 0,
            is_dismissed: false,
            journal,
        };
        for number in 0..new.journal.next() {
            let asked = new.journal.get(number).map(|asked| asked.ask.clone());
            new.is_dismissed |= asked.as_deref() == Some(&[DISMISSED]);
            if let Some(ask) = asked.and_then(|ask| new.joined(&ask).transpose()) {
                new.replayed.push_back(ask?);
            }
        }
        Ok(new)
    }

    /// The same for a tap that listens: what it had seen cannot be seen once more. It goes on with
    /// what comes, and says since when it was not running.
    ///
    /// # Errors
    ///
    /// As [`TapEnd::open`].
    pub fn open_live(
        tap: Tap,
        link: &Link,
        fleet: &Fleet,
        name: &TapName,
        folder: &Path,
        capacity: u64,
    ) -> Result<Self, Error> {
        let mut new = Self::open(tap, link, fleet, name, folder, capacity)?;
        let absent_since = match new.last.take() {
            None => 0,
            Some(last) => {
                // One that is not whole will never be.
                let sequence = last.sequence + 1;
                new.tap = new.tap.going_on(sequence, last.tick);
                (new.made, new.settled) = (sequence, sequence);
                new.first_number = sequence.saturating_mul(NUMBERS);
                last.tick
            }
        };
        new.spooled = 0;
        for ask in std::mem::take(&mut new.replayed) {
            new.tap.recall(&ask).map_err(engine)?;
        }
        new.publisher.absent_since(absent_since);
        Ok(new)
    }

    /// Takes a frame that is seen once: no hash is made of it.
    pub fn live_frame(&mut self, frame: &Frame<'_>) {
        let number = self.first_number.saturating_add(frame.number);
        self.tap.frame(&Frame { number, ..*frame });
    }

    /// As [`Tap::advance`]: the ticks before `now` are complete.
    ///
    /// # Errors
    ///
    /// As [`TapEnd::send`].
    pub fn advance(&mut self, now: Timestamp) -> Result<(), Error> {
        self.tap.advance(now);
        self.send()
    }

    /// The tap.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Takes a frame, as [`Tap::frame`].
    pub fn frame(&mut self, frame: &Frame<'_>) {
        let before = self.tap.counters().parcels;
        self.tap.frame(frame);
        // Of what makes the tap's parcels nothing else can differ between two captures.
        let link = frame.link.0.to_le_bytes();
        let numbers =
            [frame.time.as_nanos(), frame.original_len.into(), frame.data.len() as u64];
        self.frames.update(&link);
        numbers.iter().for_each(|number| self.frames.update(&number.to_le_bytes()));
        self.frames.update(frame.data);
        self.note_parcels(before);
    }

    /// Parcels that were made since there were so many have the hash of the frames so far.
    fn note_parcels(&mut self, before: u64) {
        for _ in before..self.tap.counters().parcels {
            self.hashes.push_back(self.frames.digest());
        }
    }

    /// Puts the parcels that the tap has made into the spool.
    ///
    /// # Errors
    ///
    /// A disk that refuses.
    pub fn send(&mut self) -> Result<(), Error> {
        for parcel in self.tap.parcels() {
            self.send_one(&parcel)?;
        }
        self.replay()
    }

    fn send_one(&mut self, parcel: &Parcel) -> Result<(), Error> {
        // What is left when the tap ends goes with its last tick.
        let tick = parcel.tick().unwrap_or(self.tick.0);
        if tick > self.tick.0 {
            self.first = parcel.sequence();
            self.tick = (tick, 0);
        }
        let at = self.tick.1;
        self.tick.1 += 1;
        self.made = parcel.sequence() + 1;
        let frames = self.hashes.pop_front().unwrap_or_default();
        if let Some(last) = &self.last {
            last.check(parcel, frames)?;
        }
        let message = parcel.encode();
        self.bytes += message.len() as u64;
        if self.made <= self.spooled {
            return Ok(());
        }
        let parts = parts(&message, MAX_CONTENT - Head::BYTES);
        let count = parts.len();
        for (part, bytes) in (0..).zip(parts) {
            let head = Head { sequence: parcel.sequence(), frames, part: &bytes };
            let bytes = head.to_bytes();
            let leaves = parcel.tick().is_none() && part as usize + 1 == count;
            let part = at * MOST_PARTS + part;
            // Killed between two parts: the first are there.
            if self.last.is_none_or(|last| (tick, part) > (last.tick, last.part)) {
                self.publisher.send(tick, part, leaves, &bytes)?;
            }
        }
        Ok(())
    }

    /// Does once more what was asked before the tap was killed.
    fn replay(&mut self) -> Result<(), Error> {
        while let Some(ask) = self.replayed.front().filter(|it| it.settles() <= self.made)
        {
            self.tap.answer(ask).map_err(engine)?;
            self.settled = self.settled.max(ask.settles());
            self.replayed.pop_front();
        }
        Ok(())
    }

    /// Ends the tap's captures. It is asked on until it is [dismissed](Self::is_dismissed).
    ///
    /// # Errors
    ///
    /// As [`TapEnd::send`].
    pub fn finish(&mut self) -> Result<(), Error> {
        let before = self.tap.counters().parcels;
        self.tap.finish();
        self.note_parcels(before);
        self.send()
    }

    /// Whether the tap is so far ahead of the merger that captures should not be read on. What
    /// is held of a tick that is open cannot be let go of by waiting.
    pub fn is_ahead(&self) -> bool {
        let has_closable = self.settled < self.first;
        let is_much = self.tap.counters().held_bytes > AHEAD
            || self.made.saturating_sub(self.settled) > MOST_PARCELS;
        has_closable && is_much
    }

    /// Whether the spool is that of a run that was killed: the tap must see the same once more.
    pub fn is_resumed(&self) -> bool {
        self.spooled > 0 && !self.is_dismissed
    }

    /// Parcels that the tap has made, and their bytes.
    pub fn made(&self) -> (u64, u64) {
        (self.made, self.bytes)
    }

    /// Whether the merger is at its end, and asks no more.
    pub fn is_dismissed(&self) -> bool {
        self.is_dismissed
    }

    /// How the parcels are, and what happened to them.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// Waits so long for something that is asked, and does it; whether something was.
    ///
    /// # Errors
    ///
    /// What is asked is of another fleet, or of another merger than before; a disk that
    /// refuses. That the broker cannot be reached is none: the merger asks again.
    pub fn serve(&mut self, wait: Duration) -> Result<bool, Error> {
        let Some(ask) = self.publisher.ask(wait) else { return Ok(false) };
        let Wanted::Content(bytes) = ask.wanted else { return Ok(false) };
        if ask.number < self.journal.next() {
            self.answer_again(ask.number, &bytes)?;
            return Ok(true);
        }
        self.early.insert(ask.number, bytes);
        // What was asked before the tap was killed comes first.
        while self.replayed.is_empty()
            && let Some(bytes) = self.early.remove(&self.journal.next())
        {
            self.take(bytes)?;
        }
        Ok(true)
    }

    fn take(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let number = self.journal.next();
        let mut answer = Vec::new();
        if bytes[..] == [DISMISSED] {
            self.is_dismissed = true;
        } else if let Some(ask) = self.joined(&bytes)? {
            let piece = self.tap.answer(&ask).map_err(engine)?;
            self.settled = self.settled.max(ask.settles());
            answer.extend(piece.map(|piece| piece.encode()));
        }
        let answer = answer.pop().unwrap_or_default();
        let answer = parts(&answer, MAX_CONTENT);
        self.journal.add(Asked { number, ask: bytes, answer })?;
        self.answer(number);
        Ok(())
    }

    /// An ask that is whole.
    fn joined(&mut self, bytes: &[u8]) -> Result<Option<Ask>, Error> {
        if bytes == [DISMISSED] {
            return Ok(None);
        }
        let whole = self.joined.take(bytes).map_err(|_| engine("an ask is damaged"))?;
        whole.map(|whole| Ask::decode(&whole).map_err(engine)).transpose()
    }

    fn answer_again(&mut self, number: u64, bytes: &[u8]) -> Result<(), Error> {
        let is_same = self.journal.get(number).is_some_and(|asked| asked.ask == bytes);
        if !is_same {
            return Err(engine(
                "the merger asks otherwise than before: it began anew; begin the tap anew, with \
                 an empty folder, and the fleet under another name",
            ));
        }
        self.is_dismissed |= bytes == [DISMISSED];
        self.answer(number);
        Ok(())
    }

    /// Sends an answer. One that the broker does not take is asked for again.
    fn answer(&self, number: u64) {
        let Some(asked) = self.journal.get(number) else { return };
        let last = asked.answer.len() as u64 - 1;
        for (at, part) in (0..).zip(&asked.answer) {
            // The last part has the number of the ask: then the ask is answered.
            let number = if at == last { number } else { number | (at + 1) << PART };
            if self.publisher.answer(number, part, PATIENCE).is_err() {
                return;
            }
        }
    }
}
