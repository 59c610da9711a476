//! The ledger's part in waves: whose hours are over, and what is told of them.

use super::Ledger;
use crate::signature::{Hour, Wave};
use crate::time::Epoch;
use std::collections::BTreeMap;

impl Ledger {
    /// Takes hours of windows that are over, with their content keys and in any order. Of the
    /// windows of one content the one counts that most addresses sent: some miss packets.
    pub(crate) fn end_hours(&mut self, hours: impl IntoIterator<Item = (u64, Hour)>) {
        let mut of_contents: BTreeMap<(u64, Epoch), Hour> = BTreeMap::new();
        for (key, hour) in hours {
            let Some(&n) = self.owners.get(&key) else { continue };
            let known = of_contents.entry((n, hour.number)).or_insert(hour);
            known.addresses = known.addresses.max(hour.addresses);
            known.of_day = known.of_day.max(hour.of_day);
            known.since = known.since.min(hour.since);
        }
        for ((n, _), hour) in of_contents {
            let Some(known) = self.known.get_mut(&n) else { continue };
            let before = known.bytes();
            let wave = known.tally.take_hour(hour, &known.id);
            self.bytes = self.bytes - before + known.bytes();
            // Nothing is said of a signature before itself.
            self.wave_news.extend(wave.filter(|_| !self.untold.contains(&n)));
        }
    }

    /// The waves since the last call, in order.
    pub(crate) fn take_waves(&mut self) -> Vec<Wave> {
        std::mem::take(&mut self.wave_news)
    }
}
