//! The merger's whole end: the log as closed ticks, and checkpoints that taps rely on.
//!
//! Guarantees: what [`Receiver::next`] returns is a function of the log; a merger that goes on
//! from its checkpoint sees the rest as it would have seen it without the interruption. Taps
//! are told to delete what a checkpoint covers only when it is on the disk.
//! Costs: those of [`Closing`]; a checkpoint holds the parcels of open ticks.

use super::link::Link;
use super::log::{Log, LogCounters};
use super::notes::Notes;
use crate::checkpoint::{Checkpoint, Position, Store};
use crate::closing::{Closed, Closing, ClosingCounters, Rules, TapCounters, Tick};
use crate::message::{Ask, Done, Message, Parcel, Piece, Wanted, fits};
use crate::{Error, Fleet, TapName};
use std::path::Path;
use std::time::Duration;

/// A checkpoint is due after so many ticks.
const MOST_TICKS: u64 = 64;

/// What comes to the merger, in the order of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A tick is closed.
    Tick(Tick),
    /// A parcel came after its tick had closed.
    Late(Parcel),
    /// An answer; one that was asked for twice may come twice.
    Piece(Piece),
}

/// What a receiver did since it was opened; its ticks' counters go on over restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverCounters {
    /// The reader's.
    pub log: LogCounters,
    /// The ticks'.
    pub closing: ClosingCounters,
    /// Each tap's.
    pub taps: Vec<(TapName, TapCounters)>,
    /// How often parcels that were missing were asked for.
    pub asked_for_parcels: u64,
    /// The place in the log of the last message that was taken.
    pub position: u64,
    /// Checkpoints of this fleet.
    pub checkpoints: u64,
    /// Bytes of the one that was written last, since it was opened.
    pub checkpoint_bytes: u64,
}

