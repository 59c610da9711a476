//! A thread that reads ahead, so that reading and sifting go on side by side.
//!
//! It may be stuck in a read of standard input when the process wants to end; so nobody
//! waits for it.

use crate::selection::{Selection, SelectionCounts};
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use wormsift::packet::Timestamp;
use wormsift::pipeline::FrameList;
use wormsift_capture::{
    CaptureCounters, Damage, Disorder, FrameBatch, Input, Limits, Trace,
};

/// Batches that wait to be sifted, beside the one that is being read.
const AHEAD: usize = 4;
/// How long a signal may go unseen.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// The reading end.
pub struct Reader(Receiver<Message>);

/// Why the reading thread is of no use.
#[derive(Debug)]
pub struct ReaderError(String);

impl fmt::Display for ReaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading thread: {}", self.0)
    }
}

impl std::error::Error for ReaderError {}

enum Message {
    Read(Box<Read>),
    End,
}

/// A batch and all that is known with it.
pub struct Read {
    /// `None` when only damage is left to tell.
    pub batch: Option<FrameBatch>,
    /// Lines on what could not be read.
    pub damage: Vec<Damage>,
    /// Files, read to their end by now, whose packets go back in time.
    pub disorder: Vec<Disorder>,
    /// How far the reading is with it.
    pub progress: Progress,
}

/// How far the reading was after a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Bytes behind, as on disk.
    pub position: u64,
    /// Bytes in all; `None` with a stream.
    pub total: Option<u64>,
    /// What was read of files.
    pub capture: CaptureCounters,
    /// What was chosen of it.
    pub selection: SelectionCounts,
    /// Times of the first and the last packet that were selected.
    pub span: Option<[Timestamp; 2]>,
}

impl Progress {
    /// The same with what is read elsewhere at the same time.
    pub fn with(mut self, other: Self) -> Self {
        self.position += other.position;
        self.total = match (self.total, other.total) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
        self.capture.add(&other.capture);
        self.selection.add(&other.selection);
        let spans = [self.span, other.span].into_iter().flatten();
        self.span =
            spans.reduce(|one, other| [one[0].min(other[0]), one[1].max(other[1])]);
        self
    }

    /// As numbers that [`of_numbers`](Self::of_numbers) reads.
    pub fn numbers(&self) -> Vec<u64> {
        let Self { position, total, capture, selection, span } = self;
        let [first, last] = span.unwrap_or_default().map(Timestamp::as_nanos);
        let total = total.map_or([0, 0], |total| [1, total]);
        [
            &[*position, u64::from(span.is_some()), first, last][..],
            &total,
            &capture.numbers(),
            &selection.numbers(),
        ]
        .concat()
    }

    /// Of numbers; those that are missing are 0.
    pub fn of_numbers(numbers: &[u64]) -> Self {
        let mut numbers = numbers.iter().copied();
        let mut next = || numbers.next().unwrap_or(0);
        let position = next();
        let (has_span, first, last) = (next() > 0, next(), next());
        let span = has_span.then(|| [first, last].map(Timestamp::from_nanos));
        let (has_total, total) = (next() > 0, next());
        Self {
            position,
            total: has_total.then_some(total),
            capture: CaptureCounters::of_numbers(std::array::from_fn(|_| next())),
            selection: SelectionCounts::of_numbers(std::array::from_fn(|_| next())),
            span,
        }
    }

    /// Takes in the times of a batch, which is in order as a rule.
    fn extend(span: &mut Option<[Timestamp; 2]>, batch: &FrameBatch) {
        let Some(last) = FrameList::len(batch).checked_sub(1) else { return };
        for time in [0, last].map(|index| batch.frame(index).time) {
            let [first, last] = span.get_or_insert([time; 2]);
            (*first, *last) = ((*first).min(time), (*last).max(time));
        }
    }
}

/// What waiting for the reader came to.
pub enum Wait {
    /// The next batch.
    Read(Box<Read>),
    /// None is there yet.
    NotYet,
    /// None will come.
    Ended,
}

impl Reader {
    /// Starts to read; it ends when this is dropped, or with the inputs.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(
        inputs: Vec<Input>,
        selection: Selection,
        limits: Limits,
    ) -> Result<Self, ReaderError> {
        let (sender, receiver) = sync_channel(AHEAD);
        thread::Builder::new()
            .name("read".to_owned())
            .spawn(move || read(inputs, selection, limits, &sender))
            .map_err(|error| ReaderError(error.to_string()))?;
        Ok(Self(receiver))
    }

    /// Waits for a batch, no longer than `patience`. After the end there is none.
    ///
    /// # Errors
    ///
    /// When the thread has ended by a panic.
    pub fn next(&self, patience: Duration) -> Result<Wait, ReaderError> {
        match self.0.recv_timeout(patience) {
            Ok(Message::Read(read)) => Ok(Wait::Read(read)),
            Ok(Message::End) => Ok(Wait::Ended),
            Err(RecvTimeoutError::Timeout) => Ok(Wait::NotYet),
            // It says when it ends, unless it panicked.
            Err(RecvTimeoutError::Disconnected) => {
                Err(ReaderError("ended too early".to_owned()))
            }
        }
    }
}

fn read(
    inputs: Vec<Input>,
    mut selection: Selection,
    limits: Limits,
    sender: &SyncSender<Message>,
) {
    let mut trace = Trace::open(inputs);
    let mut span = None;
    loop {
        let mut batch = trace.next_batch(limits);
        let wants_more = batch.as_mut().is_some_and(|batch| selection.apply(batch));
        if let Some(batch) = &batch {
            Progress::extend(&mut span, batch);
        }
        let read = Box::new(Read {
            batch,
            damage: trace.damage(),
            disorder: trace.disorder(),
            progress: Progress {
                position: trace.position(),
                total: trace.total_bytes(),
                capture: trace.counters(),
                selection: selection.counts(),
                span,
            },
        });
        if sender.send(Message::Read(read)).is_err() {
            return;
        }
        if !wants_more {
            break;
        }
    }
    let _ = sender.send(Message::End);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection::Choice;
    use wormsift::config::Config;

    #[test]
    fn damage_is_told_although_there_is_no_batch() {
        let selection = Selection::new(Choice::default(), &Config::default());
        let inputs = vec![Input::bytes("nothing", Vec::new())];
        let reader = Reader::start(inputs, selection, Limits::default()).unwrap();
        let mut damage = Vec::new();
        loop {
            match reader.next(PATIENCE).unwrap() {
                Wait::Read(read) => {
                    assert!(read.batch.is_none());
                    damage.extend(read.damage);
                }
                Wait::NotYet => {}
                Wait::Ended => break,
            }
        }
        assert_eq!(damage.len(), 1);
        assert_eq!(damage[0].path, "nothing");
    }
}
