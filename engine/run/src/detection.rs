//! Captures in, findings out, a step at a time.
//!
//! One thread reads ahead, the pool sifts, and the caller stands between them: it takes what was
//! found, and looks for signals. None of it changes an answer.

use crate::reader::{PATIENCE, Progress, Read, Reader, ReaderError, Wait};
use crate::selection::Selection;
use rayon::ThreadPool;
use std::time::Duration;
use wormsift::pipeline::{Prepared, Preparer, Sensor};
use wormsift_capture::{Damage, Disorder, FrameBatch, Input, Limits};

/// A run of a sensor over captures.
pub struct Detection {
    reader: Reader,
    preparer: Preparer,
    turn: Option<Turn>,
    ended: bool,
    progress: Progress,
}

/// What a step came to.
pub enum Step {
    /// A batch was sifted; this was wrong with the input so far.
    Sifted {
        /// What could not be read.
        damage: Vec<Damage>,
        /// Files, read to their end by now, whose packets go back in time.
        disorder: Vec<Disorder>,
    },
    /// Nothing was there to sift.
    Waiting,
    /// The captures have ended. The sensor has not been told.
    Ended,
}

impl Detection {
    /// Starts to read for `sensor`.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(
        inputs: Vec<Input>,
        selection: Selection,
        limits: Limits,
        sensor: &Sensor,
    ) -> Result<Self, ReaderError> {
        Ok(Self {
            reader: Reader::start(inputs, selection, limits)?,
            preparer: sensor.preparer(),
            turn: None,
            ended: false,
            progress: Progress::default(),
        })
    }

    /// Sifts a batch on the pool while the next one is prepared there.
    ///
    /// # Errors
    ///
    /// When the reading thread has ended by a panic.
    pub fn step(
        &mut self,
        sensor: &mut Sensor,
        pool: &ThreadPool,
    ) -> Result<Step, ReaderError> {
        // What is there does not wait for what is not.
        let patience = if self.turn.is_some() { Duration::ZERO } else { PATIENCE };
        let read = match self.ended {
            true if self.turn.is_none() => return Ok(Step::Ended),
            true => Wait::NotYet,
            false => self.reader.next(patience)?,
        };
        self.ended |= matches!(read, Wait::Ended);
        let next = match read {
            Wait::Read(read) => Some(*read),
            Wait::NotYet | Wait::Ended => None,
        };
        let now = self.turn.take();
        let preparer = &self.preparer;
        let (done, next) = pool.install(|| {
            rayon::join(
                || now.map(|turn| turn.sift(sensor)),
                || next.map(|read| Turn::prepare(read, preparer)),
            )
        });
        self.turn = next;
        Ok(match done {
            Some(Told { damage, disorder, progress }) => {
                self.progress = progress;
                Step::Sifted { damage, disorder }
            }
            None => Step::Waiting,
        })
    }

    /// How far the run is, as of the last batch that was sifted.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}

/// A batch that is prepared while the one before it is sifted, and what came with it.
struct Turn {
    batch: Option<Prepared<FrameBatch>>,
    told: Told,
}

/// What is said once a batch is sifted.
struct Told {
    damage: Vec<Damage>,
    disorder: Vec<Disorder>,
    progress: Progress,
}

impl Turn {
    fn prepare(read: Read, preparer: &Preparer) -> Self {
        let Read { batch, damage, disorder, progress } = read;
        let batch = batch.filter(|batch| !batch.is_empty());
        Self {
            batch: batch.map(|batch| preparer.prepare(batch)),
            told: Told { damage, disorder, progress },
        }
    }

    fn sift(self, sensor: &mut Sensor) -> Told {
        if let Some(batch) = self.batch {
            sensor.sift_prepared(batch);
        }
        self.told
    }
}
