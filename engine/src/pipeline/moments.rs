//! Moments of conversations: what the flow shards find out that stages without shards need.
//!
//! Put into packet order once a batch, between the flow shards and the content shards.

use super::batch::{Chunk, Record};
use super::record_at::RecordAt;
use crate::detect::conversations::{Role, ViewStep};
use crate::packet::HomeNet;
use crate::signature::View;
use crate::state::persist;
use crate::time::Timestamp;
use std::collections::VecDeque;

/// A packet at which more becomes known of its conversation.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: RecordAt,
    /// The role of the packet's sender.
    pub(crate) role: Role,
    /// Whether the conversation begins.
    pub(crate) begins: bool,
    /// Whether its responder answers for the first time.
    pub(crate) answers: bool,
    /// What it adds to the view of the tap.
    pub(crate) view: ViewStep,
}

/// What the tap sees, packet by packet.
#[derive(Debug, Default)]
pub(crate) struct RunningView {
    view: View,
    /// Conversations of datagrams that began: all, and those between hosts of the home network.
    datagrams: u64,
    inside: u64,
}

/// Fewer conversations do not tell where a tap is.
const LEAST_CONVERSATIONS: u64 = 64;
/// At most one in so many is between hosts of the home network where the tap is at its border.
const SELDOM: u64 = 50;

/// What was known of the tap at each packet of a batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct TapView {
    /// Whether it sees both directions.
    two_way: Timeline,
    /// Whether it is at the border of the home network.
    at_border: Timeline,
}

/// What holds or does not, over a batch.
#[derive(Clone, Debug, Default)]
struct Timeline {
    at_first: bool,
    /// Packets from which on the contrary holds, in order.
    changes: Vec<RecordAt>,
}

/// The view at ticks: what the packets before a tick have shown.
#[derive(Debug, Default)]
pub(crate) struct TickedView {
    view: View,
    /// The batch's steps that are still to be counted, in packet order, with their times.
    waiting: VecDeque<(Timestamp, ViewStep)>,
}

impl TickedView {
    /// Takes the moments of a batch, in packet order.
    pub(crate) fn take(&mut self, moments: &[Moment], chunks: &[Chunk]) {
        let steps = moments.iter().filter(|moment| moment.view != ViewStep::default());
        let records = steps.map(|moment| (moment.at.record(chunks), moment.view));
        let filling = records.filter(|(record, _)| record.fills());
        self.waiting.extend(filling.map(|(record, step)| (record.time, step)));
    }

    /// Counts those before a time.
    pub(crate) fn count_until(&mut self, until: Timestamp) {
        let is_due = |it: &(Timestamp, ViewStep)| it.0 < until;
        while self.waiting.front().is_some_and(is_due)
            && let Some((_, step)) = self.waiting.pop_front()
        {
            self.view.count(step);
        }
    }

    pub(crate) fn view(&self) -> View {
        self.view
    }
}

impl RunningView {
    /// Takes the moments of a batch, in packet order.
    pub(crate) fn take(
        &mut self,
        moments: &[Moment],
        chunks: &[Chunk],
        home: &HomeNet,
    ) -> TapView {
        let mut view = TapView {
            two_way: Timeline::new(self.view.is_two_way()),
            at_border: Timeline::new(self.is_at_border()),
        };
        for moment in moments {
            self.view.count(moment.view);
            view.two_way.go_on(moment.at, self.view.is_two_way());
            if moment.begins && !home.is_unset() {
                self.count_datagrams(moment.at.record(chunks), home);
                view.at_border.go_on(moment.at, self.is_at_border());
            }
        }
        view
    }

    fn count_datagrams(&mut self, record: &Record, home: &HomeNet) {
        if record.is_segment() || record.destination.is_group() {
            return;
        }
        self.datagrams += 1;
        let is_inside = home.holds(record.source) && home.holds(record.destination);
        self.inside += u64::from(is_inside);
    }

    fn is_at_border(&self) -> bool {
        self.datagrams >= LEAST_CONVERSATIONS && SELDOM * self.inside <= self.datagrams
    }
}

impl TapView {
    /// Whether the tap sees both directions, as far as is known at a packet, itself included.
    pub(crate) fn is_two_way(&self, at: RecordAt) -> bool {
        self.two_way.at(at)
    }

    /// Whether the tap sees nearly no datagrams between hosts of the home network.
    pub(crate) fn is_at_border(&self, at: RecordAt) -> bool {
        self.at_border.at(at)
    }
}

impl Timeline {
    fn new(at_first: bool) -> Self {
        Self { at_first, changes: Vec::new() }
    }

    /// Notes what holds from a packet on; they come in order.
    fn go_on(&mut self, at: RecordAt, holds: bool) {
        if holds != self.at_first ^ (self.changes.len() % 2 == 1) {
            self.changes.push(at);
        }
    }

    fn at(&self, at: RecordAt) -> bool {
        let changes = self.changes.partition_point(|change| *change <= at);
        self.at_first ^ (changes % 2 == 1)
    }
}

persist!(TapView { two_way, at_border });
persist!(Timeline { at_first, changes });
persist!(RunningView { view, datagrams, inside });
// Between batches none waits.
persist!(TickedView { view; waiting });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the view counted anew up to each packet, whatever the batches.
        #[test]
        fn it_is_two_way_where_the_view_up_to_the_packet_is(
            steps in prop::collection::vec((any::<bool>(), any::<bool>()), 1..200),
            batch in 1usize..80,
        ) {
            let moments: Vec<Moment> = steps
                .iter()
                .enumerate()
                .map(|(n, &(is_first, is_answer))| Moment {
                    at: RecordAt { chunk: 0, record: (n % batch) as u32 },
                    role: Role::Unknown,
                    begins: false,
                    answers: false,
                    view: ViewStep { is_first, is_answer },
                })
                .collect();
            let mut running = RunningView::default();
            let mut twin = View::default();
            for batch in moments.chunks(batch) {
                let seen = running.take(batch, &[], &HomeNet::default());
                for moment in batch {
                    twin.count(moment.view);
                    prop_assert_eq!(seen.is_two_way(moment.at), twin.is_two_way());
                }
            }
        }
    }
}
