//! Made-up evaluation for the tests of the page.
//!
//! Its numbers come from closed formulas and not from a detector; the title says so.

use crate::counted::CountedRow;
use crate::high::HighRow;
use crate::incident_rows::{IncidentsRow, SubjectRow};
use crate::isolation::IsolationRow;
use crate::results::*;

/// Rows that spread, with their names and what is expected of both alarms.
const WORMS: [(&str, &str, &str); 12] = [
    ("outbreak", "fires", "fires"),
    ("slow-scanner", "open", "fires"),
    ("hit-list", "fires", "fires"),
    ("local-preference", "fires", "fires"),
    ("small-segments", "fires", "fires"),
    ("reordered-segments", "fires", "fires"),
    ("random-port", "fires", "silent"),
    ("short-datagram", "fires", "fires"),
    ("polymorphic-long-tokens", "fires", "fires"),
    ("encrypted", "silent", "silent"),
    ("one-way-telescope", "fires", "silent"),
    ("ipv6", "fires", "fires"),
];
const BENIGN: [&str; 6] = [
    "software-update",
    "flash-crowd",
    "mail-relay",
    "file-sharing",
    "ssh-handshakes",
    "telephony-proxy",
];

/// Every part has data. Seeds are `1..=runs`.
pub(super) fn full(runs: u64) -> Evaluation {
    let mut rows: Vec<Row> =
        (0..).zip(WORMS).map(|(index, worm)| worm_row(index, worm, runs)).collect();
    rows.extend((0..).zip(BENIGN).map(|(index, name)| benign_row(index, name, runs)));
    rows.push(captured("office-lan.pcapng", Subject::Labelled));
    rows.push(captured("campus-mix.pcap.zst", Subject::Clean));
    let config = "beta = 40\nsampling = \"64\"\nprevalence = 3\n\
                  sources = 30\ndestinations = 30\nspread = 3\nmemory = \"64MiB\"\n";
    Evaluation {
        schema: SCHEMA.to_owned(),
        title: "made-up numbers (a test of the page)".to_owned(),
        setting: Setting {
            tool: "wormsift 0.0.0-test, kernel none".to_owned(),
            command: "wormsift evaluate --suite 'none' --seeds 20 --report page.html"
                .to_owned(),
            started: "2026-01-02T03:04:05Z".to_owned(),
            machine: "no machine".to_owned(),
            threads: 4,
            seconds: 431.7,
            config: config.to_owned(),
            seeds: (1..=runs).collect(),
            inputs: ["office-lan.pcapng", "campus-mix.pcap.zst"].map(input).to_vec(),
        },
        sweep: None,
        rows,
        sampling: (0..12).map(sampled).collect(),
        sketches: sketches(),
        maps: ["outbreak", "campus-mix.pcap.zst"].map(map).to_vec(),
        detection_rule: rules(),
        benign: benign_counts(),
        isolation: [None, Some(60.0)].map(isolated).to_vec(),
    }
}

/// One scenario and a sweep over a number.
pub(super) fn swept(runs: u64) -> Evaluation {
    let values: Vec<String> = (1..=25).map(|i| (2 * i).to_string()).collect();
    let mut evaluation = full(runs);
    let mut rows = Vec::new();
    for (index, worm) in (0..).zip([WORMS[0], WORMS[6]]) {
        for (step, value) in (0..).zip(&values) {
            let mut row = worm_row(index, worm, runs);
            row.swept = Some(value.clone());
            let step = f64::from(step);
            row.dispersion.infected = Some(about(4.0 + 2.1 * step, 0.4 + 0.1 * step));
            row.dispersion.detected = (runs as f64 * (1.0 - step / 60.0)) as u64;
            row.dispersion.rate_interval = [0.8 - step / 60.0, 1.0 - step / 80.0];
            row.as_expected = row.dispersion.detected == runs;
            row.false_signatures = about(9.0 / (1.0 + step), 0.5);
            rows.push(row);
        }
    }
    evaluation.sweep = Some(Sweep { key: "sources".to_owned(), values });
    evaluation.rows = rows;
    evaluation
}

fn isolated(after_seconds: Option<f64>) -> IsolationRow {
    let most = if after_seconds.is_some() { 0.2 } else { 1.0 };
    IsolationRow {
        name: "outbreak within a site".to_owned(),
        doubling_seconds: 18.9,
        after_seconds,
        vulnerable: 599,
        infected_share: about(most, 0.01),
        infected_at_first: after_seconds.map(|_| about(12.0, 2.0)),
        listed: about(40.0, 4.0),
        all_listed: [800, 0],
        confirmed: [700, 0],
        curve: (0..100).map(|n| [f64::from(n), most * f64::from(n) / 99.0]).collect(),
    }
}

fn about(middle: f64, half: f64) -> Estimate {
    Estimate {
        count: 20,
        mean: middle,
        interval: [middle - half, middle + half],
        median: middle,
        range: [(middle - 2.0 * half).max(0.0), middle + 2.0 * half],
    }
}

