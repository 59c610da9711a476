//! A flood of forged contents hides no worm: both alarms find it, with at most twice the
//! infected hosts, inside the same memory, and a warning names the flood.
//!
//! Memory and rates are an eighth of the defaults and of a flood of 10,000 packets a second.

use crate::common::environment::sample;
use crate::common::relay_flood::{Flood, Outcome, Worm, run};
use wormsift::config::{Config, Size};
use wormsift::pipeline::{Sensor, Stats};

const WORM: Worm = Worm {
    seed: 1,
    tcp: false,
    length: 900,
    space: 4_000,
    one_in: 8,
    rate: 2.0,
    begins: 15,
};

/// Contents that one host receives and passes on to so many.
fn passed_on(packets_a_second: u64, targets: u64) -> Flood {
    Flood {
        seed: 9,
        packets_a_second,
        length: 1_400,
        port: 7_777,
        targets,
        hosts: 0,
        from_few: false,
    }
}

fn sift(worm: Worm, flood: Option<Flood>) -> (Outcome, Stats) {
    let mut config = Config::default();
    config.memory = Size(32 << 20);
    let mut sensor = Sensor::new(config).unwrap();
    let outcome = run(&mut sensor, Some(worm), flood, 50, 512);
    let stats = sensor.stats();
    println!("{flood:?}: {:?} infected, {:?}", outcome.infected, stats.content);
    assert!(stats.memory.total_bytes <= stats.memory.budget_bytes);
    (outcome, stats)
}

/// Infected hosts at either alarm.
fn infected(outcome: &Outcome) -> [usize; 2] {
    outcome.infected.map(|at| at.expect("an alarm"))
}

fn is_found_with_twice_the_hosts(worm: Worm, flood: Flood) -> (Outcome, Stats) {
    is_found(worm, flood, 2)
}

/// Both alarms find the worm, with at most so many times the infected hosts.
fn is_found(worm: Worm, flood: Flood, times: usize) -> (Outcome, Stats) {
    let (quiet, _) = sift(worm, None);
    let (flooded, stats) = sift(worm, Some(flood));
    let (without, with) = (infected(&quiet), infected(&flooded));
    for alarm in 0..2 {
        assert!(with[alarm] <= times * without[alarm].max(2), "{without:?}, {with:?}");
    }
    (flooded, stats)
}

fn warning<'a>(outcome: &'a Outcome, with: &str) -> &'a str {
    let found = outcome.warnings.iter().find(|warning| warning.contains(with));
    found.unwrap_or_else(|| panic!("no {with:?} in {:?}", outcome.warnings))
}

#[test]
fn contents_that_are_passed_on_hide_no_worm() {
    let (outcome, stats) = is_found_with_twice_the_hosts(WORM, passed_on(1_250, 2));
    assert!(stats.content.kept_out > 10_000);
    let text = warning(&outcome, "faster than the candidate tables can hold");
    assert!(text.contains("many or forged"), "{text}");
}

#[test]
fn nor_over_tcp_nor_few_of_them() {
    let tcp = Worm { tcp: true, ..WORM };
    is_found_with_twice_the_hosts(tcp, passed_on(25, 2));
    // Copies go to vulnerable hosts alone, so that the gate counts infections; in tables of
    // this size it asks for six.
    if sample(false, true) {
        is_found(tcp, passed_on(1_250, 2), 4);
    }
}

#[test]
fn contents_that_alarm_hide_no_worm_and_are_not_all_told() {
    let (outcome, stats) = is_found_with_twice_the_hosts(WORM, passed_on(1_250, 5));
    assert!(outcome.findings < 2_300, "{}", outcome.findings);
    assert!(stats.signatures.signatures <= 1_024 + 60);
}

#[test]
fn the_hosts_that_send_a_flood_are_named() {
    let flood = Flood { from_few: true, ..passed_on(1_250, 2) };
    let (outcome, _) = is_found_with_twice_the_hosts(WORM, flood);
    warning(&outcome, "faster than the candidate tables can hold");
}

#[test]
fn small_pieces_that_alarm_give_a_bounded_number_of_signatures() {
    let flood = Flood { length: 40, ..passed_on(4_000, 4) };
    let (outcome, stats) = is_found_with_twice_the_hosts(WORM, flood);
    assert!(stats.signatures.signatures <= 1_024 + 60);
    assert!(stats.signatures.put_off > 0);
    warning(&outcome, "signatures were put off");
}

#[test]
fn what_is_told_depends_on_no_batch_and_no_thread() {
    let told = |threads, batch| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut config = Config::default();
            config.memory = Size(16 << 20);
            let mut sensor = Sensor::new(config).unwrap();
            let worm = Worm { begins: 5, ..WORM };
            let outcome =
                run(&mut sensor, Some(worm), Some(passed_on(1_250, 5)), 20, batch);
            assert!(sensor.stats().content.kept_out > 1_000);
            (outcome.told, sensor.stats().content)
        })
    };
    let expected = told(1, 100_000);
    assert!(expected.0.len() > 1_000);
    assert_eq!(told(1, 37), expected);
    assert_eq!(told(3, 1_000), expected);
}
