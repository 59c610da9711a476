//! Waves, for a person: the largest first.

use crate::output::largest::{Largest, table};
use crate::output::table::moment;
use std::fmt::Write as _;
use wormsift::signature::{Wave, WaveRule};
use wormsift_export::text::grouped;

/// The last word on each wave.
pub(crate) struct WaveTable(Largest<Wave>);

impl Default for WaveTable {
    fn default() -> Self {
        Self(Largest::by(|wave| wave.day_sources.into()))
    }
}

impl WaveTable {
    pub(crate) fn take(&mut self, wave: Wave) {
        self.0.take(wave.id.clone(), wave);
    }

    /// A table with a title; nothing where there were no waves.
    pub(crate) fn render(&self) -> String {
        let waves = self.0.sorted(|_| true);
        let all = waves.len() as u64 + self.0.left_out();
        table(&format!("waves: {}", grouped(all)), &waves, all, news)
    }
}

/// A wave in one line.
pub(crate) fn news(it: &Wave) -> String {
    let mut text = format!("{} from ", it.signature);
    match it.rule {
        WaveRule::Growth => {
            let _ =
                write!(text, "{} addresses in an hour", grouped(it.hour_sources.into()));
            if let Some(before) = it.hour_sources_before {
                let _ = write!(text, ", {} in the one before", grouped(before.into()));
            }
            if let Some(seconds) = it.doubling_seconds {
                let _ = write!(text, ", doubling in {:.0} min", seconds / 60.0);
            }
        }
        WaveRule::Spike => {
            let _ = write!(text, "{} addresses in a day", grouped(it.day_sources.into()));
            if let Some(most) = it.spike_above {
                let most = grouped(most.round() as u64);
                let _ =
                    write!(text, ", where up to {most} are usual over {} days", it.days);
            }
        }
    }
    text + &format!(", hour of {}", moment(it.hour))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::largest::MOST;
    use wormsift::Timestamp;

    fn wave(n: u32, rule: WaveRule) -> Wave {
        Wave {
            id: format!("{n:032x}"),
            signature: "0a".to_owned(),
            rule,
            hour: Timestamp::from_nanos(3_600_000_000_000),
            hour_sources: 2_000,
            hour_sources_before: Some(500),
            doubling_seconds: Some(1_800.0),
            day_sources: 3_000 + n,
            days: 30,
            spike_above: Some(1_234.4),
        }
    }

    #[test]
    fn the_largest_are_shown_and_the_others_counted() {
        let mut table = WaveTable::default();
        assert_eq!(table.render(), "");
        (0..MOST as u32 + 5).for_each(|n| table.take(wave(n, WaveRule::Spike)));
        let text = table.render();
        assert!(text.starts_with("\nwaves: 1,285\n  0a from 4,284 addresses in a day, where up to 1,234 are usual over 30 days, hour of 1970-01-01 01:00:00.000\n"), "{text}");
        assert!(text.ends_with("  and 1,265 more\n"), "{text}");
        assert_eq!(text.lines().count(), 23);
        let growth = news(&wave(1, WaveRule::Growth));
        assert!(growth.starts_with("0a from 2,000 addresses in an hour, 500 in the one before, doubling in 30 min"), "{growth}");
    }
}
