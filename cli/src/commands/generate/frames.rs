//! Captures frame by frame, each frame kept as long as somebody needs it.

use crate::output::talk::Talk;
use std::cell::Cell;
use std::rc::Rc;
use wormsift_capture::{FrameBatch, Input, Limits, Trace};
use wormsift_corpora::{CapturedFrame, HeldFrame};

/// A frame, and the batch that holds it.
pub(super) struct BatchFrame {
    batch: Rc<FrameBatch>,
    index: usize,
}

impl HeldFrame for BatchFrame {
    fn view(&self) -> CapturedFrame<'_> {
        let frame = self.batch.frame(self.index);
        CapturedFrame {
            time_ns: frame.time.as_nanos(),
            link_type: frame.link.0,
            original_length: frame.original_len,
            bytes: frame.data,
        }
    }
}

/// Tells of damage as it is met, and how far all readers together are.
pub(super) struct Watch<'a> {
    talk: &'a Talk,
    tells: bool,
    damage: Cell<u64>,
    position: Cell<u64>,
    total: Cell<u64>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(talk: &'a Talk) -> Self {
        let zero = || Cell::new(0);
        Self { talk, tells: true, damage: zero(), position: zero(), total: zero() }
    }

    /// For files whose damage was told before.
    pub(super) fn silent(talk: &'a Talk) -> Self {
        Self { tells: false, ..Self::new(talk) }
    }

    /// Lines of damage that were told.
    pub(super) fn damage(&self) -> u64 {
        self.damage.get()
    }
}

/// The frames of one or several inputs. The first file is opened with the first frame.
pub(super) struct Frames<'a> {
    trace: Trace,
    limits: Limits,
    batch: Rc<FrameBatch>,
    next: usize,
    position: u64,
    watch: &'a Watch<'a>,
}

impl<'a> Frames<'a> {
    /// All inputs as one trace.
    pub(super) fn of(inputs: Vec<Input>, limits: Limits, watch: &'a Watch<'a>) -> Self {
        let trace = Trace::open(inputs);
        let total = watch.total.get() + trace.total_bytes().unwrap_or(0);
        watch.total.set(total);
        Self {
            trace,
            limits,
            batch: Rc::new(FrameBatch::default()),
            next: 0,
            position: 0,
            watch,
        }
    }

    fn tell(&mut self) {
        for line in self.trace.damage().into_iter().filter(|_| self.watch.tells) {
            self.watch.damage.set(self.watch.damage.get() + 1);
            self.watch.talk.error(line);
        }
        let moved = self.trace.position() - self.position;
        self.position += moved;
        self.watch.position.set(self.watch.position.get() + moved);
        let (position, total) = (self.watch.position.get(), self.watch.total.get());
        self.watch.talk.progress().at(position, Some(total));
    }
}

impl Iterator for Frames<'_> {
    type Item = BatchFrame;

    fn next(&mut self) -> Option<BatchFrame> {
        if self.next == self.batch.len() {
            let batch = self.trace.next_batch(self.limits);
            self.tell();
            self.batch = Rc::new(batch?);
            self.next = 0;
        }
        self.next += 1;
        Some(BatchFrame { batch: Rc::clone(&self.batch), index: self.next - 1 })
    }
}
