use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// An hour by its number since 1970; all since the first are whole.
fn hour(number: u64, addresses: u32, of_day: u32) -> Hour {
    Hour { number: Epoch::new(number), addresses, of_day, since: Timestamp::default() }
}

/// The rules by maps of all hours and days.
#[derive(Default)]
struct Twin {
    hours: BTreeMap<u64, u32>,
    days: BTreeMap<u64, u32>,
}

impl Twin {
    fn take(&mut self, number: u64, addresses: u32, of_day: u32) -> Option<WaveRule> {
        self.hours.insert(number, addresses);
        let today = number / 24;
        self.days.insert(today, of_day);
        // The first day is not whole.
        let first = *self.days.keys().next()? + 1;
        let before: Vec<f64> = (first.max(today.saturating_sub(84))..today)
            .map(|day| f64::from(self.days.get(&day).copied().unwrap_or(0)))
            .collect();
        if before.len() < 28 {
            let hour_before = self.hours.get(&(number - 1)).copied().unwrap_or(0);
            return (addresses >= 64 && addresses >= 2 * hour_before)
                .then_some(WaveRule::Growth);
        }
        let month = &before[before.len() - 28..];
        let mean = month.iter().sum::<f64>() / 28.0;
        let variance = month.iter().map(|it| it * it).sum::<f64>() / 28.0 - mean * mean;
        let above_mean = mean + 2.0 * (variance.max(0.0) * 28.0 / 27.0).sqrt();
        let mut sorted = before.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * (sorted.len() - 1) as f64;
            let (low, high) =
                (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            low + (high - low) * place.fract()
        };
        let above_median = at(0.5) + 2.0 * (at(0.75) - at(0.25));
        // A hair more, for what rounding does to equal days.
        let most = above_mean.max(above_median) + 1e-4;
        (of_day >= 64 && f64::from(of_day) > most).then_some(WaveRule::Spike)
    }
}

proptest! {
    /// Days of any length apart, most of them alike, some far above.
    #[test]
    fn waves_are_those_of_a_slow_twin(
        steps in prop::collection::vec(
            (1_u64..3, 0_u64..24, 0_u32..200, prop::bool::weighted(0.1), 1_u32..9), 1..160),
    ) {
        let (mut waves, mut twin) = (Waves::default(), Twin::default());
        let (mut day, mut last) = (20_000, 0);
        for (later, at, addresses, is_high, sum) in steps {
            // Now and then several hours of one day.
            if at % 3 > 0 {
                day += later;
            }
            let number = (24 * day + at).max(last + 1);
            (day, last) = (number / 24, number);
            let addresses = if is_high { 20 * addresses } else { addresses };
            let of_day = twin.days.get(&day).copied().unwrap_or(0).max(addresses * sum);
            let told = waves.take(hour(number, addresses, of_day));
            prop_assert_eq!(told, twin.take(number, addresses, of_day), "{:?}", waves);
            prop_assert!(waves.days.len() <= MOST_DAYS);
            prop_assert!(waves.memory_bytes() <= 4 * MOST_DAYS);
            // Again, it is no news.
            prop_assert_eq!(waves.take(hour(number, addresses, of_day)), told.and(None));
        }
        let mut bytes = Vec::new();
        crate::state::Persist::persist(
            &mut waves, &mut crate::state::Exchange::writing(&mut bytes)).unwrap();
        let mut restored = Waves::default();
        crate::state::Persist::persist(
            &mut restored, &mut crate::state::Exchange::reading(&mut &*bytes)).unwrap();
        prop_assert_eq!(restored, waves);
    }
}

#[test]
fn an_hour_of_twice_as_many_is_growth_if_the_one_before_is_whole() {
    let mut waves = Waves::default();
    let began = Epoch::new(100).start(HOUR) + crate::time::Span::from_secs(60);
    let at =
        |number, addresses| Hour { since: began, ..hour(number, addresses, addresses) };
    // Seen from within hour 100 on: 101 cannot be compared with it.
    assert_eq!(waves.take(at(100, 10)), None);
    assert_eq!(waves.take(at(101, 70)), None);
    assert_eq!(waves.take(at(102, 139)), None);
    assert_eq!(waves.take(at(103, 278)), Some(WaveRule::Growth));
    let wave = waves.told(WaveRule::Growth, "0a");
    assert_eq!((wave.hour_sources, wave.hour_sources_before), (278, Some(139)));
    assert_eq!(
        (wave.doubling_seconds, wave.spike_above, wave.days),
        (Some(3_600.0), None, 0)
    );
    assert_eq!(wave.hour, Epoch::new(103).start(HOUR));
    // After an hour of nothing 63 are none, and 64 come from nothing: that has no length.
    assert_eq!(waves.take(at(105, 63)), None);
    assert_eq!(waves.take(at(107, 64)), Some(WaveRule::Growth));
    let later = waves.told(WaveRule::Growth, "0a");
    assert_eq!((later.hour_sources_before, later.doubling_seconds), (Some(0), None));
    assert_ne!(later.id, wave.id);
    assert_ne!(later.id, waves.told(WaveRule::Growth, "0b").id);
    // What comes late changes nothing.
    let before = waves.clone();
    assert_eq!(waves.take(at(103, 1_000)), None);
    assert_eq!(waves, before);
}

#[test]
fn a_spike_is_told_each_hour_of_its_day_under_one_id() {
    let mut waves = Waves::default();
    // Days of 100 and 110 in turn: mean 105, deviation 5.09; quartiles 100 and 110.
    for day in 0..=28 {
        let told = waves.take(hour(24 * day, 40, 100 + 10 * (day as u32 % 2)));
        assert_eq!(told, None);
    }
    // The first is not whole, and the 28th is not over.
    assert_eq!(waves.told(WaveRule::Growth, "").days, 27);
    let noon = 24 * 29 + 12;
    assert_eq!(waves.take(hour(noon, 40, 125)), None, "median 105 and 2 times 10");
    assert_eq!(waves.take(hour(noon + 1, 40, 126)), Some(WaveRule::Spike));
    let wave = waves.told(WaveRule::Spike, "0a");
    assert_eq!((wave.day_sources, wave.days, wave.spike_above), (126, 28, Some(125.0)));
    assert_eq!(waves.take(hour(noon + 2, 400, 500)), Some(WaveRule::Spike));
    let later = waves.told(WaveRule::Spike, "0a");
    assert_eq!(later.id, wave.id);
    // Once days are known, growth within one is none.
    assert_eq!(waves.take(hour(24 * 30, 10, 10)), None);
    assert_eq!(waves.take(hour(24 * 30 + 1, 90, 90)), None);
}

#[test]
fn two_that_were_one_know_the_days_of_both() {
    let days = |from: u64, to: u64, of_day: u32| {
        let mut waves = Waves::default();
        (from..to).for_each(|day| {
            waves.take(hour(24 * day, 7, of_day));
        });
        waves
    };
    let (long, short) = (days(0, 50, 100), days(30, 48, 300));
    let mut one = long.clone();
    one.merge(&short);
    let mut other = short.clone();
    other.merge(&long);
    assert_eq!((one.days.len(), one.latest.number), (48, Epoch::new(24 * 49)));
    // Day 30 was not whole there; of day 48 it saw nothing.
    let count = |of_day| one.days.iter().filter(|it| **it == of_day).count();
    assert_eq!((count(300), count(100)), (17, 31));
    assert_eq!(other.days, one.days);
    let mut none = Waves::default();
    none.merge(&one);
    assert_eq!(none, one);
    none.merge(&Waves::default());
    assert_eq!(none, one);
}
