use super::*;
use crate::time::Timestamp;
use std::collections::HashSet;

const DAY: f64 = 86_400.0;
const HOUR: f64 = 3_600.0;
const DAYS: f64 = 10.0;

/// Numbers by a seed.
struct Random {
    seed: u64,
    drawn: u64,
}

impl Random {
    fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    fn word(&mut self) -> u64 {
        self.drawn += 1;
        hash_word(self.drawn, self.seed)
    }

    /// Above 0, up to 1.
    fn share(&mut self) -> f64 {
        ((self.word() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.share().ln()
    }
}

/// How hosts change their addresses.
#[derive(Clone, Copy, Debug)]
enum Churn {
    Never,
    Every(f64),
    Exponential(f64),
}

impl Churn {
    /// For how long the address at time zero has been kept, and for how long it will be.
    fn first(self, random: &mut Random) -> [f64; 2] {
        match self {
            Self::Never => [1e3 * DAY, 1e3 * DAY],
            Self::Every(span) => {
                let kept = span * random.share();
                [kept, span - kept]
            }
            // Without memory, in both directions.
            Self::Exponential(mean) => [(); 2].map(|()| random.exponential(mean)),
        }
    }

    fn next(self, random: &mut Random) -> f64 {
        match self {
            Self::Never => 1e3 * DAY,
            Self::Every(span) => span,
            Self::Exponential(mean) => random.exponential(mean),
        }
    }

    /// The times at which one host changes, and the durations of its addresses in those ten days.
    fn host(self, random: &mut Random) -> (Vec<f64>, Vec<f64>) {
        let [before, after] = self.first(random);
        let (mut changes, mut durations) = (vec![after], vec![before + after]);
        let mut now = after;
        while now < DAYS * DAY {
            let kept = self.next(random);
            durations.push(kept);
            now += kept;
            changes.push(now);
        }
        (changes, durations)
    }
}

/// Figures of an epidemic of so many hosts, each of which sends about every twelve hours.
fn epidemic(hosts: u64, churn: Churn, random: &mut Random) -> Population {
    let mut events: Vec<(f64, u64)> = Vec::new();
    let mut address = 0;
    for _ in 0..hosts {
        let (changes, _) = churn.host(random);
        let mut now = 0.0;
        for change in changes {
            address += 1;
            // An address in use shows itself at once, then from time to time.
            while now < change.min(DAYS * DAY) {
                events.push((now, address));
                now += random.exponential(12.0 * HOUR);
            }
            now = change;
        }
    }
    events.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let seed = random.word();
    let mut counter = AddressCounter::default();
    for (seconds, address) in events {
        let time = Timestamp::from_nanos((seconds * 1e9) as u64);
        counter.note(hash_word(address, seed), time, usize::MAX / 2);
    }
    Population::of(&counter, counter.addresses())
}

fn durations(hosts: usize, churn: Churn, random: &mut Random) -> Vec<f64> {
    (0..hosts).flat_map(|_| churn.host(random).1).collect()
}

#[test]
fn under_churn_the_interval_holds_the_truth_and_the_estimate_is_near() {
    const HOSTS: u64 = 10_000;
    const SEEDS: u64 = 20;
    let cases = [
        Churn::Every(DAY),
        Churn::Exponential(DAY),
        Churn::Exponential(7.0 * DAY),
        Churn::Never,
    ];
    for churn in cases {
        let (mut held, mut held_without, mut errors) = (0, 0, Vec::new());
        for seed in 0..SEEDS {
            let random = &mut Random::new(1_000 + seed);
            let plain = epidemic(HOSTS, churn, random);
            let truth = HOSTS as u32;
            let HostRange { low, high, estimate, method } = plain.hosts;
            assert_eq!((estimate, method), (None, HostRangeMethod::Window));
            held_without += u64::from(low <= truth && truth <= high);
            if matches!(churn, Churn::Every(_)) {
                assert!(plain.addresses.number >= 5 * truth, "{plain:?}");
            }
            // What 200 hosts of the network have shown in the same ten days.
            let shown = durations(200, churn, random);
            let window = Span::from_secs((DAYS * DAY) as u64);
            let found = plain.with_durations(&shown, window).hosts;
            assert_eq!(found.method, HostRangeMethod::Cardcount);
            held += u64::from(found.low <= truth && truth <= found.high);
            let estimate = f64::from(found.estimate.unwrap());
            errors.push((estimate / HOSTS as f64 - 1.0).abs());
        }
        errors.sort_unstable_by(f64::total_cmp);
        let median = errors[errors.len() / 2];
        println!(
            "{churn:?}: held {held} of {SEEDS}, without durations {held_without}; \
             median error {median:.4}"
        );
        assert!(10 * held >= 9 * SEEDS, "{churn:?}: {held}");
        assert!(10 * held_without >= 9 * SEEDS, "{churn:?}: {held_without}");
        assert!(median <= 0.1, "{churn:?}: {median}");
    }
}

#[test]
fn behind_translators_low_is_never_above_the_truth() {
    for (hosts_each, addresses) in
        [(1, 60_u64), (1, 3_000), (2, 500), (10, 300), (50, 90)]
    {
        for seed in 0..20 {
            let random = &mut Random::new(seed);
            let mut counter = AddressCounter::default();
            let (mut hosts, truth) = (HashSet::new(), hosts_each * addresses);
            // Every host sends about once in two minutes, for two hours.
            for n in 0..60 * truth {
                let host = random.word() % truth;
                hosts.insert(host);
                let nanos = n * 7_200_000_000_000 / (60 * truth);
                let address = hash_word(host / hosts_each, seed);
                counter.note(address, Timestamp::from_nanos(nanos), usize::MAX / 2);
            }
            let found = Population::of(&counter, counter.addresses()).hosts;
            let low = u64::from(found.low);
            assert!(low <= hosts.len() as u64 && low <= truth, "{found:?}");
            assert!(low * 10 >= addresses * 8, "{found:?}, {addresses}");
        }
    }
}

#[test]
fn the_formula_is_the_published_one() {
    let population = |number| Population {
        addresses: Count::exact(number),
        addresses_hour_peak: 0,
        addresses_now: 0,
        hosts: HostRange {
            low: 0,
            estimate: None,
            high: number,
            method: HostRangeMethod::Window,
        },
    };
    // 700 addresses in a week, each kept for a day or for seven:
    // 700 (1 7 / 8 + 7 7 / 14) / 2 / 7 = 700 (0.875 + 3.5) / 14 = 218.75.
    let week = Span::from_secs(7 * 86_400);
    let found = population(700).with_durations(&[DAY, 7.0 * DAY], week).hosts;
    assert_eq!(found.estimate, Some(219));
    // Of two rows a quarter of all draws are twice the one, a quarter twice the other.
    assert_eq!((found.low, found.high), (88, 350));
    // A host that renews each day has 11 addresses in ten days.
    let ten = Span::from_secs(10 * 86_400);
    let found = population(11_000).with_durations(&[DAY; 9], ten).hosts;
    assert_eq!((found.low, found.estimate, found.high), (1_000, Some(1_000), 1_000));
    // With many rows the interval is that of a mean: here 3/8 +- 1.96 / 4 / sqrt(2,500) of 700.
    let many: Vec<f64> =
        (0..2_500).map(|n| [DAY / 6.0, DAY * 5.0 / 3.0][n % 2]).collect();
    let day = Span::from_secs(86_400);
    let found = population(70_000).with_durations(&many, day).hosts;
    let half = |share: f64| f64::from(found.estimate.unwrap()) * share;
    assert_eq!(found.estimate, Some(26_875));
    assert!((half(1.0) - f64::from(found.low) - 660.0).abs() < 20.0, "{found:?}");
    // Nothing is known by durations that are none, or in no time.
    for (durations, window) in
        [(&[][..], week), (&[0.0, -1.0, f64::NAN], week), (&[DAY], Span(0))]
    {
        assert_eq!(population(9).with_durations(durations, window), population(9));
    }
}

#[test]
fn names_differ_and_an_estimate_keeps_to_the_range() {
    let [window, cardcount] = HostRangeMethod::ALL.map(HostRangeMethod::name);
    assert_ne!(window, cardcount);
    let mut counter = AddressCounter::default();
    (0..100).for_each(|n| {
        counter.note(hash_word(n, 1), Timestamp::from_nanos(n), usize::MAX / 2);
    });
    let plain = Population::of(&counter, counter.addresses());
    assert_eq!((plain.hosts.low, plain.hosts.high), (100, 100));
    let found = plain.with_durations(&[60.0], Span::from_secs(3_600)).hosts;
    assert_eq!((found.low, found.estimate, found.high), (100, Some(100), 100));
    let missed = plain.at_least();
    assert_eq!(missed.addresses, Count::at_least(100));
}
