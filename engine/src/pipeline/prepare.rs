//! What of a batch can be done before its turn: decoding and fingerprints.
//!
//! Decoding and fingerprints need no order. Done for the next batch while the stages that
//! do need it are busy with this one, they fill the gaps in which those wait for each
//! other.

use super::Sensor;
use super::batch::Chunk;
use super::frames::{self, FrameList, Lent, Round};
use super::stage_times::StageTimer;
use super::worker::Sifter;
use crate::decode::{Decoder, DropCounters};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Prepares batches for the sensor that it is from, on any thread.
///
/// ```
/// use wormsift::config::Config;
/// use wormsift::packet::{Frame, LinkType, Timestamp};
/// use wormsift::pipeline::Sensor;
///
/// let mut sensor = Sensor::new(Config::default())?;
/// let preparer = sensor.preparer();
/// let frame = |number| Frame {
///     number,
///     time: Timestamp::from_nanos(number),
///     link: LinkType::ETHERNET,
///     original_len: 60,
///     tap: 0,
///     data: &[0; 60],
/// };
/// let mut waiting = preparer.prepare(vec![frame(0)]);
/// for number in 1..9 {
///     // Side by side, on the threads of the pool.
///     let next = || preparer.prepare(vec![frame(number)]);
///     waiting = rayon::join(|| sensor.sift_prepared(waiting), next).1;
/// }
/// sensor.sift_prepared(waiting);
/// assert_eq!(sensor.stats().packets.frames, 9);
/// # Ok::<(), wormsift::error::Error>(())
/// ```
#[derive(Clone)]
pub struct Preparer {
    sifter: Arc<Sifter>,
    decoder: Decoder,
    round: Round,
    spare: Spare,
    timer: StageTimer,
}

/// A batch of which all is done that needs no order: see [`Sensor::sift_prepared`].
pub struct Prepared<L> {
    frames: L,
    filled: Filled,
    sifter: Arc<Sifter>,
}

/// Chunks that were used, to be used again.
#[derive(Clone, Default)]
pub(crate) struct Spare(Arc<Mutex<Vec<Chunk>>>);

/// A run of frames and what is known of them.
pub(crate) struct Filled {
    run: Range<usize>,
    chunks: Vec<Chunk>,
    drops: DropCounters,
}

impl Preparer {
    /// Decodes and fingerprints the beginning of a batch, as much of it as the sensor
    /// sifts at once, on the threads of the rayon pool that it is called in.
    pub fn prepare<L: FrameList>(&self, frames: L) -> Prepared<L> {
        let filled = self.fill(&frames, 0);
        Prepared { frames, filled, sifter: Arc::clone(&self.sifter) }
    }

    /// The same for the run of frames that begins at `start`.
    fn fill<L: FrameList + ?Sized>(&self, frames: &L, start: usize) -> Filled {
        let run = start..self.round.end(frames, start);
        let ranges = self.round.cut(frames, run.clone());
        let mut chunks = self.spare.take(ranges.len());
        let drops = frames::fill_chunks(
            &mut chunks,
            &ranges,
            frames,
            &self.decoder,
            &self.sifter,
            self.timer,
        );
        Filled { run, chunks, drops }
    }
}

impl Spare {
    fn take(&self, count: usize) -> Vec<Chunk> {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = spare.len().saturating_sub(count);
        let mut chunks = spare.split_off(kept);
        drop(spare);
        chunks.iter_mut().for_each(Chunk::clear);
        chunks.resize_with(count, Chunk::new);
        chunks
    }

    fn give(&self, mut chunks: Vec<Chunk>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(&mut chunks);
    }
}

impl Sensor {
    /// What prepares batches for this sensor.
    pub fn preparer(&self) -> Preparer {
        Preparer {
            sifter: Arc::clone(&self.sifter),
            decoder: self.decoder.clone(),
            round: self.round,
            spare: self.spare.clone(),
            timer: self.timer,
        }
    }

    /// Takes frames in order: decodes them, and does all the rest. Frames that
    /// cannot be decoded are counted by reason.
    pub fn sift<L: FrameList + ?Sized>(&mut self, frames: &L) {
        if !frames.is_empty() {
            let filled = self.preparer().fill(frames, 0);
            self.sift_filled(frames, filled);
        }
    }

    /// The same for a batch that a [`Preparer`] has prepared. Gives its frames back.
    ///
    /// Batches are sifted in the order of these calls, whatever they were prepared in;
    /// one that another sensor's preparer made is prepared anew.
    pub fn sift_prepared<L: FrameList + Send>(&mut self, prepared: Prepared<L>) -> L {
        let Prepared { frames, filled, sifter } = prepared;
        if Arc::ptr_eq(&sifter, &self.sifter) {
            self.sift_filled(&frames, filled);
        } else {
            self.sift(&frames);
        }
        frames
    }

    /// Sifts a batch whose first run is filled: each further run while the one before it
    /// is sifted.
    fn sift_filled<L: FrameList + ?Sized>(&mut self, frames: &L, mut filled: Filled) {
        let preparer = self.preparer();
        while filled.run.end < frames.len() {
            let start = filled.run.end;
            let next = || preparer.fill(frames, start);
            filled = rayon::join(|| self.sift_run(frames, filled), next).1;
        }
        self.sift_run(frames, filled);
    }

    fn sift_run<L: FrameList + ?Sized>(&mut self, frames: &L, filled: Filled) {
        let Filled { run, mut chunks, drops } = filled;
        self.frames += run.len() as u64;
        self.drops.merge(&drops);
        for chunk in &mut chunks {
            self.reassemble(chunk, frames);
        }
        self.run(&mut chunks, &Lent(frames));
        self.spare.give(chunks);
    }
}
