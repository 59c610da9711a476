//! The first relay is one that the tap sees, and what came too late or never says so.

use super::*;
use crate::high_rows::high_row;
use crate::learned::Learned;
use crate::results::Run;
use crate::run::sift;
use crate::stored::Stored;
use std::sync::atomic::AtomicBool;
use wormsift_corpora::{GenerateOptions, Scenario};

/// An outbreak whose tap sees all, and what a sensor says of it.
struct Outbreak {
    stored: Stored,
    truth: GroundTruth,
    said: Said,
}

fn outbreak() -> Outbreak {
    let options = GenerateOptions { sees_all: true, ..GenerateOptions::default() };
    let scenario = Scenario::named("tcp-exploit", 2).unwrap().options(options);
    let (stored, truth) = Stored::of(&scenario).unwrap();
    let (config, stopped) = (Config::default(), AtomicBool::new(false));
    let said = sift(&config, &stored.frames(), &Learned::default(), &stopped);
    let said = said.unwrap().unwrap();
    Outbreak { stored, truth, said }
}

impl Outbreak {
    fn high_at(&self) -> HighAt {
        let frames = self.stored.frames();
        HighAt::of(&self.said, &frames, &self.truth, &Config::default()).unwrap()
    }
}

#[test]
fn the_first_relay_comes_after_the_first_infection_that_is_seen() {
    let it = outbreak();
    let at = it.high_at();
    let infections = &it.truth.infections;
    let seen = |host: IpAddr| {
        infections.iter().any(|one| one.host == host && one.packet.is_some())
    };
    let first_seen =
        infections.iter().position(|one| one.packet.is_some()).unwrap() as u64;
    let by_relay =
        infections.iter().position(|one| one.by.is_some_and(seen)).unwrap() as u64;
    let relay = at.relay.unwrap();
    assert!(
        relay > first_seen && relay <= by_relay + 1,
        "{at:?}: {first_seen} {by_relay}"
    );
    assert!(at.infected.unwrap() >= relay);
    assert_eq!(at.after_relay(), Some(at.infected.unwrap() - relay));
}

#[test]
fn an_infection_that_the_tap_did_not_see_makes_no_relay() {
    let mut it = outbreak();
    it.truth.infections.iter_mut().for_each(|one| one.packet = None);
    let at = it.high_at();
    assert_eq!((at.relay, at.after_relay()), (None, None));
    it.said.news.iter_mut().for_each(|(_, one)| one.confidence = Confidence::Medium);
    it.said.incidents.clear();
    assert_eq!(it.high_at().why_not, "the tap sees no relay");
}

#[test]
fn an_incident_is_high_for_its_signatures() {
    let mut it = outbreak();
    let soon = it.high_at().infected;
    assert!(soon.is_some());
    it.said.news.iter_mut().for_each(|(_, one)| one.confidence = Confidence::Medium);
    assert_eq!(it.high_at().infected, soon, "the incident said so at the same tick");
    it.said.incidents.clear();
    it.said.closing.iter_mut().for_each(|one| one.confidence = Confidence::Medium);
    let at = it.high_at();
    assert_eq!(at.infected, None);
    let said = "never high: medium outbreak, ";
    assert!(at.why_not.starts_with(said), "{}", at.why_not);
}

#[test]
fn what_is_high_late_or_about_something_else_says_so() {
    let mut it = outbreak();
    for (time, _) in &mut it.said.news {
        *time = u64::MAX;
    }
    it.said.incidents.clear();
    let at = it.high_at();
    let after = it.truth.infections.len() as u64 - at.relay.unwrap();
    assert!(after > FEW);
    let said =
        format!("{after} infections after the first relay, when the capture ended");
    assert_eq!(at.why_not, said);
    let last = it.truth.last_packet_ns;
    it.said.news.iter_mut().for_each(|(time, _)| *time = last);
    assert_eq!(it.high_at().why_not, said.trim_end_matches(", when the capture ended"));
    it.said.news.iter_mut().for_each(|(_, one)| one.content = vec![0; 80]);
    it.said.closing.clear();
    assert_eq!(it.high_at().why_not, "never high: not found");
}

#[test]
fn without_infections_there_is_nothing_to_be_high() {
    let mut it = outbreak();
    it.truth.infections.clear();
    let frames = it.stored.frames();
    assert_eq!(HighAt::of(&it.said, &frames, &it.truth, &Config::default()), None);
}

#[test]
fn a_row_counts_runs_and_says_why_not() {
    let run = |seed, high: Option<HighAt>| Run { seed, high, ..Run::default() };
    let at = |infected, relay, why_not: &str| {
        Some(HighAt { infected, relay, why_not: why_not.to_owned() })
    };
    let runs = [
        run(1, at(Some(12), Some(4), "")),
        run(2, at(Some(30), Some(10), "late")),
        run(3, at(None, Some(2), "never")),
        run(4, at(None, None, "no relay")),
        run(5, None),
    ];
    let row = high_row(&runs);
    assert_eq!((row.runs, row.high, row.relayed, row.within), (4, 2, 3, 1));
    assert_eq!(row.infected.unwrap().median, 21.0);
    assert_eq!(row.after_relay.unwrap().range, [8.0, 20.0]);
    assert_eq!(row.why_not, "seed 2: late");
    assert_eq!(row.cell(), "21 +14 2/4");
    assert_eq!(high_row(&runs[..1]).cell(), "12 +8");
    assert_eq!(high_row(&runs[2..4]).cell(), "0/2");
    assert_eq!(high_row(&runs[4..]).cell(), "");
}
