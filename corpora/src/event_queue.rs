//! Priority queue in packet time.
//!
//! Entries leave in order of time, and those of one time in the order in which they were
//! added, so that the order depends on nothing but the calls. Adding and taking cost the
//! logarithm of the length.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Values that wait for their time.
#[derive(Debug)]
pub(crate) struct EventQueue<E> {
    entries: BinaryHeap<Entry<E>>,
    added: u64,
}

#[derive(Debug)]
struct Entry<E> {
    time_ns: u64,
    number: u64,
    event: E,
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        Self { entries: BinaryHeap::new(), added: 0 }
    }
}

impl<E> EventQueue<E> {
    pub(crate) fn push(&mut self, time_ns: u64, event: E) {
        self.entries.push(Entry { time_ns, number: self.added, event });
        self.added += 1;
    }

    /// The time of the first entry.
    pub(crate) fn next_time(&self) -> Option<u64> {
        self.entries.peek().map(|first| first.time_ns)
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, E)> {
        self.entries.pop().map(|first| (first.time_ns, first.event))
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// A heap gives its greatest entry first: the earliest one counts as the greatest.
impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time_ns, other.number).cmp(&(self.time_ns, self.number))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// The slow twin: a list that is sorted by time, stably, before each entry is taken.
    #[test]
    fn entries_leave_as_from_a_stably_sorted_list() {
        let mut rng = Rng::new(1, "queue");
        let (mut queue, mut list) = (EventQueue::default(), Vec::new());
        for event in 0..20_000 {
            // Few times, so that many entries share one.
            let time_ns = rng.below(50);
            queue.push(time_ns, event);
            list.push((time_ns, event));
            assert_eq!(queue.len(), list.len());
            for _ in 0..rng.below(3) {
                list.sort_by_key(|(time_ns, _)| *time_ns);
                let first = list.first().copied();
                assert_eq!(queue.next_time(), first.map(|(time_ns, _)| time_ns));
                assert_eq!(queue.pop(), first);
                list.drain(..first.iter().len());
            }
        }
        assert_eq!(queue.pop(), list.first().copied());
    }
}
