//! Waves: a content comes from many more addresses than before.
//!
//! Two rules over the addresses that sent it, each by its own span of packet time (UTC):
//!
//! - *spike*, once 28 whole days are known: those of a day are above the median of all days
//!   known (the latest 84) by more than twice the distance between their quartiles, and above
//!   the mean of the latest 28 by more than two standard deviations. Told at each hour from
//!   which on that is so.
//! - *growth*, before that: those of an hour are at least twice those of the hour before,
//!   which was counted whole. That is a doubling time of an hour at most. A content that is
//!   sent at certain hours of the day shows it each day, until days are known.
//!
//! Neither counts below 64 addresses: of half as many by chance alone, twice as many are three
//! standard deviations off.
//!
//! Guarantees: a function of the hours in their order, which are those of one content. An hour
//! of which nothing is heard had no address. Costs: four bytes a day known, and a sort of
//! those an hour.

use crate::detect::population::{DAY, HOUR, Hour, MOST_BYTES, MOST_COUNTER_BYTES};
use crate::state::persist;
use crate::time::{Epoch, Timestamp};
use xxhash_rust::xxh3::xxh3_128;

/// A content that comes from many more addresses than before.
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    /// The same for all that is told of one wave: of an hour's growth, or a day's spike.
    pub id: String,
    /// The id of the signature.
    pub signature: String,
    /// Why it is one.
    pub rule: WaveRule,
    /// When the hour begins that it was found in.
    pub hour: Timestamp,
    /// Distinct source addresses of that hour: exact while the signature has 128 at most, else
    /// with a standard error of 2.3 %.
    pub hour_sources: u32,
    /// Those of the hour before; `None` where it was not counted whole.
    pub hour_sources_before: Option<u32>,
    /// An hour's length over the doublings of sources within it; `None` where they have not
    /// grown, or from none.
    pub doubling_seconds: Option<f64>,
    /// Distinct source addresses of the hour's day up to the hour's end; standard error 4.6 %.
    pub day_sources: u32,
    /// Whole days known before it, 84 at most.
    pub days: u32,
    /// Above so many a day is a spike; `None` before 28 days are known.
    pub spike_above: Option<f64>,
}

/// Why something is a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaveRule {
    /// The sources of an hour are twice those of the hour before.
    Growth,
    /// The sources of a day are far above those of the days before.
    Spike,
}

impl WaveRule {
    /// Every rule.
    pub const ALL: [Self; 2] = [Self::Growth, Self::Spike];

    /// The name used in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Growth => "growth",
            Self::Spike => "spike",
        }
    }
}

/// Fewer sources make no wave.
const LEAST: u32 = 64;
/// So many days must be known for a spike, and the latest so many have a mean.
const MONTH: usize = 28;
/// Days known at most: twelve weeks.
const MOST_DAYS: usize = 84;
const _: () = assert!(
    MOST_COUNTER_BYTES + size_of::<Waves>() + MOST_DAYS * size_of::<u32>() <= MOST_BYTES
);

/// What is known of the hours and days of one content.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Waves {
    /// The latest hour.
    latest: Hour,
    /// Addresses of the hour before it.
    before: u32,
    /// The addresses of whole days, the day before the latest hour's as the last.
    days: Vec<u32>,
    /// Whether the latest hour's day is the first, of which the beginning is not known.
    is_first_day: bool,
    /// The latest hour of which a wave was told.
    told: Option<Epoch>,
}

impl Waves {
    /// Takes an hour as far as it has come, and says whether it is one of a wave. One earlier than
    /// the latest tells nothing.
    pub(super) fn take(&mut self, hour: Hour) -> Option<WaveRule> {
        self.enter(hour);
        if hour.number != self.latest.number || self.told == Some(hour.number) {
            return None;
        }
        let of_day = self.latest.of_day;
        let rule = match self.spike_above() {
            Some(most) if of_day >= LEAST && f64::from(of_day) > most => WaveRule::Spike,
            None if self.grows() => WaveRule::Growth,
            _ => return None,
        };
        self.told = Some(hour.number);
        Some(rule)
    }

    /// A wave of the latest hour, of the signature with this id.
    pub(super) fn told(&self, rule: WaveRule, signature: &str) -> Wave {
        let start = match rule {
            WaveRule::Growth => self.latest.number.start(HOUR),
            WaveRule::Spike => day_of(self.latest.number).start(DAY),
        };
        let mut bytes = format!("wave {} {signature} ", rule.name()).into_bytes();
        bytes.extend(start.as_nanos().to_be_bytes());
        let before = self.whole_before();
        let ratio = before.map(|it| f64::from(self.latest.addresses) / f64::from(it));
        let is_growth = |ratio: &f64| ratio.is_finite() && *ratio > 1.0;
        Wave {
            id: format!("{:032x}", xxh3_128(&bytes)),
            signature: signature.to_owned(),
            rule,
            hour: self.latest.number.start(HOUR),
            hour_sources: self.latest.addresses,
            hour_sources_before: before,
            doubling_seconds: ratio
                .filter(is_growth)
                .map(|ratio| HOUR.as_secs_f64() / ratio.log2()),
            day_sources: self.latest.of_day,
            days: self.days.len() as u32,
            spike_above: self.spike_above(),
        }
    }

