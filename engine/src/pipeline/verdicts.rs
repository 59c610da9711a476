//! What the flow stage finds out about each packet: one byte a record.
//!
//! Flow shards write it, each for its own segments; content shards read it after all have
//! written. The stages are separated by the end of a parallel loop, so no stronger order
//! than relaxed is needed.

use crate::packet::Handshake;
use crate::stream::Verdict;
use std::sync::atomic::{AtomicU8, Ordering};

/// The bits of a byte: two for the handshake, one for whether it was found out here.
const ANSWERED: u8 = 1;
const UNANSWERED: u8 = 2;
const IS_FIRST: u8 = 4;

/// The verdicts on the records of a chunk, by their index.
#[derive(Default)]
pub(crate) struct Verdicts(Vec<AtomicU8>);

impl Verdicts {
    /// So many records of which nothing is known yet. What a freak batch took goes with
    /// the next.
    pub(crate) fn reset(&mut self, records: usize) {
        self.0.clear();
        self.0.shrink_to(4 * records.max(64));
        self.0.resize_with(records, AtomicU8::default);
    }

    #[inline]
    pub(crate) fn set(&self, record: u32, verdict: Verdict) {
        self.0[record as usize].store(to_byte(verdict), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self, record: u32) -> Verdict {
        of_byte(self.0[record as usize].load(Ordering::Relaxed))
    }

    /// Bytes allocated.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.0.capacity()
    }
}

fn to_byte(verdict: Verdict) -> u8 {
    let handshake = match verdict.handshake {
        Handshake::Unknown => 0,
        Handshake::Answered => ANSWERED,
        Handshake::Unanswered => UNANSWERED,
    };
    handshake | if verdict.is_first { IS_FIRST } else { 0 }
}

fn of_byte(byte: u8) -> Verdict {
    let handshake = match byte & (ANSWERED | UNANSWERED) {
        ANSWERED => Handshake::Answered,
        UNANSWERED => Handshake::Unanswered,
        _ => Handshake::Unknown,
    };
    Verdict { handshake, is_first: byte & IS_FIRST != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_has_the_verdict_that_was_set_and_none_before() {
        use Handshake::{Answered, Unanswered, Unknown};
        let mut verdicts = Verdicts::default();
        for round in 0..2 {
            verdicts.reset(8);
            for (record, handshake) in (0..).zip([Unknown, Answered, Unanswered]) {
                for is_first in [false, true] {
                    let verdict = Verdict { handshake, is_first };
                    assert_eq!(verdicts.get(record), Verdict::default(), "{round}");
                    verdicts.set(record, verdict);
                    assert_eq!(verdicts.get(record), verdict);
                    verdicts.set(record, Verdict::default());
                }
                verdicts.set(record + 4, Verdict { handshake, is_first: true });
            }
        }
    }
}
