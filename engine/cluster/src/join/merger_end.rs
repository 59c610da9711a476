//! A merger's run: closed ticks in, asks out, answers in, findings out.
//!
//! Guarantees: all that happens between two calls of [`MergerEnd::step`] is decided by the log,
//! so that findings come in the same order when they are taken after each step. A checkpoint
//! holds the merger between two ticks, the ticks that wait for it, and what is asked.
//! Costs: ticks that are closed while an answer is waited for are in memory.

use super::cut::{DISMISSED, Joined, parts};
use super::engine;
use super::spooled::Head;
use super::state;
use super::tap_end::PART;
use crate::closing::{Rules, Tick};
use crate::jetstream::{Event, Link, Receiver};
use crate::message::{MAX_CONTENT, Parcel, Piece};
use crate::{Error, Fleet, TapName};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wormsift::config::Config;
use wormsift::fleet::{self, Merger, ParcelError};
use wormsift::time::Span;

/// What is closed, and waits for the merger.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Waiting {
    Tick(Tick),
    Late(Parcel),
}

/// What is asked of one tap.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Asking {
    /// The number of the next ask.
    pub(super) next: u64,
    /// What is not answered yet, by number.
    pub(super) open: BTreeMap<u64, Vec<u8>>,
    /// An answer that is not whole.
    pub(super) joined: Joined,
    /// What is left of the tap, once it has ended.
    pub(super) end: Option<Vec<u8>>,
    /// Whether it was told that the tap has another key or other settings.
    pub(super) is_strange: bool,
}

/// A merger's run: closed ticks in, findings out.
pub struct MergerEnd {
    pub(super) merger: Merger,
    receiver: Receiver,
    /// By number.
    pub(super) taps: Vec<TapName>,
    pub(super) asking: Vec<Asking>,
    pub(super) waiting: VecDeque<Waiting>,
    /// Whether every tap has ended.
    has_ended: bool,
    /// Whether it was at its end before it was opened.
    was_finished: bool,
    /// Messages of the transport that hold no message of the fleet.
    refused: u64,
    /// Taps that have another key or other settings, to be told of.
    strangers: Vec<(TapName, ParcelError)>,
    /// Where the merger is saved before it becomes a part of a checkpoint.
    saved: PathBuf,
}

impl std::fmt::Debug for MergerEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MergerEnd")
            .field("receiver", &self.receiver)
            .finish_non_exhaustive()
    }
}

impl MergerEnd {
    /// The merger of these taps, which are those of the settings in their order. Goes on from
    /// the checkpoint in `folder`, and returns what the host had saved there.
    ///
    /// # Errors
    ///
    /// Settings that are out of range, or other than those of the checkpoint; as
    /// [`Receiver::open`].
    pub fn open(
        config: Config,
        link: &Link,
        fleet: &Fleet,
        taps: &[TapName],
        folder: &Path,
        rules: Rules,
    ) -> Result<(Self, Option<Vec<u8>>), Error> {
        let (receiver, found) = Receiver::open(link, fleet, folder, rules, taps)?;
        let saved = folder.join("merger");
        let found =
            found.map(|found| state::read(&found, taps.len(), &saved)).transpose()?;
        let name = fleet.as_str();
        let merger = match &found {
            Some(found) if !found.is_finished => Merger::restore(config, name, &saved),
            _ => Merger::new(config, name),
        };
        // The transport alone says which tick closes.
        let merger = merger.map_err(engine)?;
        let mut merger = merger.with_lateness(Span::from_secs(u64::MAX));
        for (number, tap) in (0..).zip(taps) {
            merger.name_tap(number, tap.as_str());
        }
        let mut new = Self {
            merger,
            receiver,
            taps: taps.to_vec(),
            asking: vec![Asking::default(); taps.len()],
            waiting: VecDeque::new(),
            has_ended: false,
            was_finished: false,
            refused: 0,
            strangers: Vec::new(),
            saved,
        };
        let host = match found {
            None => None,
            Some(found) => {
                (new.asking, new.waiting) = (found.asking, found.waiting);
                new.was_finished = found.is_finished;
                Some(found.host)
            }
        };
        for (tap, asking) in new.taps.iter().zip(&new.asking) {
            for (number, bytes) in &asking.open {
                new.receiver.ask(tap, *number, bytes.clone())?;
            }
        }
        Ok((new, host))
    }

    /// The merger: what it found is taken here, after each [step](Self::step).
    pub fn merger(&mut self) -> &mut Merger {
        &mut self.merger
    }

