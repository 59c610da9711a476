//! What happened to a content before it was promoted.

use super::ContentShard;
use super::line_up::Next;
use crate::pipeline::batch::Record;
use crate::pipeline::packet_log::LoggedBatch;
use crate::signature::Missing;

impl ContentShard {
    /// Applies the sightings of a content before it was promoted, as far as they are
    /// remembered, as it does all promoted ones. Returns what may be missing, and the keys
    /// of the classes in which they passed the content on.
    #[cold]
    pub(super) fn recall(
        &mut self,
        next: &Next,
        record: &Record,
        packets: &LoggedBatch<'_>,
    ) -> (Missing, Vec<u64>) {
        let now = packets.ordinal(next.at);
        let clock = &self.dispersion_clock;
        let current = clock.epoch_of(record.time);
        let recalled = self.first_sightings.recall(next.hash);
        let mut missing = Missing {
            promoted: recalled.lost.is_some_and(|lost| lost.is_recent(current)),
            any: recalled.some_missing,
        };
        let mut earlier = Vec::new();
        for &ordinal in recalled.ordinals() {
            match packets.packet(ordinal, now) {
                // What has left the dispersion window counts for no threshold.
                Some(packet) if clock.epoch_of(packet.time).is_recent(current) => {
                    earlier.push(packet)
                }
                _ => missing.any = true,
            }
        }
        let mut passed_on = Vec::new();
        for packet in earlier {
            let seen = packet.seen(next.key, 0, missing);
            self.counters.recalled += 1;
            let entered = self.enter(&seen, true).into_iter().flatten();
            passed_on
                .extend(entered.filter(|it| it.passed.is_some()).map(|it| it.class.key));
        }
        (missing, passed_on)
    }

    /// Notes which contents come back, if they do, with sightings missing.
    pub(super) fn note_lost(&mut self) {
        for (key, last) in self.candidates.take_lost() {
            let epoch = self.dispersion_clock.epoch_of(last);
            self.first_sightings.lose(self.prevalence.hash(key), epoch);
        }
    }
}
