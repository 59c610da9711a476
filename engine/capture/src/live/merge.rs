//! Frames of several interfaces as one order of time.
//!
//! The kernel hands over what an interface received in blocks, up to
//! [`Rings::HAND_OVER`] late, and of a ring that is full a batch takes only some. So each
//! interface has a mark: the time up to which it has handed over everything. Frames wait
//! here until their time is below the lowest mark; then they go on by time, of equal times
//! by interface.
//!
//! Costs a copy of each frame, and the memory of what waits: at most
//! [`Merge::MOST_BYTES`] once [`ready`](Merge::ready) returns. Beyond that the earliest go
//! on early, counted. So do frames that have waited for [`MOST_WAIT`], whatever their times
//! say, and all of them when the clock is set back.

use super::rings::{LiveBatch, Rings};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift::pipeline::FrameList;

/// Bytes of frames that are copied to one place, which is kept while one of them waits.
const CHUNK_BYTES: usize = 256 << 10;
/// What a frame takes beside its bytes: twice in the list, which has room for as many
/// again, and once in the batch that it goes on in.
const ENTRY_BYTES: usize = 2 * size_of::<Copied>() + size_of::<(u64, Copied)>();
/// How long a frame waits by a clock that nobody sets.
const MOST_WAIT: Duration = Duration::from_secs(1);
/// Entries that the list keeps room for.
const LEAST_ROOM: usize = 1_024;

/// Frames that wait for those of other interfaces.
#[derive(Debug, Default)]
pub struct Merge {
    /// In order of their times, then by tap.
    waiting: Vec<Copied>,
    /// Bytes of the chunks that they lie in.
    bytes: usize,
    number: u64,
    /// Of each tap, the time below which nothing more comes.
    marks: Vec<Timestamp>,
    /// The latest time that was read.
    asked: Timestamp,
    /// How long it has gone on by then.
    elapsed: Duration,
    /// The mark that frames have gone on up to.
    passed: Timestamp,
    /// Whether all go on next.
    is_flushed: bool,
    is_over: bool,
    early: u64,
    late: u64,
}

/// A frame in memory of the merge.
#[derive(Clone, Debug)]
struct Copied {
    time: Timestamp,
    chunk: Arc<Chunk>,
    start: u32,
    len: u32,
    original_len: u32,
    link: LinkType,
    tap: u16,
}

/// The bytes of some frames.
#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    taken: Duration,
    /// Frames of it that wait.
    waiting: AtomicU32,
}

/// Frames in order.
#[derive(Debug, Default)]
pub struct MergedBatch {
    frames: Vec<(u64, Copied)>,
}

impl Merge {
    /// Bytes that may wait: a tenth of a second of 10 Gbit/s.
    pub const MOST_BYTES: usize = 128 << 20;

    /// A merge of so many interfaces.
    pub fn new(taps: usize) -> Self {
        Self { marks: vec![Timestamp::default(); taps], ..Self::default() }
    }

    /// Takes the time, by the clock that frames are stamped with, and how long it has gone on, by one
    /// that is never set. To be called before interfaces are asked for frames.
    pub fn ask(&mut self, now: Timestamp, elapsed: Duration) {
        self.elapsed = elapsed;
        if now < minus_hand_over(self.asked) {
            // The clock was set back: neither marks nor what waits fit what comes now.
            self.marks.fill(Timestamp::default());
            self.passed = Timestamp::default();
            self.is_flushed = true;
            self.asked = now;
        }
        self.asked = self.asked.max(now);
    }

    /// The tap that is furthest behind.
    pub fn furthest_behind(&self, taps: impl IntoIterator<Item = u16>) -> Option<u16> {
        taps.into_iter().min_by_key(|tap| self.marks.get(usize::from(*tap)))
    }

    /// Takes note that nothing was ready on this tap after the last [`ask`](Self::ask).
    pub fn idle(&mut self, tap: u16) {
        self.mark(tap, None);
    }