    /// What comes from the taps, and what happened to it.
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// What each tap is asked and has not answered, by the taps' numbers.
    pub fn asks_outstanding(&self) -> impl Iterator<Item = (&TapName, u64)> {
        let count = |asking: &Asking| asking.open.len() as u64;
        self.taps.iter().zip(self.asking.iter().map(count))
    }

    /// Messages that came whole, and hold no message of the fleet.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Whether all taps have ended, and all is found.
    pub fn is_finished(&self) -> bool {
        self.was_finished || self.merger.is_finished()
    }

    /// Goes on with what is there, or waits so long for the next message; whether there was
    /// something.
    ///
    /// # Errors
    ///
    /// What is asked is too long.
    pub fn step(&mut self, wait: Duration) -> Result<bool, Error> {
        if self.is_finished() {
            return Ok(false);
        }
        let is_free = !self.merger.is_waiting() && !self.has_ended;
        if is_free && (self.next_tick() || self.end_if_all_have()) {
            self.ask()?;
            return Ok(true);
        }
        let Some(events) = self.receiver.next(wait)? else { return Ok(false) };
        for event in events {
            match event {
                Event::Tick(tick) => {
                    // It closed without them: their answers are not waited for, either.
                    let behind = tick.behind.iter().filter_map(|tap| self.number(tap));
                    for tap in behind.collect::<Vec<_>>() {
                        if self.merger.is_waiting() {
                            self.merger.give_up(tap);
                        }
                    }
                    self.waiting.push_back(Waiting::Tick(tick));
                }
                Event::Late(parcel) => self.waiting.push_back(Waiting::Late(parcel)),
                Event::Piece(piece) => self.answer(&piece),
            }
        }
        self.ask()?;
        Ok(true)
    }

    /// Takes the next tick that is closed, and what came late before it.
    fn next_tick(&mut self) -> bool {
        if !self.waiting.iter().any(|it| matches!(it, Waiting::Tick(_))) {
            return false;
        }
        let mut joined = vec![Joined::default(); self.taps.len()];
        while let Some(it) = self.waiting.pop_front() {
            match it {
                Waiting::Late(parcel) => self.take(&parcel, &mut joined),
                Waiting::Tick(tick) => {
                    tick.parcels.iter().for_each(|parcel| self.take(parcel, &mut joined));
                    let behind = tick.behind.iter().filter_map(|tap| self.number(tap));
                    let behind: Vec<u16> = behind.collect();
                    for blind in &tick.blind {
                        if let Some(tap) = self.number(&blind.tap) {
                            self.merger.miss(tap, blind.from, blind.to);
                        }
                    }
                    self.merger.close_to(tick.tick, &behind);
                    break;
                }
            }
        }
        true
    }

    /// Ends the merger when every tap has ended, and nothing waits.
    fn end_if_all_have(&mut self) -> bool {
        let late = self.waiting.iter().filter_map(|it| match it {
            Waiting::Late(parcel) if parcel.leaves => self.number(&parcel.tap),
            _ => None,
        });
        let late: Vec<u16> = late.collect();
        let has_ended =
            |(tap, asking): (u16, &Asking)| asking.end.is_some() || late.contains(&tap);
        if !(0..).zip(&self.asking).all(has_ended) {
            return false;
        }
        let mut joined = vec![Joined::default(); self.taps.len()];
        while let Some(Waiting::Late(parcel)) = self.waiting.pop_front() {
            self.take(&parcel, &mut joined);
        }
        self.has_ended = true;
        for tap in 0..self.asking.len() {
            if let Some(end) = self.asking[tap].end.take() {
                self.push(&end);
            }
        }
        self.merger.finish();
        true
    }

    fn number(&self, name: &TapName) -> Option<u16> {
        let place = self.taps.iter().position(|tap| tap == name)?;
        u16::try_from(place).ok()
    }

    /// Takes a part of a parcel. What is left of a tap waits for the other taps' ends.
    fn take(&mut self, parcel: &Parcel, joined: &mut [Joined]) {
        let tap = self.number(&parcel.tap);
        let whole = tap
            .zip(Head::read(&parcel.bytes))
            .map(|(tap, head)| (tap, joined[usize::from(tap)].take(head.part)));
        match whole {
            Some((tap, Ok(Some(whole)))) if parcel.leaves => {
                self.asking[usize::from(tap)].end = Some(whole);
            }
            Some((_, Ok(Some(whole)))) => self.push(&whole),
            Some((_, Ok(None))) => {}
            Some((_, Err(_))) | None => self.refused += 1,
        }
    }