fn alarm(expected: &str, runs: u64, seconds: f64, infected: f64) -> AlarmResult {
    let silent = expected == "silent";
    let some = |estimate| (!silent).then_some(estimate);
    AlarmResult {
        expected: expected.to_owned(),
        reason: if silent { "its bytes differ from host to host" } else { "" }.to_owned(),
        detected: if silent { 0 } else { runs },
        runs,
        rate_interval: if silent { [0.0, 0.161] } else { [0.839, 1.0] },
        seconds: some(about(seconds, seconds / 10.0)),
        packets: some(about(seconds * 40.0, seconds)),
        infected: some(about(infected, 2.0)),
        infected_share: some(about(infected / 4000.0, 0.0004)),
    }
}

fn worm_row(
    index: u32,
    (name, dispersion, propagation): (&str, &str, &str),
    runs: u64,
) -> Row {
    let pace = 20.0 + 35.0 * f64::from(index);
    let mut row = Row {
        name: name.to_owned(),
        summary: "A worm that scans at random, as no worm ever did".to_owned(),
        defeats: "Counting connections".to_owned(),
        subject: Subject::Worm,
        settings: if index == 6 {
            "port_rule = \"none\"".to_owned()
        } else {
            String::new()
        },
        dispersion: alarm(dispersion, runs, pace * 0.9, 31.0),
        propagation: alarm(propagation, runs, pace * 0.3, 4.0),
        first: alarm("", runs, pace * 0.3, 4.0),
        sees_all: index == 1,
        counted: CountedRow {
            compared: runs,
            within: runs - u64::from(index == 2),
            wrong: if index == 2 {
                "seed 2: body: 70 sources (exact), in truth 71".to_owned()
            } else {
                String::new()
            },
            ..CountedRow::default()
        },
        incidents: worm_incidents(runs),
        high: HighRow {
            runs,
            high: runs,
            relayed: runs,
            within: runs - u64::from(index == 3),
            infected: Some(about(9.0, 1.0)),
            after_relay: Some(about(5.0, 1.0)),
            why_not: if index == 3 {
                "seed 4: 14 infections after the first relay".to_owned()
            } else {
                String::new()
            },
        },
        as_expected: true,
        false_signatures: about(0.0, 0.0),
        benign_packets_matched: Some(about(0.0, 0.0)),
        recall: Some(about(0.97, 0.01)),
        precision: Some(about(0.995, 0.004)),
        packets: about(120_000.0, 900.0),
        memory_bytes: 64 << 20,
        bytes_per_second: 4.1e8,
        runs: (1..=runs)
            .map(|seed| worm_run(seed, pace, dispersion, propagation))
            .collect(),
        ..Row::default()
    };
    if index == 4 {
        row.as_expected = false;
        row.dispersion.detected = runs.saturating_sub(1);
    }
    row
}

fn worm_incidents(runs: u64) -> IncidentsRow {
    let kinds = || [("outbreak".to_owned(), runs)].into();
    let subject = SubjectRow {
        subject: "worm".to_owned(),
        kind: "outbreak".to_owned(),
        grade: "high".to_owned(),
        runs,
        as_expected: runs,
        number: about(1.0, 0.0),
        high: runs,
        kinds: kinds(),
        wrong: String::new(),
    };
    IncidentsRow {
        number: about(1.0, 0.0),
        high: runs,
        kinds: kinds(),
        subjects: vec![subject],
        wrong: String::new(),
    }
}

fn worm_run(seed: u64, pace: f64, dispersion: &str, propagation: &str) -> Run {
    // No two runs begin alike.
    let late = 1.0 + 0.06 * ((seed * 7) % 11) as f64;
    let infected =
        |time: f64| 4000.0 / (1.0 + 3999.0 * (-time / (pace * late * 0.25)).exp());
    let growth: Vec<[f64; 2]> = (0..100)
        .map(|i| f64::from(i) * pace / 20.0)
        .map(|time| [time, infected(time).round()])
        .collect();
    let found = |hosts: u64, expected: &str| {
        let at = growth.iter().find(|point| point[1] >= hosts as f64)?[0];
        let infected = growth.iter().find(|point| point[1] >= hosts as f64)?[1] as u64;
        let found = Found { seconds: at, packets: 40 * hosts, infected, at };
        (expected != "silent").then_some(found)
    };
    Run {
        seed,
        packets: 120_000 + seed,
        bytes: 70_000_000,
        dispersion: found(30, dispersion),
        propagation: found(4, propagation),
        recall: Some(0.97),
        precision: Some(0.995),
        vulnerable: 4000,
        growth,
        memory_bytes: 64 << 20,
        seconds: 0.3,
        frames_hash: format!("{seed:016x}"),
        ..Run::default()
    }
}

