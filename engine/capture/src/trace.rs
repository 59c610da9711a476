//! All inputs as one.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::mem;

use super::batch::{FrameBatch, Limits};
use super::buffer::Pool;
use super::counters::CaptureCounters;
use super::damage::Damage;
use super::disorder::Disorder;
use super::file::{FileReader, Progress};
use super::input::Input;
use super::source::HELD;
use wormsift::packet::Timestamp;

/// Several captures as one, merged by time: the next frame is always the earliest of those
/// that come next in their files. Frames of equal time go by file, in the order of the
/// inputs, then by their place in the file. Frames inside a file keep its order, whatever
/// their times say: one that goes back in time comes as soon as its file is at it, and is
/// told of as [`Trace::disorder`]. Frames are numbered through from 1.
///
/// A file is opened when the merge has come to the time of its first frame, and closed
/// at its end; so files that do not overlap are read one after the other, in runs, and as
/// many are under way as overlap. Of these few are held open, so that no limit on open
/// files is met; the others are opened again for each chunk. Standard input and pipes are
/// opened at once, and wait for their first frame, only where their place among other
/// inputs depends on it; while they are merged, the others wait for their next frame.
///
/// ```
/// use wormsift_capture::{Limits, Trace};
///
/// let mut trace = Trace::from_bytes("nothing", Vec::new());
/// while let Some(batch) = trace.next_batch(Limits::default()) {
///     for frame in batch.frames() {
///         println!("{} {} {}", frame.number, frame.time, frame.data.len());
///     }
/// }
/// let damage = trace.damage();
/// assert_eq!(
///     damage[0].to_string(),
///     "nothing: expected a pcap or pcapng capture, found an empty file"
/// );
/// ```
pub struct Trace {
    /// Inputs by the time of their next frame, then by their place among the inputs.
    queue: BinaryHeap<Reverse<Turn>>,
    current: Option<Current>,
    pool: Pool,
    number: u64,
    damage: Vec<Damage>,
    disorder: Vec<Disorder>,
    /// Of the files that are done.
    counters: CaptureCounters,
    total_bytes: Option<u64>,
    done_bytes: u64,
    /// Files under way: the current one, and open ones in the queue.
    pub(super) under_way: usize,
}

/// An input that waits until the merge comes to its next frame.
struct Turn {
    key: Key,
    size: Option<u64>,
    next: Next,
}

/// When an input's turn comes. Those without a frame come last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    frameless: bool,
    time: Timestamp,
    place: usize,
}

enum Next {
    Closed(Input),
    /// What is under way, or cannot be opened twice.
    Open(Box<FileReader>),
    Failed(Box<Damage>),
}

struct Current {
    reader: Box<FileReader>,
    size: Option<u64>,
    place: usize,
    /// Frames from this time on are not its turn any more.
    end: Option<Timestamp>,
}

impl Trace {
    /// Looks at the first timestamp of each input, if there are several, and puts them
    /// in order. Inputs without a frame come last. What cannot be opened is reported as
    /// [`Trace::damage`] when its turn comes.
    pub fn open(inputs: Vec<Input>) -> Self {
        let alone = inputs.len() == 1;
        let mut pool = Pool::default();
        let mut under_way = 0;
        let mut wait = |(place, input): (usize, Input)| {
            let size = input.size();
            let (first_time, next) = if alone {
                (None, Next::Closed(input))
            } else {
                look_at(input, &mut pool)
            };
            under_way += usize::from(matches!(next, Next::Open(_)));
            let time = first_time.unwrap_or_default();
            let key = Key { frameless: first_time.is_none(), time, place };
            Turn { key, size, next }
        };
        let turns: Vec<_> = inputs.into_iter().enumerate().map(&mut wait).collect();
        let total_bytes = turns
            .iter()
            .try_fold(0_u64, |sum, turn| Some(sum.saturating_add(turn.size?)));
        Self {
            queue: turns.into_iter().map(Reverse).collect(),
            current: None,
            pool: Pool::default(),
            number: 0,
            damage: Vec::new(),
            disorder: Vec::new(),
            counters: CaptureCounters::default(),
            total_bytes,
            done_bytes: 0,
            under_way,
        }
    }

    /// A trace of one capture file's content in memory.
    pub fn from_bytes(name: impl Into<String>, content: Vec<u8>) -> Self {
        Self::open(vec![Input::bytes(name, content)])
    }

