//! What a merger asks of its taps at a tick.

use super::ask::{Ask, Ordinary, Request};
use super::gate::Change;
use super::merger::Merger;
use super::questions::Questions;
use super::rounds::Open;
use crate::pipeline::record_at::{PlacedRequest, RecordAt};
use crate::pipeline::streams::Streams;
use crate::signature::SampleRequest;
use crate::time::Timestamp;

impl Merger {
    /// Asks each tap what there is to be asked.
    pub(super) fn ask(&mut self, open: &mut Open) {
        open.round += 1;
        let until =
            open.questions.as_ref().map(Questions::tick).filter(|_| !open.is_passed);
        // The parcels of each tap before these are over at that tick.
        let settles: Vec<u64> = (0..)
            .zip(&self.lanes)
            .map(|(tap, lane)| {
                let waits = until.and_then(|until| open.batch.first_of(tap, until));
                waits.unwrap_or(lane.counted.covered)
            })
            .collect();
        let mut requests = self.requests(open, until, &settles);
        for (tap, lane) in (0..).zip(&mut self.lanes) {
            let questions = open.questions.as_ref();
            let asked = questions.and_then(|questions| questions.of_tap(tap));
            let requests = std::mem::take(&mut requests[usize::from(tap)]);
            let followed = match lane.is_gated {
                true => open.followed.clone(),
                false => Change::default(),
            };
            let settles = settles[usize::from(tap)];
            let is_nothing =
                asked.is_none() && requests.is_empty() && followed.is_empty();
            if is_nothing && lane.settled == settles {
                continue;
            }
            lane.settled = settles;
            let (wanted, ordinary) = asked.unwrap_or((Vec::new(), Ordinary::Nothing));
            self.asks.push(Ask {
                binding: self.binding,
                tap,
                tick: open.tick,
                round: open.round,
                settles,
                requests,
                wanted,
                ordinary,
                followed,
            });
        }
    }

    /// What is followed since the last call, for taps that have gates.
    pub(super) fn follow(&mut self) -> Change {
        if !self.lanes.iter().any(|lane| lane.is_gated) {
            return Change::default();
        }
        let mut followed: Vec<u64> = match &self.sensor.away {
            Some(away) => away.followed().collect(),
            None => {
                let tables =
                    self.sensor.content.iter().map(|content| &content.candidates);
                tables.flat_map(|it| it.by_key().map(|candidate| candidate.key)).collect()
            }
        };
        followed.sort_unstable();
        let change = Change::between(&self.followed, &followed);
        self.followed = followed;
        change
    }

    /// What content shards have asked of samples during packets before `until`, by tap; what
    /// concerns parcels that are not over waits.
    fn requests(
        &mut self,
        open: &Open,
        until: Option<Timestamp>,
        settles: &[u64],
    ) -> Vec<Vec<Request>> {
        let mut by_tap = vec![Vec::new(); self.lanes.len()];
        let Streams::Away(away) = &mut self.sensor.streams else { return by_tap };
        let mut requests = std::mem::take(&mut away.requests);
        requests.sort_by_key(|(shard, placed)| (placed.at, *shard));
        let time = |at: RecordAt| at.record(&open.batch.chunks).time;
        if let Some(until) = until {
            let is_over = |(_, placed): &(u8, PlacedRequest)| {
                let record = placed.at.record;
                time(placed.at) < until
                    && match placed.request {
                        SampleRequest::Take { .. } => {
                            let (tap, (sequence, _)) = open.batch.origin(record);
                            sequence < settles[usize::from(tap)]
                        }
                        SampleRequest::Release { .. } => {
                            (0..).zip(settles).all(|(tap, it)| {
                                open.batch
                                    .last_of(tap, record)
                                    .is_none_or(|at| at.0 < *it)
                            })
                        }
                    }
            };
            let (due, waiting) = requests.into_iter().partition(is_over);
            (requests, away.requests) = (due, waiting);
        }
        for (_, placed) in requests {
            let record = placed.at.record;
            let time = time(placed.at);
            let (key, sample) = (placed.key, placed.request);
            let request = |at| Request { at, key, time, sample };
            match sample {
                SampleRequest::Take { .. } => {
                    let (tap, at) = open.batch.origin(record);
                    by_tap[usize::from(tap)].push(request(Some(at)));
                }
                // Whichever tap has the sample lets go of it.
                SampleRequest::Release { .. } => {
                    for (tap, requests) in (0..).zip(&mut by_tap) {
                        requests.push(request(open.batch.last_of(tap, record)));
                    }
                }
            }
        }
        by_tap
    }
}
