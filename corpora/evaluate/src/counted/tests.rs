//! Comparisons hold what a field says of itself, and no more.

use super::*;
use crate::learned::Learned;
use crate::run::sift;
use crate::stored::Stored;
use std::sync::atomic::AtomicBool;
use wormsift_corpora::Scenario;

fn between(least: u64, most: u64) -> Between {
    Between { least, most }
}

#[test]
fn an_exact_number_is_the_number() {
    let within = |number, truth| HostCount::new(Count::exact(number), truth).within;
    assert!(within(12, between(12, 12)));
    assert!(!within(11, between(12, 12)) && !within(13, between(12, 12)));
    // Some had a part of it alone.
    assert!(within(11, between(11, 12)) && within(12, between(11, 12)));
    assert!(!within(10, between(11, 12)) && !within(13, between(11, 12)));
}

#[test]
fn an_estimate_may_be_off_by_four_standard_errors_either_way() {
    let it = |number| HostCount::new(Count::about(number), between(1_000, 1_000));
    assert!(it(908).within && it(1_092).within);
    assert!(!it(907).within && !it(1_093).within);
    assert_eq!((it(950).error, it(1_050).error), (-0.05, 0.05));
}

#[test]
fn at_least_so_many_are_never_more_than_there_are() {
    let within = |number| HostCount::new(Count::at_least(number), between(60, 70)).within;
    assert!(within(1) && within(60) && within(70));
    // An estimate, beyond those that are counted one by one.
    assert!(within(76) && !within(77));
    let few = |number| HostCount::new(Count::at_least(number), between(50, 60)).within;
    assert!(few(60) && !few(61));
}

#[test]
fn a_first_sighting_is_the_first_unless_it_says_otherwise() {
    let within = |seen, certain| FirstSeen::new(seen, certain, Some([50, 60])).within;
    assert!(within(50, true) && within(60, true));
    assert!(!within(49, true) && !within(61, true));
    assert!(within(61, false) && !within(49, false));
    assert!(!FirstSeen::new(50, false, None).within);
}

/// What a sensor says of an outbreak, changed and compared.
fn outbreak(change: impl Fn(&mut Said)) -> Vec<Counted> {
    let (stored, truth) = Stored::of(&Scenario::named("outbreak", 2).unwrap()).unwrap();
    let (frames, config) = (stored.frames(), Config::default());
    let stopped = AtomicBool::new(false);
    let mut said =
        sift(&config, &frames, &Learned::default(), &stopped).unwrap().unwrap();
    change(&mut said);
    counted(&said, &frames, &truth, &config)
}

#[test]
fn the_sensor_counts_the_hosts_of_an_outbreak() {
    let all = outbreak(|_| ());
    let [one] = &all[..] else { panic!("{all:?}") };
    assert!(one.within(), "{:?}", one.wrong());
    assert!(one.sources.truth[0] > 100 && one.destinations.truth[0] > 1_000, "{one:?}");
    assert!(one.first_seen.certain && one.first_seen.seconds == 0.0);
    let row = CountedRow::of([(2, &all[..])].into_iter());
    assert_eq!((row.compared, row.within, row.certain), (1, 1, 1));
    assert_eq!((row.precisions, &*row.wrong), ([0, 2, 0], ""));
    assert!(row.error.is_some_and(|error| error < 4.0 * STANDARD_ERROR));
}

#[test]
fn wrong_numbers_are_told() {
    let wrong = |change: fn(&mut Signature)| {
        let all = outbreak(|said| said.closing.iter_mut().for_each(change));
        let row = CountedRow::of([(2, &all[..])].into_iter());
        assert_eq!((row.compared, row.within), (1, 0));
        row.wrong
    };
    let doubled = wrong(|it| it.destinations *= 2);
    assert!(doubled.starts_with("seed 2: body: "), "{doubled}");
    assert!(doubled.contains("destinations (about), in truth "), "{doubled}");
    let sources = wrong(|it| it.sources_precision = Precision::Exact);
    assert!(sources.contains("sources (exact), in truth "), "{sources}");
    let late = wrong(|it| {
        let later = it.first_seen.as_nanos() + 5_000_000;
        it.first_seen = wormsift::packet::Timestamp::from_nanos(later);
    });
    assert!(late.contains("first seen 0.005 s after the first"), "{late}");
}

#[test]
fn a_row_with_a_wrong_number_is_not_good() {
    let row = crate::results::Row { as_expected: true, ..Default::default() };
    assert!(crate::rows::is_good(&row));
    let wrong = CountedRow { wrong: "seed 1".to_owned(), ..CountedRow::default() };
    assert!(!crate::rows::is_good(&crate::results::Row { counted: wrong, ..row }));
}