    /// The next frames; `None` at the end. Where the batches are cut does not change the
    /// frames. From a stream that may be slow (standard input, pipes) it returns what has
    /// arrived, at least one frame, rather than wait for a full batch.
    pub fn next_batch(&mut self, limits: Limits) -> Option<FrameBatch> {
        let in_view = self.open_readers().map(FileReader::held_bytes).sum();
        let mut batch = FrameBatch::sharing(in_view);
        while !batch.is_full(limits) {
            let Some(current) = &mut self.current else {
                if !self.begin_turn() {
                    break;
                }
                continue;
            };
            let (number, end) = (&mut self.number, current.end);
            match current.reader.read_into(
                &mut batch,
                limits,
                number,
                end,
                &mut self.pool,
            ) {
                Progress::Full | Progress::Waiting => break,
                Progress::Later(time) => self.end_turn(time),
                Progress::Ended => self.close(),
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// What was wrong with the inputs since the last call: at most one line a file, for
    /// its first defect; [`CaptureCounters::defects`] counts the others.
    pub fn damage(&mut self) -> Vec<Damage> {
        let current = self.current.as_mut().and_then(|file| file.reader.take_damage());
        self.damage.extend(current);
        mem::take(&mut self.damage)
    }

    /// The files, ended since the last call, whose packets go back in time.
    pub fn disorder(&mut self) -> Vec<Disorder> {
        mem::take(&mut self.disorder)
    }

    /// Size of all inputs, as on disk; `None` if one is a stream.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// Bytes of the inputs that are behind, as on disk: compressed where they are.
    pub fn position(&self) -> u64 {
        let open: u64 = self.open_readers().map(FileReader::position).sum();
        self.done_bytes.saturating_add(open)
    }

    /// Memory that reading holds: chunks, those included that batches still share. For up
    /// to 16 files at once at most 48 MiB, for more 16 KiB a file at least, and 16 MiB more
    /// for each whose record is that long; what decoders of gzip or zstd take (for zstd up
    /// to 128 MiB, as the file says) comes on top for each compressed file under way.
    pub fn memory_bytes(&self) -> usize {
        let open: usize = self.open_readers().map(FileReader::held_bytes).sum();
        self.pool.held_bytes() + open
    }

    /// What was read so far.
    pub fn counters(&self) -> CaptureCounters {
        let mut sum = self.counters;
        self.open_readers().for_each(|reader| sum.add(reader.counters()));
        sum
    }

    /// The files under way.
    fn open_readers(&self) -> impl Iterator<Item = &FileReader> {
        let waiting = self.queue.iter().filter_map(|Reverse(turn)| match &turn.next {
            Next::Open(reader) => Some(&**reader),
            Next::Closed(_) | Next::Failed(_) => None,
        });
        self.current.iter().map(|current| &*current.reader).chain(waiting)
    }

    /// Goes on with the input whose next frame is the earliest; false if there is none.
    fn begin_turn(&mut self) -> bool {
        let Some(Reverse(Turn { key, next, size })) = self.queue.pop() else {
            return false;
        };
        let opened = match next {
            Next::Closed(input) => {
                let let_go = self.under_way >= HELD;
                self.pool.share_among(self.under_way + 1);
                FileReader::open(input, self.pool.chunk_bytes(), let_go).map(|reader| {
                    self.under_way += 1;
                    Box::new(reader)
                })
            }
            Next::Open(reader) => Ok(reader),
            Next::Failed(damage) => Err(damage),
        };
        match opened {
            Ok(reader) => {
                let end = self.queue.peek().and_then(|Reverse(next)| next.key.end(&key));
                self.current = Some(Current { reader, size, place: key.place, end });
            }
            Err(damage) => {
                self.counters.files += 1;
                self.counters.damaged_files += 1;
                self.counters.defects += 1;
                self.done_bytes = self.done_bytes.saturating_add(size.unwrap_or(0));
                self.damage.push(*damage);
            }
        }
        true
    }

    /// Lets the current input wait until the merge has come to `time`.
    fn end_turn(&mut self, time: Timestamp) {
        if let Some(Current { mut reader, size, place, .. }) = self.current.take() {
            self.damage.extend(reader.take_damage());
            let key = Key { frameless: false, time, place };
            self.queue.push(Reverse(Turn { key, size, next: Next::Open(reader) }));
        }
    }

    fn close(&mut self) {
        if let Some(Current { mut reader, size, .. }) = self.current.take() {
            self.under_way -= 1;
            self.pool.share_among(self.under_way);
            self.counters.add(reader.counters());
            self.damage.extend(reader.take_damage());
            self.disorder.extend(reader.disorder());
            let bytes = size.unwrap_or_else(|| reader.position());
            self.done_bytes = self.done_bytes.saturating_add(bytes);
        }
    }
}

impl Key {
    /// The time from which on frames of an input that is before this one in order are
    /// this one's turn; `None` where all are the other's.
    fn end(&self, other: &Self) -> Option<Timestamp> {
        if self.frameless {
            None
        } else if other.place < self.place {
            let after = self.time.as_nanos().checked_add(1);
            after.map(Timestamp::from_nanos)
        } else {
            Some(self.time)
        }
    }
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Turn {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Turn {}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace")
            .field("waiting", &self.queue.len())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}

/// The first timestamp of an input, and the input, opened only where it could not be
/// opened again.
fn look_at(input: Input, pool: &mut Pool) -> (Option<Timestamp>, Next) {
    if let Some(again) = input.again() {
        let first =
            FileReader::peek(again).ok().and_then(|mut file| file.next_time(pool));
        return (first, Next::Closed(input));
    }
    match FileReader::open(input, pool.chunk_bytes(), false) {
        Ok(mut reader) => (reader.next_time(pool), Next::Open(Box::new(reader))),
        Err(damage) => (None, Next::Failed(damage)),
    }
}