    /// Takes over what another signature of the same content knew.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        if self.latest == Hour::default() {
            *self = other;
            return;
        }
        if other.latest == Hour::default() {
            return;
        }
        // Both come to the later hour, at which the one that lags has seen nothing.
        let latest = self.latest.number.max(other.latest.number);
        for it in [&mut *self, &mut other] {
            it.enter(Hour { number: latest, addresses: 0, of_day: 0, ..it.latest });
        }
        self.enter(other.latest);
        self.before = self.before.max(other.before);
        self.is_first_day &= other.is_first_day;
        self.told = self.told.max(other.told);
        if self.days.len() < other.days.len() {
            std::mem::swap(&mut self.days, &mut other.days);
        }
        let (mine, theirs) = (self.days.iter_mut().rev(), other.days.iter().rev());
        mine.zip(theirs).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
    }

    /// Bytes that it takes besides itself.
    pub(super) fn memory_bytes(&self) -> usize {
        self.days.capacity() * size_of::<u32>()
    }

    fn enter(&mut self, hour: Hour) {
        if self.latest == Hour::default() {
            (self.latest, self.is_first_day) = (hour, true);
            return;
        }
        if hour.number < self.latest.number {
            return;
        }
        let [day, latest_day] = [hour.number, self.latest.number].map(day_of);
        let mut of_day = hour.of_day;
        if day == latest_day {
            of_day = of_day.max(self.latest.of_day);
        } else {
            self.end_day(day.number() - latest_day.number());
        }
        if hour.number == self.latest.number {
            let Hour { addresses, since, .. } = self.latest;
            self.latest.addresses = addresses.max(hour.addresses);
            self.latest.since = since.min(hour.since);
        } else {
            let follows = self.latest.number == hour.number.previous();
            self.before = if follows { self.latest.addresses } else { 0 };
            self.latest = hour;
        }
        self.latest.of_day = of_day;
    }

    /// So many days have begun since the latest hour.
    fn end_day(&mut self, days: u64) {
        let empty = days.min(MOST_DAYS as u64 + 1) as usize - 1;
        let whole = (!self.is_first_day).then_some(self.latest.of_day);
        self.is_first_day = false;
        for of_day in whole.into_iter().chain(std::iter::repeat_n(0, empty)) {
            if self.days.len() == MOST_DAYS {
                self.days.remove(0);
            }
            if self.days.len() == self.days.capacity() {
                self.days.reserve_exact(MONTH);
            }
            self.days.push(of_day);
        }
    }

    /// Addresses of the hour before the latest, if it was counted whole.
    fn whole_before(&self) -> Option<u32> {
        let before = self.latest.number.previous().start(HOUR);
        (self.latest.since <= before).then_some(self.before)
    }

    fn grows(&self) -> bool {
        let latest = self.latest.addresses;
        latest >= LEAST && self.whole_before().is_some_and(|before| latest / 2 >= before)
    }

    fn spike_above(&self) -> Option<f64> {
        let month = &self.days[self.days.len().checked_sub(MONTH)?..];
        let mut sorted = self.days.clone();
        sorted.sort_unstable();
        let [low, median, high] = [1, 2, 3].map(|quarter| quantile(&sorted, quarter));
        let count = month.len() as f64;
        let mean = month.iter().map(|it| f64::from(*it)).sum::<f64>() / count;
        let squares = month.iter().map(|it| (f64::from(*it) - mean).powi(2)).sum::<f64>();
        let deviation = (squares / (count - 1.0)).sqrt();
        Some((median + 2.0 * (high - low)).max(mean + 2.0 * deviation))
    }
}

/// So many quarters of the way through a list in order, between two of them in proportion.
fn quantile(sorted: &[u32], quarters: usize) -> f64 {
    let at = (sorted.len() - 1) * quarters;
    let [low, high] = [at / 4, at.div_ceil(4)].map(|at| f64::from(sorted[at]));
    low + (high - low) * (at % 4) as f64 / 4.0
}

fn day_of(hour: Epoch) -> Epoch {
    Epoch::of(hour.start(HOUR), DAY)
}

persist!(Waves { latest, before, days, is_first_day, told });

#[cfg(test)]
mod tests;
