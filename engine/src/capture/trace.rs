//! All inputs as one.

use std::mem;
use std::vec;

use super::batch::{FrameBatch, Limits};
use super::buffer::Pool;
use super::counters::CaptureCounters;
use super::damage::Damage;
use super::file::{FileReader, Progress};
use super::input::Input;
use crate::packet::Timestamp;

/// Several captures as one: file after file in order of their first timestamps, ties in
/// the order of the inputs. Frames are numbered through from 1; frames inside a file keep
/// its order, whatever their times say.
///
/// At most one regular file is open at a time. Standard input and pipes are opened at
/// once, and wait for their first frame, only where their place among other inputs
/// depends on it.
///
/// ```
/// use wormsift::capture::{Limits, Trace};
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
///     "nothing: byte 0: expected a capture file header, found an empty file"
/// );
/// ```
pub struct Trace {
    waiting: vec::IntoIter<Waiting>,
    current: Option<Current>,
    pool: Pool,
    number: u64,
    damage: Vec<Damage>,
    /// Of the files that are done.
    counters: CaptureCounters,
    total_bytes: Option<u64>,
    done_bytes: u64,
}

struct Waiting {
    first_time: Option<Timestamp>,
    size: Option<u64>,
    next: Next,
}

enum Next {
    Closed(Input),
    /// What cannot be opened twice.
    Open(Box<FileReader>),
    Failed(Box<Damage>),
}

struct Current {
    reader: FileReader,
    size: Option<u64>,
}

impl Trace {
    /// Looks at the first timestamp of each input, if there are several, and puts them
    /// in order. Inputs without a frame come last. What cannot be opened is reported as
    /// [`Trace::damage`] when its turn comes.
    pub fn open(inputs: Vec<Input>) -> Self {
        let alone = inputs.len() == 1;
        let mut pool = Pool::default();
        let wait = |input: Input| {
            let size = input.size();
            let (first_time, next) = if alone {
                (None, Next::Closed(input))
            } else {
                look_at(input, &mut pool)
            };
            Waiting { first_time, size, next }
        };
        let mut waiting: Vec<_> = inputs.into_iter().map(wait).collect();
        // A stable sort: ties stay in the order of the inputs.
        waiting.sort_by_key(|file| (file.first_time.is_none(), file.first_time));
        let total_bytes = waiting
            .iter()
            .try_fold(0_u64, |sum, file| Some(sum.saturating_add(file.size?)));
        Self {
            waiting: waiting.into_iter(),
            current: None,
            pool: Pool::default(),
            number: 0,
            damage: Vec::new(),
            counters: CaptureCounters::default(),
            total_bytes,
            done_bytes: 0,
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
        let mut batch = FrameBatch::default();
        while !batch.is_full(limits) {
            let Some(current) = &mut self.current else {
                if !self.open_next() {
                    break;
                }
                continue;
            };
            let number = &mut self.number;
            match current.reader.read_into(&mut batch, limits, number, &mut self.pool) {
                Progress::Full | Progress::Waiting => break,
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

    /// Size of all inputs, as on disk; `None` if one is a stream.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// Bytes of the inputs that are behind, as on disk: compressed where they are.
    pub fn position(&self) -> u64 {
        let current = self.current.as_ref().map_or(0, |file| file.reader.position());
        self.done_bytes.saturating_add(current)
    }

    /// Memory that reading holds: chunks, those included that batches still share. At
    /// most 17 MiB, and 16 MiB more while a record is that long; what a decoder of gzip
    /// or zstd takes (for zstd up to 128 MiB, as the file says) comes on top.
    pub fn memory_bytes(&self) -> usize {
        let current = self.current.as_ref().map_or(0, |file| file.reader.held_bytes());
        self.pool.held_bytes() + current
    }

    /// What was read so far.
    pub fn counters(&self) -> CaptureCounters {
        let mut sum = self.counters;
        if let Some(current) = &self.current {
            sum.add(current.reader.counters());
        }
        sum
    }

    /// Opens the next file; false if there is none.
    fn open_next(&mut self) -> bool {
        let Some(Waiting { next, size, .. }) = self.waiting.next() else { return false };
        let opened = match next {
            Next::Closed(input) => FileReader::open(input),
            Next::Open(reader) => Ok(*reader),
            Next::Failed(damage) => Err(damage),
        };
        match opened {
            Ok(reader) => self.current = Some(Current { reader, size }),
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

    fn close(&mut self) {
        if let Some(Current { mut reader, size }) = self.current.take() {
            self.counters.add(reader.counters());
            self.damage.extend(reader.take_damage());
            let bytes = size.unwrap_or_else(|| reader.position());
            self.done_bytes = self.done_bytes.saturating_add(bytes);
        }
    }
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace")
            .field("waiting", &self.waiting.len())
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
    match FileReader::open(input) {
        Ok(mut reader) => (reader.next_time(pool), Next::Open(Box::new(reader))),
        Err(damage) => (None, Next::Failed(damage)),
    }
}
