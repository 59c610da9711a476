//! Packets of several capture threads in one order: that of packet time.
//!
//! Each worker is a lane. What a lane gives carries a watermark: the latest time that it
//! has come to, before which nothing of it will follow. A packet is sifted once the
//! watermarks of all lanes have passed its time; packets of equal time go by lane, then by
//! their place in it. So the findings on n threads are those on one wherever packet times
//! differ, however the threads run.
//!
//! A lane that is silent holds the others up for `hold` of packet time at most, and never
//! for more than `most_bytes` of waiting packets. What comes after its time has been
//! sifted is late: it counts at the time that has been reached, and is counted as late.
//! Each packet costs 16 bytes and a place in a sort of runs that are sorted already.

use super::Sensor;
use super::batch::Chunk;
use super::clock::{LAST, WITNESSES};
use super::worker::Worker;
use crate::decode::DropCounters;
use crate::time::{Span, Timestamp};
use std::collections::VecDeque;

/// A time, and how often time had been set back before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Stamp {
    era: u32,
    time: Timestamp,
}

/// Puts what several [`Worker`]s have buffered into one order by packet time, and gives it
/// to a [`Sensor`].
///
/// Packet numbers are given anew, in that order; those that the host gave are not used.
pub struct TimeOrder {
    lanes: Vec<Lane>,
    hold: Option<Span>,
    most_bytes: usize,
    /// Steps of time beyond this need witnesses.
    far: Span,
    /// The latest time that any lane, or the host, has come to.
    leader: Stamp,
    /// What lies before has been sifted.
    mark: Stamp,
    next_number: u64,
    late: u64,
    forced: u64,
    /// Emptied chunks, to be used again: one a lane.
    spare: Vec<Chunk>,
    /// Of packets that were given: frames, and those that could not be decoded.
    frames: u64,
    drops: DropCounters,
}

struct Lane {
    /// Its watermark; `None` before its first packet.
    now: Option<Stamp>,
    open: bool,
    waiting: VecDeque<Piece>,
    /// How many of its last packets claim a time far away: ahead, and behind.
    ahead: u32,
    behind: u32,
    /// The latest time that they claim.
    claimed: Timestamp,
}

/// What a worker gave at once.
struct Piece {
    chunk: Chunk,
    /// Of each record, where it stands in the order.
    keys: Vec<Stamp>,
    bytes: usize,
}

impl TimeOrder {
    /// An order without lanes. A silent lane holds the others up for `hold` of packet time
    /// (`None`: as long as there is memory), and until `most_bytes` wait. Time steps beyond
    /// `far` are believed when sixteen packets agree; take the dispersion window.
    pub fn new(hold: Option<Span>, most_bytes: usize, far: Span) -> Self {
        Self {
            lanes: Vec::new(),
            hold,
            most_bytes,
            far,
            leader: Stamp::default(),
            mark: Stamp::default(),
            next_number: 1,
            late: 0,
            forced: 0,
            spare: Vec::new(),
            frames: 0,
            drops: DropCounters::default(),
        }
    }

    /// A new lane, and its number.
    pub fn open(&mut self) -> usize {
        let lane = Lane {
            now: None,
            open: true,
            waiting: VecDeque::new(),
            ahead: 0,
            behind: 0,
            claimed: Timestamp::default(),
        };
        // A lane that ended and is empty leaves its number.
        let free = self.lanes.iter().position(|it| !it.open && it.waiting.is_empty());
        match free {
            Some(at) => self.lanes[at] = lane,
            None => self.lanes.push(lane),
        }
        free.unwrap_or(self.lanes.len() - 1)
    }

    /// Nothing more comes from a lane; what it gave is still sifted in its place.
    pub fn close(&mut self, lane: usize) {
        self.lanes[lane].open = false;
    }

