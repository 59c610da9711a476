//! Scenario `red-herring`: early copies share more than later ones do (Newsome, Karp, Song,
//! "Paragraph: Thwarting Signature Learning by Training Maliciously", RAID 2006).
//!
//! Beside the true invariant stand four spurious ones, without a gap. All copies have the
//! first of them until some hosts are infected, and so on, so that a signature of what all
//! copies shared finds nothing as soon as one is dropped.

use std::ops::Range;

use super::base::{PORT, found, scan};
use crate::body::{Body, Piece};
use crate::delivery::Attempt;
use crate::ground_truth::Protocol;
use crate::link::{Link, client_port, udp};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::traffic::{Mark, PlantedContent};
use crate::worms::scanning::Attack;

/// The capture ends after so many infections: twice those at which all are dropped, and more.
const INFECTED: u32 = 120;
const INVARIANT: usize = 240;
/// Where each spurious invariant stands, in the order in which they are dropped: from the ends
/// inwards.
const SPURIOUS: [Range<usize>; 4] = [24..84, 444..504, 84..144, 384..444];
/// One more is dropped whenever so many more hosts are infected.
const EVERY: u32 = 12;

/// Expected: windows are counted each by itself, so that those of the true invariant go on.
/// What was reported while spurious ones stood beside it holds them.
pub(super) const ENTRY: Entry = Entry {
    profile: found(
        "red-herring",
        "in datagrams; four spurious invariants stand beside the true one, and are dropped \
         one after the other as more hosts are infected",
        "a signature of all that early copies share",
    ),
    open: |request| {
        scan(request, Protocol::Udp, INFECTED, |setup| {
            let rng = &mut setup.rng("body");
            let body = Body::new(vec![
                Piece::Mutable(24 + 120),
                Piece::Invariant(rng.bytes(INVARIANT)),
                Piece::Mutable(120 + 32),
            ]);
            let spurious = SPURIOUS.map(|range| rng.bytes(range.len()));
            let brought = setup.options.body.is_some();
            setup.refuse(brought, "body", "what its copies share is what it is about")?;
            Ok(RedHerring { body, spurious, infected: 0, copy: Vec::new() })
        })
    },
};

struct RedHerring {
    body: Body,
    spurious: [Vec<u8>; 4],
    /// Infections so far.
    infected: u32,
    copy: Vec<u8>,
}

impl Attack for RedHerring {
    fn send(&mut self, attempt: &Attempt, link: &mut Link, rng: &mut Rng) -> Option<u64> {
        self.infected = attempt.infects.unwrap_or(self.infected);
        self.body.write(rng, &mut self.copy);
        let dropped = (self.infected / EVERY) as usize;
        for (range, bytes) in SPURIOUS.into_iter().zip(&self.spurious).skip(dropped) {
            self.copy[range].copy_from_slice(bytes);
        }
        let attempt = attempt.at(client_port(rng), PORT);
        let ends = (&attempt.from, &attempt.to);
        let mark = Mark::Content { content: 0, infects: attempt.infects };
        let complete = link.send(attempt.time_ns, mark, ends, udp(ends), &self.copy);
        attempt.answered.then_some(complete)
    }

    fn contents(&self) -> Vec<PlantedContent> {
        vec![PlantedContent::new("body", &self.body, Protocol::Udp, Some(PORT))]
    }
}
