//! Sources of a content, by whether they get answers over TCP.

use crate::packet::Handshake;
use crate::state::persist;

/// Listed sources of a content, by whether they get answers over TCP. See
/// [`Handshake`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshakes {
    /// Acknowledged what the other side had sent, in one connection at least.
    pub answered: u32,
    /// Never did: the address may be forged, or the tap sees one direction only.
    pub unanswered: u32,
    /// Not seen over TCP.
    pub unknown: u32,
}

impl Handshakes {
    /// Whether nine in ten sources or more get no answers.
    pub fn are_missing(&self) -> bool {
        let all = self.answered + self.unanswered + self.unknown;
        all > 0 && 10 * u64::from(self.unanswered) >= 9 * u64::from(all)
    }
}

/// Which sources of a list got answers, a bit for each place in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceBits {
    answered: u64,
    unanswered: u64,
}

impl SourceBits {
    /// Notes a sighting of the source at this place, which is below 64.
    pub(crate) fn note(&mut self, place: usize, handshake: Handshake) {
        match handshake {
            Handshake::Answered => self.answered |= 1 << place,
            Handshake::Unanswered => self.unanswered |= 1 << place,
            Handshake::Unknown => {}
        }
    }

    /// Forgets the source at this place.
    pub(crate) fn clear(&mut self, place: usize) {
        self.answered &= !(1 << place);
        self.unanswered &= !(1 << place);
    }

    /// What is known of the source at this place; one answer is enough.
    pub(crate) fn at(self, place: usize) -> Handshake {
        match (self.answered >> place & 1, self.unanswered >> place & 1) {
            (1, _) => Handshake::Answered,
            (0, 1) => Handshake::Unanswered,
            _ => Handshake::Unknown,
        }
    }

    /// The counts over a list of so many sources.
    pub(crate) fn counts(self, sources: usize) -> Handshakes {
        let answered = self.answered.count_ones();
        let unanswered = (self.unanswered & !self.answered).count_ones();
        let unknown = (sources as u32).saturating_sub(answered + unanswered);
        Handshakes { answered, unanswered, unknown }
    }
}

persist!(SourceBits { answered, unanswered });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_count_once_and_one_answer_is_enough() {
        use Handshake::{Answered, Unanswered, Unknown};
        let mut bits = SourceBits::default();
        for (place, handshake) in [
            (0, Unanswered),
            (0, Unanswered),
            (1, Unanswered),
            (1, Answered),
            (63, Unknown),
        ] {
            bits.note(place, handshake);
        }
        let counts = Handshakes { answered: 1, unanswered: 1, unknown: 62 };
        assert_eq!(bits.counts(64), counts);
        assert_eq!(
            [0, 1, 2].map(|place| bits.at(place)),
            [Unanswered, Answered, Unknown]
        );
        bits.clear(1);
        assert_eq!(bits.at(1), Unknown);
    }

    #[test]
    fn answers_are_missing_where_nine_in_ten_are() {
        for (answered, unanswered, unknown, missing) in [
            (0, 0, 0, false),
            (0, 1, 0, true),
            (1, 9, 0, true),
            (0, 9, 1, true),
            (2, 9, 0, false),
            (1, 8, 1, false),
        ] {
            let counts = Handshakes { answered, unanswered, unknown };
            assert_eq!(counts.are_missing(), missing, "{counts:?}");
        }
    }
}
