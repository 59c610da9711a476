//! An incident is about its subject alone, and each expectation can be missed.

use super::*;
use crate::incident_rows::{Asked, IncidentsRow};
use crate::incident_sums::incidents_row;
use crate::results::Run;
use std::net::IpAddr;
use wormsift::signature::{Count, IncidentHost, Kind};

fn address(number: u8) -> IpAddr {
    [10, 0, 0, number].into()
}

fn incident(id: &str, kind: Kind, confidence: Confidence, port: u16) -> Incident {
    Incident {
        id: id.to_owned(),
        kind,
        confidence,
        services: vec![(6, Some(port))],
        ..Incident::default()
    }
}

fn with_hosts(it: Incident, hosts: &[u8]) -> Incident {
    let host =
        |n: &u8| IncidentHost { host: Host::of(address(*n), 64), ..Default::default() };
    Incident { hosts: hosts.iter().map(host).collect(), ..it }
}

fn subject(
    name: &str,
    kind: IncidentKind,
    grade: IncidentGrade,
    port: u16,
) -> IncidentTruth {
    IncidentTruth {
        subject: name.to_owned(),
        kind,
        grade,
        reason: String::new(),
        hosts: Vec::new(),
        port,
        begins_ns: 0,
    }
}

/// A forwarder at port 514 whose hosts are 1 to 3, a broadcast at 137, and a worm at 445.
fn truth() -> GroundTruth {
    use IncidentGrade::{High, NeverHigh, Nothing};
    let forwarder = subject("relays", IncidentKind::ForwardingService, NeverHigh, 514);
    let worm = subject("worm", IncidentKind::Outbreak, High, 445);
    let incidents = vec![
        IncidentTruth { hosts: [1, 2, 3].map(address).to_vec(), ..forwarder },
        subject("broadcasts", IncidentKind::Unclear, Nothing, 137),
        IncidentTruth { hosts: [3, 4].map(address).to_vec(), ..worm },
    ];
    GroundTruth { incidents, ..GroundTruth::default() }
}

fn made_of(incidents: Vec<Incident>) -> RunIncidents {
    let incidents = incidents.into_iter().map(|it| (0, it)).collect();
    let said = Said { incidents, ..Said::default() };
    RunIncidents::of(&said, &truth(), &Config::default())
}

fn worm() -> Incident {
    incident("w", Kind::Outbreak, Confidence::High, 445)
}

fn forwarder() -> Incident {
    incident("f", Kind::ForwardingService, Confidence::Medium, 514)
}