    /// Takes what a worker has buffered, and empties it. Its watermark is the time of the
    /// last packet that it was given, or that [`Worker::pass`] named.
    pub fn take(&mut self, lane: usize, worker: &mut Worker) {
        self.frames += std::mem::take(&mut worker.frames);
        self.drops.merge(&std::mem::take(&mut worker.drops));
        if worker.is_empty() && worker.latest.is_none() {
            return;
        }
        let spare = self.spare.pop().unwrap_or_else(Chunk::new);
        let chunk = worker.take_chunk(spare);
        let (far, leader) = (self.far, self.leader);
        let it = &mut self.lanes[lane];
        let mut keys = Vec::with_capacity(chunk.records.len());
        for record in &chunk.records {
            let key = it.stamp(record.time, leader, far, &mut keys);
            keys.push(key);
        }
        // Its last packets may have left no record.
        let latest = worker.latest.take();
        let last = chunk.records.last().map(|record| record.time);
        if let Some(latest) = latest.filter(|latest| last != Some(*latest)) {
            it.stamp(latest, leader, far, &mut keys);
        }
        self.late += keys.iter().filter(|key| **key < self.mark).count() as u64;
        self.leader = self.leader.max(it.now.unwrap_or_default());
        if !chunk.is_empty() {
            let bytes = chunk.memory_bytes();
            it.waiting.push_back(Piece { chunk, keys, bytes });
        }
    }

    /// The host vouches that packet time has come to `now`: silent lanes hold the others
    /// up no longer than `hold` before it.
    pub fn pass(&mut self, now: Timestamp) {
        if self.leader == Stamp::default() || now <= self.leader.time + self.far {
            self.leader.time = self.leader.time.max(now);
        }
    }

    /// Gives a sensor all that is settled, and moves its time to where the order stands.
    pub fn sift(&mut self, sensor: &mut Sensor) {
        let settled = self.settled();
        let upto = self.room_for(settled);
        if upto > settled {
            self.forced +=
                self.waiting().filter(|key| (settled..upto).contains(key)).count() as u64;
        }
        self.sift_before(sensor, Some(upto));
        if upto.era == self.leader.era
            && upto.time > Timestamp::default()
            && self.hold.is_some()
        {
            sensor.advance(upto.time);
        }
    }

    /// Gives a sensor all that waits: the end of the traffic.
    pub fn sift_all(&mut self, sensor: &mut Sensor) {
        self.sift_before(sensor, None);
    }

    /// Packets that came when their time had been sifted.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Packets that were sifted before every lane had come to their time, since more
    /// waited than there was room for.
    pub fn forced(&self) -> u64 {
        self.forced
    }

    /// Bytes that wait.
    pub fn waiting_bytes(&self) -> usize {
        self.lanes.iter().flat_map(|lane| &lane.waiting).map(|piece| piece.bytes).sum()
    }

    /// Whether one lane is all there is: its own order is then the order.
    fn is_alone(&self) -> bool {
        let mut lanes = self.lanes.iter().filter(|it| it.open || !it.waiting.is_empty());
        lanes.next().is_some() && lanes.next().is_none()
    }

    /// The time before which all is settled.
    fn settled(&self) -> Stamp {
        let open = self.lanes.iter().filter(|lane| lane.open);
        let least = open.map(|lane| lane.now.unwrap_or_default()).min();
        let least = least.unwrap_or(self.leader);
        let held = self.hold.map_or(Stamp::default(), |hold| Stamp {
            era: self.leader.era,
            time: self.leader.time - hold,
        });
        least.max(held).max(self.mark)
    }

    /// The same, and half of what waits if there is no room for more.
    fn room_for(&self, settled: Stamp) -> Stamp {
        let mut keys: Vec<Stamp> = Vec::new();
        if self.waiting_bytes() > self.most_bytes && !self.is_alone() {
            keys.extend(self.waiting());
        }
        let middle = keys.len() / 2;
        if keys.is_empty() {
            return settled;
        }
        settled.max(*keys.select_nth_unstable(middle).1)
    }

    fn waiting(&self) -> impl Iterator<Item = Stamp> {
        let pieces = self.lanes.iter().flat_map(|lane| &lane.waiting);
        pieces.flat_map(|piece| &piece.keys).copied()
    }

