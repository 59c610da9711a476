//! The taps of one worker: captures in, parcels out, asks answered.

use super::messages::{Down, Up};
use crate::Error;
use std::collections::VecDeque;
use wormsift::fleet::Tap;

/// Bytes of payloads that are held before a capture is not read on.
const AHEAD: u64 = 64 << 20;
/// Parcels that the merger has not closed before a capture is not read on: seconds of packet
/// time by which taps may be apart.
const MOST_PARCELS: u64 = 512;

/// What came of reading on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// The tap was given frames, or there are none yet.
    More,
    /// There will be no more.
    Ended,
}

/// Gives a tap its next frames.
pub trait Feed {
    /// Gives it some.
    ///
    /// # Errors
    ///
    /// It cannot be read any further: the run ends.
    fn feed(&mut self, tap: &mut Tap) -> Result<Fed, String>;

    /// What the first process is to be told of the reading when it has ended, in numbers that
    /// mean something to the host.
    fn account(&self) -> Vec<u64> {
        Vec::new()
    }
}

impl<F: FnMut(&mut Tap) -> Result<Fed, String>> Feed for F {
    fn feed(&mut self, tap: &mut Tap) -> Result<Fed, String> {
        self(tap)
    }
}

/// A tap and what it reads.
pub(super) struct TapSource {
    tap: Tap,
    feed: Option<Box<dyn Feed>>,
    account: Vec<u64>,
    /// Parcels that were made, and of which the merger needs no payloads any more.
    made: u64,
    settled: u64,
    /// The first parcel of the latest tick, and that tick.
    first: u64,
    tick: Option<u64>,
    is_dismissed: bool,
}

impl TapSource {
    pub(super) fn new(tap: Tap, feed: Box<dyn Feed>) -> Self {
        let feed = Some(feed);
        Self {
            tap,
            feed,
            account: Vec::new(),
            made: 0,
            settled: 0,
            first: 0,
            tick: None,
            is_dismissed: false,
        }
    }

    pub(super) fn number(&self) -> u16 {
        self.tap.number()
    }

    pub(super) fn is_dismissed(&self) -> bool {
        self.is_dismissed
    }

    /// Whether there is something to be read, and the merger is not too far behind.
    pub(super) fn may_read(&self) -> bool {
        // What is held of a tick that is open cannot be let go of by waiting.
        let has_closable = self.settled < self.first;
        let is_much = self.tap.counters().held_bytes > AHEAD
            || self.made - self.settled.min(self.made) > MOST_PARCELS;
        self.feed.is_some() && !self.is_dismissed && !(has_closable && is_much)
    }

    /// Reads on.
    pub(super) fn read(&mut self, up: &mut VecDeque<Up>) {
        let Some(feed) = &mut self.feed else { return };
        match feed.feed(&mut self.tap) {
            Ok(Fed::More) => {}
            Ok(Fed::Ended) => self.end(),
            Err(why) => {
                self.feed = None;
                up.push_back(Up::Failed(why));
            }
        }
        self.take_parcels(up);
    }

    /// Does what the merger says.
    pub(super) fn hear(
        &mut self,
        down: &Down,
        up: &mut VecDeque<Up>,
    ) -> Result<(), Error> {
        match down {
            Down::Ask(ask) => {
                self.settled = self.settled.max(ask.settles());
                let answered = self.tap.answer(ask);
                let piece = answered.map_err(|why| Error::Worker(why.to_string()))?;
                up.extend(piece.map(Up::Piece));
            }
            Down::Stop => {
                self.end();
                self.take_parcels(up);
            }
            Down::Dismissed => {
                self.is_dismissed = true;
                let asked_too_late = self.tap.counters().asked_too_late;
                let (tap, account) = (self.number(), std::mem::take(&mut self.account));
                up.push_back(Up::Left { tap, asked_too_late, account });
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        if let Some(feed) = self.feed.take() {
            self.account = feed.account();
            self.tap.finish();
        }
    }

    fn take_parcels(&mut self, up: &mut VecDeque<Up>) {
        for parcel in self.tap.parcels() {
            if parcel.tick() != self.tick {
                (self.first, self.tick) = (self.made, parcel.tick());
            }
            self.made += 1;
            up.push_back(Up::Parcel(Box::new(parcel)));
        }
    }
}