    /// Takes frames that an interface handed over after the last [`ask`](Self::ask), as what
    /// this tap saw.
    pub fn take(&mut self, tap: u16, batch: &LiveBatch<'_>) {
        self.copy(tap, batch.frames());
        self.mark(tap, batch.handed_over());
    }

    /// A tap with frames left has handed over those before a time; any other those that it
    /// received [`Rings::HAND_OVER`] before it was asked.
    fn mark(&mut self, tap: u16, handed_over: Option<Timestamp>) {
        let until = match handed_over {
            // A frame from before the clock was set back tells nothing.
            Some(time) => time.min(self.asked),
            None => minus_hand_over(self.asked),
        };
        if let Some(mark) = self.marks.get_mut(usize::from(tap)) {
            *mark = until.max(*mark);
        }
    }

    fn copy(&mut self, tap: u16, frames: &[Frame<'_>]) {
        let is_late = |frame: &&Frame<'_>| frame.time < self.passed;
        self.late += frames.iter().filter(is_late).count() as u64;
        let mut rest = frames;
        while !rest.is_empty() {
            let (first, later) = rest.split_at(fit_into_chunk(rest));
            self.copy_chunk(tap, first);
            rest = later;
        }
        // Stable, and quick on runs that are in order already.
        self.waiting.sort_by_key(|frame| (frame.time, frame.tap));
    }

    fn copy_chunk(&mut self, tap: u16, frames: &[Frame<'_>]) {
        let len = frames.iter().map(|frame| frame.data.len()).sum();
        let mut bytes = Vec::with_capacity(len);
        frames.iter().for_each(|frame| bytes.extend_from_slice(frame.data));
        self.bytes += bytes.capacity();
        let waiting = AtomicU32::new(frames.len() as u32);
        let chunk = Arc::new(Chunk { bytes, taken: self.elapsed, waiting });
        let mut start = 0;
        self.waiting.extend(frames.iter().map(|frame| {
            let len = frame.data.len() as u32;
            start += len;
            Copied {
                time: frame.time,
                chunk: Arc::clone(&chunk),
                start: start - len,
                len,
                original_len: frame.original_len,
                link: frame.link,
                tap,
            }
        }));
    }

    /// The frames below all marks, and those that cannot wait.
    pub fn ready(&mut self) -> MergedBatch {
        self.passed = self.until();
        let in_time = self.waiting.partition_point(|frame| frame.time < self.passed);
        let mut count = in_time.max(self.overdue());
        if std::mem::take(&mut self.is_flushed) {
            count = self.waiting.len();
        }
        let mut left = self.bytes;
        left -= self.waiting[..count].iter().map(Copied::leave).sum::<usize>();
        while left + (self.waiting.len() - count) * ENTRY_BYTES > Self::MOST_BYTES
            && let Some(next) = self.waiting.get(count)
        {
            left -= next.leave();
            count += 1;
        }
        self.bytes = left;
        self.early += (count - in_time) as u64;
        let frames = (self.number + 1..).zip(self.waiting.drain(..count)).collect();
        self.number += count as u64;
        // A burst does not keep its room.
        if self.waiting.capacity() > LEAST_ROOM.max(4 * self.waiting.len()) {
            self.waiting.shrink_to(LEAST_ROOM.max(2 * self.waiting.len()));
        }
        MergedBatch { frames }
    }

    fn until(&self) -> Timestamp {
        match self.is_over {
            true => Timestamp::MAX,
            false => self.marks.iter().copied().min().unwrap_or_default(),
        }
    }

    /// The place behind the last frame that has waited too long.
    fn overdue(&self) -> usize {
        let is_overdue =
            |frame: &Copied| self.elapsed.saturating_sub(frame.chunk.taken) >= MOST_WAIT;
        self.waiting.iter().rposition(is_overdue).map_or(0, |at| at + 1)
    }

    /// Nothing waits any longer.
    pub fn end(&mut self) {
        self.is_over = true;
    }

    /// Whether frames wait.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Frames that went on early: for want of memory, or after a second.
    pub fn early(&self) -> u64 {
        self.early
    }

    /// Frames that came below the mark that others had gone on up to.
    pub fn late(&self) -> u64 {
        self.late
    }
}

fn minus_hand_over(time: Timestamp) -> Timestamp {
    let wait = Rings::HAND_OVER.as_nanos() as u64;
    Timestamp::from_nanos(time.as_nanos().saturating_sub(wait))
}

/// How many of the frames share a chunk: at least the first.
fn fit_into_chunk(frames: &[Frame<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |frame: &&Frame<'_>| {
        bytes += frame.data.len();
        bytes <= CHUNK_BYTES
    };
    frames.iter().take_while(fits).count().max(1)
}

impl MergedBatch {
    /// Drops the frames for which `keep` is false. The others keep their numbers.
    pub fn retain(&mut self, mut keep: impl FnMut(&Frame<'_>) -> bool) {
        self.frames.retain(|(number, copied)| keep(&copied.frame(*number)));
    }
}

impl Copied {
    /// It waits no longer; the bytes that nothing waits in any more.
    fn leave(&self) -> usize {
        let is_last = self.chunk.waiting.fetch_sub(1, Ordering::Relaxed) == 1;
        if is_last { self.chunk.bytes.capacity() } else { 0 }
    }

    fn frame(&self, number: u64) -> Frame<'_> {
        Frame {
            number,
            time: self.time,
            link: self.link,
            original_len: self.original_len,
            tap: self.tap,
            data: &self.chunk.bytes[self.start as usize..][..self.len as usize],
        }
    }
}

impl FrameList for MergedBatch {
    fn len(&self) -> usize {
        self.frames.len()
    }

    fn frame(&self, index: usize) -> Frame<'_> {
        let (number, copied) = &self.frames[index];
        copied.frame(*number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(nanos: u64, data: &[u8]) -> Frame<'_> {
        Frame {
            number: 0,
            time: Timestamp::from_nanos(nanos),
            link: LinkType::ETHERNET,
            original_len: data.len() as u32,
            tap: 0,
            data,
        }
    }

    fn told(batch: &MergedBatch) -> Vec<(u64, u64, u16, Vec<u8>)> {
        (0..batch.len())
            .map(|at| batch.frame(at))
            .map(|it| (it.number, it.time.as_nanos(), it.tap, it.data.to_vec()))
            .collect()
    }

    const HAND_OVER: u64 = Rings::HAND_OVER.as_nanos() as u64;

    /// Takes frames of a tap that was asked at a time, as [`Merge::take`] does.
    fn take(
        merge: &mut Merge,
        tap: u16,
        asked: u64,
        frames: &[Frame<'_>],
        handed_over: Option<u64>,
    ) {
        merge.ask(Timestamp::from_nanos(asked), merge.elapsed);
        merge.copy(tap, frames);
        merge.mark(tap, handed_over.map(Timestamp::from_nanos));
    }

    #[test]
    fn frames_go_on_by_time_then_by_interface_once_all_have_come() {
        let mut merge = Merge::new(2);
        let frames = [frame(1, b"a"), frame(5, b"b"), frame(9, b"c")];
        take(&mut merge, 1, HAND_OVER + 9, &frames, None);
        assert_eq!(told(&merge.ready()), []);
        take(&mut merge, 0, HAND_OVER + 6, &[frame(2, b"d"), frame(5, b"e")], None);
        let first = merge.ready();
        let expected =
            [(1, 1, 1, b"a"), (2, 2, 0, b"d"), (3, 5, 0, b"e"), (4, 5, 1, b"b")];
        assert_eq!(
            told(&first),
            expected.map(|(n, time, tap, data)| (n, time, tap, data.to_vec()))
        );
        assert!(merge.is_waiting());
        merge.end();
        let mut rest = merge.ready();
        assert_eq!(told(&rest), [(5, 9, 1, b"c".to_vec())]);
        rest.retain(|_| false);
        assert!(rest.is_empty() && merge.bytes == 0 && !merge.is_waiting());
        assert_eq!((merge.early(), merge.late()), (0, 0));
    }

    /// One ring has more than a batch takes: what another saw later waits for it.
    #[test]
    fn nobody_overtakes_a_tap_with_a_backlog() {
        let mut merge = Merge::new(2);
        let now = 10 * HAND_OVER;
        take(&mut merge, 0, now, &[frame(10, b"a"), frame(20, b"b")], Some(20));
        take(&mut merge, 1, now, &[frame(10, b"c"), frame(30, b"d")], None);
        let names = |batch: &MergedBatch| -> Vec<u8> {
            told(batch).into_iter().map(|(_, _, _, data)| data[0]).collect()
        };
        assert_eq!(names(&merge.ready()), b"ac");
        assert_eq!(merge.furthest_behind([0, 1]), Some(0));
        take(&mut merge, 0, now, &[frame(20, b"e"), frame(30, b"f")], None);
        assert_eq!(names(&merge.ready()), b"befd");
        assert_eq!((merge.early(), merge.late()), (0, 0));

        take(&mut merge, 1, now, &[frame(5, b"g")], None);
        assert_eq!(names(&merge.ready()), b"g");
        assert_eq!((merge.early(), merge.late()), (0, 1));
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_waiting() {
        let mut merge = Merge::new(2);
        let late = 100 * HAND_OVER;
        take(&mut merge, 0, late, &[frame(late, b"a")], None);
        merge.idle(1);
        assert!(merge.ready().is_empty());
        // The clock is at 10 now; one more frame from before comes, and hides nothing.
        let early = 10 * HAND_OVER;
        merge.ask(Timestamp::from_nanos(early), Duration::ZERO);
        assert_eq!((merge.ready().len(), merge.early()), (1, 1));
        take(&mut merge, 1, early, &[frame(late, b"b")], Some(late));
        take(&mut merge, 0, early, &[frame(early, b"c")], None);
        assert!(merge.ready().is_empty());
        take(&mut merge, 1, early + 2 * HAND_OVER, &[frame(early + 1, b"d")], None);
        merge.idle(0);
        assert_eq!(merge.ready().len(), 2);
        assert!(merge.ready().is_empty());
        merge.elapsed = MOST_WAIT;
        assert_eq!(merge.ready().len(), 1);
        assert_eq!((merge.early(), merge.late()), (2, 0));
    }

    #[test]
    fn what_does_not_fit_goes_on_early_and_is_counted() {
        let mut merge = Merge::new(2);
        let data = vec![0; Merge::MOST_BYTES / 2 - 1_024];
        let frames = [frame(1, &data), frame(2, &data), frame(3, &data)];
        take(&mut merge, 0, 0, &frames, None);
        assert_eq!((merge.ready().len(), merge.early()), (1, 1));
        merge.end();
        assert_eq!((merge.ready().len(), merge.early()), (2, 1));
    }

    #[test]
    fn entries_and_whole_chunks_count_and_room_is_given_back() {
        let mut merge = Merge::new(2);
        let most = Merge::MOST_BYTES / ENTRY_BYTES;
        take(&mut merge, 0, 0, &vec![frame(1, b""); most + 9], None);
        assert_eq!(merge.ready().len(), 9);
        merge.elapsed = MOST_WAIT;
        merge.ready();
        assert!(!merge.is_waiting() && merge.waiting.capacity() <= LEAST_ROOM);

        let data = vec![0; CHUNK_BYTES / 2];
        let now = HAND_OVER + 2;
        take(&mut merge, 0, now, &[frame(1, &data), frame(2, &data)], None);
        merge.idle(1);
        assert_eq!((merge.ready().len(), merge.bytes), (1, CHUNK_BYTES));
        merge.end();
        assert_eq!((merge.ready().len(), merge.bytes), (1, 0));
    }
}