/// What is wrong with each subject, in order, and with others.
fn wrong(incidents: Vec<Incident>) -> [String; 4] {
    let subjects = made_of(incidents).subjects;
    subjects.into_iter().map(|it| it.wrong).collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn what_is_as_expected_is_not_wrong() {
    let run = made_of(vec![forwarder(), worm()]);
    assert!(run.subjects.iter().all(|it| it.wrong.is_empty()), "{run:?}");
    assert_eq!((run.all.len(), run.high()), (2, 1));
    assert_eq!(run.all[0].id, "w", "the first to read comes first");
    assert_eq!(
        (run.all[0].subjects.concat(), &*run.all[0].services[0]),
        ("worm".to_owned(), "tcp/445")
    );
    let names: Vec<&str> = run.subjects.iter().map(|it| &*it.subject).collect();
    assert_eq!(names, ["relays", "broadcasts", "worm", "others"]);
    // Where nothing but the worm is reported, nothing is amiss either.
    assert_eq!(wrong(vec![worm()]).concat(), "");
}

#[test]
fn every_expectation_can_be_missed() {
    let at = |kind, confidence, port| incident("x", kind, confidence, port);
    let (medium, high) = (Confidence::Medium, Confidence::High);
    let [relays, broadcasts, ..] = wrong(vec![
        worm(),
        at(Kind::Unclear, medium, 514),
        incident("b", Kind::Unclear, medium, 137),
    ]);
    assert_eq!(relays, "unclear at tcp/514 in place of forwarding_service");
    assert_eq!(broadcasts, "unclear at tcp/137 is reported");
    let [relays, ..] = wrong(vec![worm(), at(Kind::ForwardingService, high, 514)]);
    assert_eq!(relays, "forwarding_service at tcp/514 is high");
    let many = [1, 2, 3].map(|n| Incident { id: n.to_string(), ..forwarder() });
    assert_eq!(wrong(many[..2].to_vec())[0], "");
    assert_eq!(wrong(many.to_vec())[0], "3 incidents");
    assert_eq!(wrong(many.to_vec())[2], "no incident");
    let [.., others] = wrong(vec![worm(), at(Kind::Outbreak, high, 80)]);
    assert_eq!(others, "outbreak at tcp/80 is high");
    let [.., worm_is, others] = wrong(vec![at(Kind::Outbreak, medium, 445)]);
    assert_eq!((&*worm_is, &*others), ("outbreak at tcp/445 is medium", ""));
}

#[test]
fn the_worm_is_to_be_the_first_to_read() {
    let before = Incident {
        spread: Count::exact(9),
        ..incident("a", Kind::Outbreak, Confidence::High, 80)
    };
    let [.., worm_is, _] = wrong(vec![worm(), before.clone()]);
    assert_eq!(worm_is, "another is first to read");
    let [.., worm_is, _] =
        wrong(vec![Incident { spread: Count::exact(10), ..worm() }, before]);
    assert_eq!(worm_is, "");
}

#[test]
fn an_incident_is_about_whose_port_it_has_or_most_hosts() {
    let about = |it: Incident| made_of(vec![it]).all[0].subjects.join(" ");
    let elsewhere = |hosts: &[u8]| {
        with_hosts(incident("x", Kind::Unclear, Confidence::Low, 80), hosts)
    };
    assert_eq!(about(elsewhere(&[1, 3, 9])), "relays");
    assert_eq!(about(elsewhere(&[3, 4])), "worm");
    assert_eq!(about(elsewhere(&[9])), "");
    assert_eq!(about(with_hosts(worm(), &[1, 2])), "worm", "the port comes first");
    let both = Incident { services: vec![(6, Some(445)), (17, Some(514))], ..worm() };
    assert_eq!(about(both), "relays worm");
}

#[test]
fn the_last_word_counts_and_parts_of_others_do_not() {
    let part = Incident {
        part_of: Some("w".to_owned()),
        ..incident("p", Kind::Outbreak, Confidence::High, 80)
    };
    let early = incident("w", Kind::Unclear, Confidence::Low, 445);
    let before = Incident { part_of: None, ..part.clone() };
    let run = made_of(vec![before, early, part, worm()]);
    assert_eq!(run.all.len(), 1);
    assert_eq!((&*run.all[0].kind, &*run.all[0].confidence), ("outbreak", "high"));
}

#[test]
fn a_row_tells_the_first_thing_wrong_unless_nothing_is_asked() {
    let run =
        |seed, incidents| Run { seed, incidents: made_of(incidents), ..Run::default() };
    let runs = [run(1, vec![worm()]), run(2, vec![forwarder()])];
    let row = incidents_row(&runs, Asked::Subjects);
    assert_eq!(row.wrong, "worm: seed 2: no incident");
    assert_eq!((row.number.mean, row.high), (1.0, 1));
    let worm_is = &row.subjects[2];
    assert_eq!((worm_is.runs, worm_is.as_expected, worm_is.high), (2, 1, 1));
    assert_eq!(crate::incident_rows::kinds(&worm_is.kinds), "outbreak 1");
    assert_eq!(incidents_row(&runs, Asked::Nothing).wrong, "");
}

#[test]
fn hard_negatives_have_few_incidents_and_none_high() {
    let wrong = |runs: &[&[Incident]]| {
        let run = |its: &&[Incident]| {
            let said = Said {
                incidents: its.iter().map(|it| (0, it.clone())).collect(),
                ..Said::default()
            };
            let nothing = GroundTruth::default();
            let incidents = RunIncidents::of(&said, &nothing, &Config::default());
            assert!(incidents.subjects.is_empty());
            Run { incidents, ..Run::default() }
        };
        let runs: Vec<Run> = runs.iter().map(run).collect();
        incidents_row(&runs, Asked::Few(2)).wrong
    };
    let many = [1, 2, 3].map(|n| Incident { id: n.to_string(), ..forwarder() });
    assert_eq!(wrong(&[&many[..2]]), "");
    assert_eq!(wrong(&[&many, &many[..1]]), "", "on average");
    assert_eq!(wrong(&[&many, &many[..2]]), "2.5 incidents a run");
    assert_eq!(wrong(&[&[worm()]]), "1 incident high");
}

#[test]
fn hard_negatives_count_under_the_settings_as_they_are() {
    use crate::incident_sums::of_hard_negatives;
    use crate::results::{Row, Subject};
    let row = |subject, settings: &str| {
        let incidents = made_of(vec![worm(), forwarder()]);
        let runs = vec![Run { incidents, ..Run::default() }, Run::default()];
        Row { subject, settings: settings.to_owned(), runs, ..Row::default() }
    };
    let others = [row(Subject::Worm, ""), row(Subject::Benign, "sources = 3")];
    assert_eq!(of_hard_negatives(&others), None);
    let all = [others.to_vec(), vec![row(Subject::Benign, "")]].concat();
    assert_eq!(of_hard_negatives(&all), Some([2, 2, 1]));
}

#[test]
fn a_row_with_other_incidents_is_not_good() {
    let row = crate::results::Row { as_expected: true, ..Default::default() };
    assert!(crate::rows::is_good(&row));
    let incidents = IncidentsRow { wrong: "worm".to_owned(), ..IncidentsRow::default() };
    assert!(!crate::rows::is_good(&crate::results::Row { incidents, ..row }));
}

/// What a sensor makes of an outbreak, held against what may be expected of it.
#[test]
fn an_outbreak_is_high_and_the_first_to_read() {
    use crate::{learned::Learned, run::sift, stored::Stored};
    let scenario = wormsift_corpora::Scenario::named("tcp-exploit", 2).unwrap();
    let (stored, mut truth) = Stored::of(&scenario).unwrap();
    let (config, stopped) = (Config::default(), false.into());
    let said = sift(&config, &stored.frames(), &Learned::default(), &stopped);
    let said = said.unwrap().unwrap();
    let port = truth.contents[0].destination_port.unwrap();
    let mut wrong = |kind, grade, port| {
        truth.incidents = vec![subject("worm", kind, grade, port)];
        let run = RunIncidents::of(&said, &truth, &config);
        assert_eq!(run.all.len(), 1, "{run:?}");
        assert!(run.all[0].relays.contains(" relays in "), "{run:?}");
        run.subjects.into_iter().map(|it| it.wrong).collect::<Vec<_>>().join("|")
    };
    let (outbreak, high) = (IncidentKind::Outbreak, IncidentGrade::High);
    assert_eq!(wrong(outbreak, high, port), "|");
    let never = wrong(outbreak, IncidentGrade::NeverHigh, port);
    assert!(never.ends_with(" is high|"), "{never}");
    let peers = wrong(IncidentKind::PeerProtocol, high, port);
    assert!(peers.ends_with(" in place of peer_protocol|"), "{peers}");
    let elsewhere = wrong(outbreak, high, port + 1);
    assert!(elsewhere.starts_with("no incident|outbreak at tcp/"), "{elsewhere}");
}