    fn sift_before(&mut self, sensor: &mut Sensor, upto: Option<Stamp>) {
        let alone = self.is_alone();
        let mut due: Vec<(usize, Piece)> = Vec::new();
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            let upto = upto.filter(|_| !alone);
            due.extend(lane.due(upto).map(|piece| (number, piece)));
        }
        if let Some(upto) = upto {
            self.mark = self.mark.max(upto);
        } else {
            self.mark = Stamp::default();
            self.leader = Stamp::default();
            self.lanes.iter_mut().for_each(Lane::begin_anew);
        }
        self.number(&mut due, alone);
        let chunks = due.into_iter().map(|(_, piece)| piece.chunk).collect();
        let frames = std::mem::take(&mut self.frames);
        let drops = std::mem::take(&mut self.drops);
        let mut used = sensor.absorb_chunks(chunks, frames, &drops);
        used.truncate(self.lanes.len().saturating_sub(self.spare.len()));
        used.iter_mut().for_each(Chunk::clear);
        self.spare.append(&mut used);
    }

    /// Numbers records in their order.
    fn number(&mut self, due: &mut [(usize, Piece)], alone: bool) {
        let mut order: Vec<(Stamp, u32, u32, u32)> = Vec::new();
        for (at, (lane, piece)) in due.iter().enumerate() {
            let all = piece.keys.iter().zip(0..);
            order.extend(all.map(|(key, i)| (*key, *lane as u32, at as u32, i)));
        }
        if !alone {
            order.sort_by_key(|&(key, lane, ..)| (key, lane));
        }
        for (number, &(_, _, at, record)) in (self.next_number..).zip(&order) {
            due[at as usize].1.chunk.records[record as usize].number = number;
        }
        self.next_number += order.len() as u64;
        for (_, piece) in due {
            let chunk = &mut piece.chunk;
            for at in &chunk.fragments {
                let number = chunk.records[at.record as usize].number;
                chunk.kept[at.frame as usize].number = number;
            }
        }
    }
}

impl Lane {
    /// Where a packet that claims a time stands in the order. `keys` are those of packets
    /// of this lane since it was last taken from.
    fn stamp(
        &mut self,
        claimed: Timestamp,
        leader: Stamp,
        far: Span,
        keys: &mut [Stamp],
    ) -> Stamp {
        let claimed = claimed.min(LAST);
        let near = |time: Timestamp| claimed.apart(time) <= far;
        let Some(mut now) = self.now else {
            let first = Stamp { era: leader.era, time: claimed };
            self.now = Some(first);
            return first;
        };
        if leader.era > now.era && near(leader.time) {
            // Others have seen time set back.
            now = Stamp { era: leader.era, time: claimed };
        }
        let is_ahead = claimed > now.time
            && !near(now.time)
            && (leader.era != now.era || (claimed > leader.time && !near(leader.time)));
        let is_behind = claimed < now.time && !near(now.time);
        if is_ahead {
            let agree = self.ahead > 0 && near(self.claimed);
            if !agree {
                self.refute(now, keys);
            }
            self.ahead += 1;
            self.claimed = if agree { self.claimed.max(claimed) } else { claimed };
            if self.ahead <= WITNESSES {
                return Stamp { era: now.era, time: claimed };
            }
            now.time = self.claimed;
        } else if is_behind {
            self.refute(now, keys);
            let agree = self.behind > 0 && near(self.claimed);
            self.behind = if agree { self.behind + 1 } else { 1 };
            self.claimed = if agree { self.claimed.max(claimed) } else { claimed };
            if self.behind <= WITNESSES {
                return now;
            }
            now = Stamp { era: now.era + 1, time: self.claimed };
        } else {
            self.refute(now, keys);
        }
        (self.ahead, self.behind) = (0, 0);
        now.time = now.time.max(claimed);
        self.now = Some(now);
        now
    }

    /// The last packets claimed a time far ahead, and were wrong: they stand where they
    /// came.
    fn refute(&mut self, now: Stamp, keys: &mut [Stamp]) {
        let wrong = std::mem::take(&mut self.ahead);
        let earlier =
            self.waiting.iter_mut().rev().flat_map(|piece| piece.keys.iter_mut().rev());
        for key in keys.iter_mut().rev().chain(earlier).take(wrong as usize) {
            *key = (*key).min(now);
        }
    }

    /// Takes what stands before a time; all for `None`.
    fn due(&mut self, upto: Option<Stamp>) -> std::vec::IntoIter<Piece> {
        let mut due = Vec::new();
        while let Some(mut piece) = self.waiting.pop_front() {
            let Some(upto) = upto else {
                due.push(piece);
                continue;
            };
            let settled = piece.keys.iter().take_while(|key| **key < upto).count();
            if settled == piece.keys.len() {
                due.push(piece);
                continue;
            }
            if settled > 0 {
                let keys = piece.keys.drain(..settled).collect();
                let chunk = piece.chunk.split_front(settled);
                due.push(Piece { chunk, keys, bytes: 0 });
                piece.bytes = piece.chunk.memory_bytes();
            }
            self.waiting.push_front(piece);
            break;
        }
        due.into_iter()
    }

    fn begin_anew(&mut self) {
        (self.now, self.ahead, self.behind) = (None, 0, 0);
    }
}

#[cfg(test)]
mod tests;
