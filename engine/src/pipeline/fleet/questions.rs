//! What is asked about the alarms of one tick, and the answers: two rounds.
//!
//! First which samples show the windows that alarmed, and which samples of other traffic
//! there are; then the bytes of those of them that one sensor with all samples would take.

use super::ParcelError;
use super::ask::{Ordinary, Piece};
use crate::pipeline::course::Due;
use crate::pipeline::sizing::FLOW_SHARDS;
use crate::pipeline::streams::{Evidence, Found, ORDINARY, Rank, Wanted, wanted};
use crate::time::Timestamp;
use std::sync::Arc;

/// See the [module](self).
pub(super) struct Questions {
    due: Due,
    wanted: Vec<Wanted>,
    found: Vec<Option<Found>>,
    /// Samples of other traffic by flow shard and rank, with their taps; of the second round.
    chosen: Option<Vec<(u8, Rank, u16)>>,
    /// By tap: whether its answer is waited for.
    awaited: Vec<bool>,
    pieces: Vec<Option<Piece>>,
}

/// What comes after a round.
pub(super) enum Next {
    Round,
    Emit(Due, Evidence),
}

impl Questions {
    /// `awake` says of each tap whether it is asked.
    pub(super) fn new(due: Due, awake: Vec<bool>) -> Self {
        let wanted = wanted(&due.alarms);
        Self {
            found: vec![None; wanted.len()],
            wanted,
            due,
            chosen: None,
            pieces: awake.iter().map(|_| None).collect(),
            awaited: awake,
        }
    }

    /// What a tap is asked in this round, if it is.
    pub(super) fn of_tap(&self, tap: u16) -> Option<(Vec<Wanted>, Ordinary)> {
        if !self.awaited[usize::from(tap)] {
            return None;
        }
        Some(match &self.chosen {
            None => (self.wanted.clone(), Ordinary::Ranks),
            Some(chosen) => {
                let of_tap = chosen.iter().filter(|it| it.2 == tap);
                let ids = of_tap.map(|(shard, rank, _)| (*shard, rank.id));
                (Vec::new(), Ordinary::Samples(ids.collect()))
            }
        })
    }

    /// The tick of the alarms.
    pub(super) fn tick(&self) -> Timestamp {
        self.due.tick
    }

    /// Whether every answer of this round is there.
    pub(super) fn is_answered(&self) -> bool {
        !self.awaited.contains(&true)
    }

    /// Takes an answer.
    pub(super) fn take(&mut self, piece: Piece) -> Result<(), ParcelError> {
        let tap = usize::from(piece.tap);
        let Some((wanted, ordinary)) = self.of_tap(piece.tap) else {
            return Err(ParcelError::Unasked);
        };
        let chosen = match ordinary {
            Ordinary::Samples(chosen) => chosen.len(),
            _ => 0,
        };
        let fits = piece.found.len() == wanted.len()
            && piece.ordinary.len() == chosen
            && piece.ranks.len() <= FLOW_SHARDS * ORDINARY;
        if !fits {
            return Err(ParcelError::Damaged("answer"));
        }
        self.pieces[tap] = Some(piece);
        self.awaited[tap] = false;
        Ok(())
    }

    /// Waits for a tap no longer in this round.
    pub(super) fn give_up(&mut self, tap: u16) {
        self.awaited[usize::from(tap)] = false;
    }

    /// Goes on after a round that is answered.
    pub(super) fn go_on(mut self) -> (Option<Self>, Next) {
        let pieces: Vec<Option<Piece>> =
            self.pieces.iter_mut().map(Option::take).collect();
        let Some(chosen) = self.chosen.take() else {
            self.take_first(pieces);
            return (Some(self), Next::Round);
        };
        let mut samples: Vec<_> = pieces
            .into_iter()
            .map(|piece| piece.map_or(Vec::new(), |piece| piece.ordinary).into_iter())
            .collect();
        let of_tap = |tap: &u16| samples[usize::from(*tap)].next().flatten();
        let ordinary: Vec<Arc<[u8]>> =
            chosen.iter().map(|(_, _, tap)| tap).filter_map(of_tap).collect();
        (None, Next::Emit(self.due, Evidence { found: self.found, ordinary }))
    }

    /// Takes the answers of the first round.
    fn take_first(&mut self, pieces: Vec<Option<Piece>>) {
        let mut ranks = Vec::new();
        for piece in pieces.into_iter().flatten() {
            for (found, it) in self.found.iter_mut().zip(piece.found) {
                *found = found.take().or(it);
            }
            let tap = piece.tap;
            ranks.extend(piece.ranks.iter().map(|(shard, rank)| (*shard, *rank, tap)));
        }
        ranks.sort_unstable_by_key(|(shard, rank, tap)| (*shard, *rank, *tap));
        let of_shard = ranks.chunk_by(|a, b| a.0 == b.0);
        let chosen: Vec<_> =
            of_shard.flat_map(|it| &it[..it.len().min(ORDINARY)]).collect();
        self.awaited.fill(false);
        for (_, _, tap) in &chosen {
            self.awaited[usize::from(*tap)] = true;
        }
        self.chosen = Some(chosen.into_iter().copied().collect());
    }
}