    /// What is refused the merger counts.
    fn push(&mut self, message: &[u8]) {
        match fleet::Parcel::decode(message) {
            Ok(parcel) => {
                // What is missing before it the transport has given up.
                self.merger.skip_to(parcel.tap(), parcel.sequence());
                let tap = usize::from(parcel.tap());
                // Others are known to the transport: duplicates, holes.
                let Err(why) = self.merger.push(parcel) else { return };
                use ParcelError::{Fleet, Key, Settings};
                if let (Fleet | Key | Settings, Some(asking)) =
                    (why, self.asking.get_mut(tap))
                    && !std::mem::replace(&mut asking.is_strange, true)
                {
                    self.strangers.push((self.taps[tap].clone(), why));
                }
            }
            Err(_) => self.refused += 1,
        }
    }

    /// Takes an answer, or a part of one.
    fn answer(&mut self, piece: &Piece) {
        let number = piece.number & ((1 << PART) - 1);
        let Some(tap) = self.number(&piece.tap) else { return self.refused += 1 };
        let asking = &mut self.asking[usize::from(tap)];
        // One that comes twice is known already.
        if !asking.open.contains_key(&number) {
            return;
        }
        let Ok(whole) = asking.joined.take(&piece.bytes) else {
            return self.refused += 1;
        };
        if piece.number != number {
            return;
        }
        asking.open.remove(&number);
        match whole.map(|whole| (whole.is_empty(), fleet::Piece::decode(&whole))) {
            // Done; there was nothing to answer.
            Some((true, _)) | None => {}
            Some((_, Ok(piece))) => drop(self.merger.answer(piece)),
            Some((_, Err(_))) => self.refused += 1,
        }
    }

    /// Asks what the merger wants to know.
    fn ask(&mut self) -> Result<(), Error> {
        for ask in self.merger.asks() {
            let tap = usize::from(ask.tap());
            for part in parts(&ask.encode(), MAX_CONTENT) {
                self.ask_part(tap, part)?;
            }
        }
        Ok(())
    }

    fn ask_part(&mut self, tap: usize, part: Vec<u8>) -> Result<(), Error> {
        let asking = &mut self.asking[tap];
        let number = asking.next;
        asking.next += 1;
        asking.open.insert(number, part.clone());
        self.receiver.ask(&self.taps[tap], number, part)
    }

    /// Whether it is time for a checkpoint, the last one being so long ago, and one can be
    /// written. They are `every` so long apart, unless the log fills before.
    pub fn is_checkpoint_due(&self, ago: Duration, every: Duration) -> bool {
        let is_time = self.receiver.is_checkpoint_due() && ago >= every;
        let is_free = !self.merger.is_waiting() && !self.has_ended;
        is_free && (is_time || self.receiver.is_log_filling())
    }

    /// Taps of which parcels were refused since the last call, each with the reason: they have
    /// another key or other settings.
    pub fn take_strangers(&mut self) -> Vec<(TapName, ParcelError)> {
        std::mem::take(&mut self.strangers)
    }

    /// Writes a checkpoint, with what the host wants to know when it goes on.
    ///
    /// # Errors
    ///
    /// An answer is missing; a disk that refuses.
    pub fn checkpoint(&mut self, host: &[u8]) -> Result<(), Error> {
        let is_finished = self.is_finished();
        if !is_finished {
            self.merger.save(&self.saved).map_err(engine)?;
        }
        let state = state::write(self, host, (!is_finished).then_some(&*self.saved))?;
        self.receiver.checkpoint(&state)
    }

    /// Tells the taps that nothing more is asked; whether all of them know it after `wait`.
    /// After the last checkpoint.
    ///
    /// # Errors
    ///
    /// None that a host can bring about.
    pub fn dismiss(&mut self, wait: Duration) -> Result<bool, Error> {
        for tap in 0..self.taps.len() {
            if self.asking[tap].open.values().all(|part| part[..] != [DISMISSED]) {
                self.ask_part(tap, vec![DISMISSED])?;
            }
        }
        let begin = Instant::now();
        while self.asking.iter().any(|asking| !asking.open.is_empty()) {
            let Some(left) = wait.checked_sub(begin.elapsed()) else { return Ok(false) };
            for event in self.receiver.next(left)?.unwrap_or_default() {
                if let Event::Piece(piece) = event {
                    self.answer(&piece);
                }
            }
        }
        Ok(true)
    }
}