/// Receives the parcels of a fleet.
pub struct Receiver {
    log: Log,
    notes: Notes,
    closing: Closing,
    store: Store,
    position: Position,
    /// The number of the next checkpoint.
    number: u64,
    checkpoint_bytes: u64,
    /// Ticks and bytes that came since.
    ticks: u64,
    bytes: u64,
    has_holes: bool,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Receiver {
    /// Goes on from the checkpoint in `folder`, whose state is returned, or begins without
    /// one. Ticks wait for `declared` taps from the first on.
    ///
    /// # Errors
    ///
    /// A folder that cannot be used; a checkpoint that cannot be believed.
    pub fn open(
        link: &Link,
        fleet: &Fleet,
        folder: &Path,
        rules: Rules,
        declared: &[TapName],
    ) -> Result<(Self, Option<Vec<u8>>), Error> {
        let store = Store::open(folder, fleet)?;
        let found = store.read(rules, declared)?;
        let notes = Notes::open(link, fleet);
        let (position, closing, number, state) = match found {
            Some(found) => {
                notes.done(done(found.number, &found.closing), 0);
                let Checkpoint { number, position, closing, state } = found;
                (position, closing, number + 1, Some(state))
            }
            None => (Position::default(), Closing::new(rules, declared), 0, None),
        };
        let log = Log::open(link, fleet, position);
        let new = Self {
            log,
            notes,
            closing,
            store,
            position,
            number,
            checkpoint_bytes: 0,
            ticks: 0,
            bytes: 0,
            has_holes: true,
        };
        Ok((new, state))
    }

    /// What the next message of the log brings, in order; may be nothing. `None` after
    /// `wait`.
    ///
    /// # Errors
    ///
    /// None while the receiver lives; that the broker cannot be reached is none.
    pub fn next(&mut self, wait: Duration) -> Result<Option<Vec<Event>>, Error> {
        let Some(entry) = self.log.next(wait)? else { return Ok(None) };
        self.position = entry.position;
        self.bytes += entry.bytes as u64;
        let Some(message) = entry.message else { return Ok(Some(Vec::new())) };
        let closed = match message {
            Message::Parcel(parcel) => self.closing.parcel(parcel),
            Message::Lost(lost) => self.closing.lost(&lost),
            Message::Piece(piece) => {
                self.notes.answered(&piece.tap, piece.number);
                return Ok(Some(vec![Event::Piece(piece)]));
            }
            Message::Ask(_) | Message::Done(_) => Vec::new(),
        };
        let holes = self.closing.holes();
        if self.has_holes || !holes.is_empty() {
            self.has_holes = !holes.is_empty();
            self.notes.set_holes(holes);
        }
        let event = |closed| match closed {
            Closed::Tick(tick) => {
                self.ticks += 1;
                Event::Tick(tick)
            }
            Closed::Late(parcel) => Event::Late(parcel),
        };
        Ok(Some(closed.into_iter().map(event).collect()))
    }

    /// Writes a checkpoint: `state` is what the merger made of all that [`Receiver::next`]
    /// returned. Then taps may delete what it covers.
    ///
    /// # Errors
    ///
    /// A disk that refuses; the checkpoint before is then still there.
    pub fn checkpoint(&mut self, state: &[u8]) -> Result<(), Error> {
        self.checkpoint_bytes =
            self.store.write(self.number, self.position, &self.closing, state)?;
        self.notes.done(done(self.number, &self.closing), self.unneeded());
        self.number += 1;
        (self.ticks, self.bytes) = (0, 0);
        Ok(())
    }

    /// The messages before the last one that is in the checkpoint: that one shows whether the log
    /// is the same.
    fn unneeded(&self) -> u64 {
        self.position.sequence.saturating_sub(1)
    }

    /// Whether so much came since the last checkpoint that it is time for another: 64 ticks,
    /// or an eighth of what the log holds. Without, the log fills, and nobody can send.
    pub fn is_checkpoint_due(&self) -> bool {
        self.ticks >= MOST_TICKS || self.is_log_filling()
    }

    /// Whether an eighth of what the log holds came since the last checkpoint: it cannot be put
    /// off.
    pub fn is_log_filling(&self) -> bool {
        self.bytes >= self.log.most_bytes() / 8
    }

    /// Asks a tap for contents, once a second or two until [`Event::Piece`] with this number
    /// comes. Numbers are the caller's.
    ///
    /// # Errors
    ///
    /// An ask that is too long.
    pub fn ask(&self, tap: &TapName, number: u64, bytes: Vec<u8>) -> Result<(), Error> {
        fits("an ask", &bytes)?;
        self.notes.ask(Ask { tap: tap.clone(), number, wanted: Wanted::Content(bytes) });
        Ok(())
    }

    /// The answer is not needed any more.
    pub fn stop_asking(&self, tap: &TapName, number: u64) {
        self.notes.answered(tap, number);
    }

    /// Sends a finding, and waits until the broker has it. The broker drops an id that it had
    /// within two minutes; who reads findings drops those that come later.
    ///
    /// # Errors
    ///
    /// A finding that is too long, or that the broker does not have after `wait`.
    pub fn finding(&self, id: &str, bytes: &[u8], wait: Duration) -> Result<(), Error> {
        fits("a finding", bytes)?;
        self.notes.finding(id, bytes, wait)
    }

    /// No tick up to this one is open.
    pub fn closed(&self) -> Option<u64> {
        self.closing.closed()
    }

    /// What it did since it was opened.
    pub fn counters(&self) -> ReceiverCounters {
        let of = |(name, counters): (&TapName, TapCounters)| (name.clone(), counters);
        ReceiverCounters {
            log: self.log.counters(),
            closing: self.closing.counters(),
            taps: self.closing.tap_counters().map(of).collect(),
            asked_for_parcels: self.notes.asked_for_parcels(),
            position: self.position.sequence,
            checkpoints: self.number,
            checkpoint_bytes: self.checkpoint_bytes,
        }
    }
}

fn done(checkpoint: u64, closing: &Closing) -> Done {
    Done { checkpoint, taps: closing.covered() }
}
