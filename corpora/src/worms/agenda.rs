//! A queue of events by time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Events to come; those of one time in the order of their entry.
#[derive(Debug)]
pub(super) struct Agenda<E> {
    waiting: BinaryHeap<Reverse<(u64, u64, E)>>,
    entered: u64,
}

impl<E: Ord> Agenda<E> {
    pub(super) fn new() -> Self {
        Self { waiting: BinaryHeap::new(), entered: 0 }
    }

    pub(super) fn enter(&mut self, time_ns: u64, event: E) {
        self.waiting.push(Reverse((time_ns, self.entered, event)));
        self.entered += 1;
    }

    pub(super) fn next_time(&self) -> Option<u64> {
        self.waiting.peek().map(|Reverse((time_ns, ..))| *time_ns)
    }

    pub(super) fn next(&mut self) -> Option<(u64, E)> {
        self.waiting.pop().map(|Reverse((time_ns, _, event))| (time_ns, event))
    }
}