fn benign_row(index: usize, name: &str, runs: u64) -> Row {
    let fires = index == 4;
    let run = |seed| Run {
        seed,
        packets: 80_000,
        bytes: 50_000_000,
        false_signatures: if fires { vec![signature(index)] } else { Vec::new() },
        benign_packets_matched: Some(if fires { 1200 } else { 0 }),
        ..Run::default()
    };
    let mut dispersion = alarm("silent", runs, 0.0, 0.0);
    dispersion.detected = if fires { runs } else { 0 };
    Row {
        name: name.to_owned(),
        summary: "Many hosts send the same bytes, and none was infected".to_owned(),
        defeats: "Counting hosts".to_owned(),
        subject: Subject::Benign,
        dispersion,
        propagation: alarm("silent", runs, 0.0, 0.0),
        as_expected: !fires,
        false_signatures: about(if fires { 1.0 } else { 0.0 }, 0.0),
        benign_packets_matched: Some(about(if fires { 1200.0 } else { 0.0 }, 0.0)),
        packets: about(80_000.0, 10.0),
        memory_bytes: 64 << 20,
        bytes_per_second: 6.3e8,
        runs: (1..=runs).map(run).collect(),
        ..Row::default()
    }
}

fn captured(name: &str, subject: Subject) -> Row {
    let worm = subject == Subject::Labelled;
    let mut row = match worm {
        true => worm_row(2, (name, "open", "fires"), 1),
        false => benign_row(0, name, 1),
    };
    name.clone_into(&mut row.name);
    row.subject = subject;
    row
}

fn input(name: &str) -> Input {
    let sha256 = "0123456789abcdef".repeat(4);
    Input { name: name.to_owned(), bytes: 393_216_000, packets: 512_345, sha256 }
}

fn signature(index: usize) -> FalseSignature {
    let contents: [&[u8]; 4] = [
        b"SSH-2.0-Made_Up\r\n\x00\x00\x04\x14\x0a\x14curve25519-sha256,ecdh-sha2-nistp256",
        b"<script>alert('not markup')</script>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nServer: none\r\nContent-Type: text/html; charset=utf-8\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\xff\xfe\x00",
    ];
    let content = contents[index % contents.len()];
    FalseSignature {
        id: format!("{index:032x}"),
        alarm: if index.is_multiple_of(3) { "propagation" } else { "dispersion" }
            .to_owned(),
        service: ["tcp/22", "tcp/80", "tcp/443", "udp/5060"][index % 4].to_owned(),
        content_hex: content.iter().map(|byte| format!("{byte:02x}")).collect(),
        length: content.len(),
        sources: 31 + index as u32,
        destinations: 40,
    }
}

fn sampled(index: usize) -> SamplingPoint {
    let length = 40 + index * 360 / 11;
    let expected = 1.0 - (1.0f64 - 1.0 / 64.0).powf(length as f64 - 39.0);
    let tracked = expected + if index.is_multiple_of(2) { 0.008 } else { -0.006 };
    let tracked = tracked.clamp(0.0, 1.0);
    let interval = [(tracked - 0.014).max(0.0), (tracked + 0.014).min(1.0)];
    SamplingPoint { length, expected, tracked, interval, trials: 4000 }
}

fn sketches() -> Vec<SketchPoint> {
    let mut points = Vec::new();
    for exact in 1..=120u32 {
        for step in -3..=3i32 {
            let estimate = exact as i32 + step * (1 + exact as i32 / 30);
            let keys = 9000 / u64::from(exact) / (1 + 3 * u64::from(step.unsigned_abs()));
            if estimate >= 1 && keys > 0 {
                points.push(SketchPoint { exact, estimate: estimate as u32, keys });
            }
        }
    }
    points
}

fn map(name: &str) -> DispersionMap {
    let mut cells = Vec::new();
    for sightings in 0..16u32 {
        for dispersion in 0..=sightings.min(9) {
            let ordinary = 3_000_000u64 >> (2 * dispersion + sightings).min(60);
            let planted = if sightings > 3
                && dispersion + 3 > sightings / 2
                && dispersion < sightings
            {
                20 * u64::from(sightings)
            } else {
                0
            };
            if ordinary + planted > 0 {
                cells.push(MapCell {
                    sightings_log2: sightings,
                    dispersion_log2: dispersion,
                    ordinary,
                    planted,
                });
            }
        }
    }
    DispersionMap { name: name.to_owned(), cells }
}

fn rules() -> Vec<RulePoint> {
    let mut points = Vec::new();
    for (worm, factor) in [("CodeRedII-like", 1.0), ("slammer-like", 1.7)] {
        for prefix_bits in [8u8, 12, 16, 20] {
            let expected =
                (0.0004 * factor * 4f64.powi(i32::from(prefix_bits) / 4 - 2)).min(1.0);
            points.push(RulePoint {
                worm: worm.to_owned(),
                prefix_bits,
                sources: 30,
                expected,
                simulated: Estimate {
                    count: 50,
                    mean: expected * 1.03,
                    interval: [expected * 0.93, expected * 1.13],
                    median: expected,
                    range: [expected * 0.5, expected * 2.0],
                },
                seconds: about(300.0 * f64::from(prefix_bits), 20.0),
            });
        }
    }
    points
}

fn benign_counts() -> Vec<BenignCount> {
    let counts = [("30 x 30", 2), ("10 x 10", 14), ("3 x 3", 61), ("propagation", 1)];
    counts
        .map(|(thresholds, signatures)| BenignCount {
            name: "campus-mix.pcap.zst".to_owned(),
            thresholds: thresholds.to_owned(),
            signatures: (0..signatures).map(signature).collect(),
        })
        .to_vec()
}
