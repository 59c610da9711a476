//! `wormsift generate --into`: a story between the hosts of captures.

use crate::common::captures::{Kept, SECOND, frames_of, pcap_of, raw_udp};
use crate::common::{code, file, folder, run, stderr, stdout};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use wormsift_corpora::{Kind, Scenario};

const BEGIN: u64 = 1_000_000_000 * SECOND;

/// Two minutes of raw IP, ten packets a second, every third one cut: thirty hosts of
/// 192.0.2.0/24 and as many elsewhere.
fn capture() -> Vec<Kept> {
    let one = |i: u64| {
        let [inside, outside] =
            [[192, 0, 2, 10 + (i % 30) as u8], [203, 0, (i / 7 % 30) as u8, 5]];
        let ends =
            if i.is_multiple_of(2) { [inside, outside] } else { [outside, inside] };
        let payload: Vec<u8> =
            (0..200).map(|at| (at * at * 31 + at * i + i) as u8).collect();
        let captured = if i.is_multiple_of(3) { 60 } else { 1_000 };
        raw_udp(BEGIN + i * SECOND / 10, ends, &payload, captured)
    };
    (0..1_200).map(one).collect()
}

/// Lays outbreak into the capture and reads both results.
fn laid(folder: &Path, name: &str, more: &[&str]) -> (Vec<Kept>, Value) {
    let into = file(folder, "day.pcap", &pcap_of(&capture()));
    let output = folder.join(name).display().to_string();
    let arguments = ["generate", "outbreak", "--into", &into, "-o", &output];
    let output_of = run(&[&arguments[..], more].concat());
    assert_eq!(code(&output_of), 0, "{}", stderr(&output_of));
    let truth = std::fs::read(output.replace(".pcapng", ".truth.json")).unwrap();
    (frames_of(&output), serde_json::from_slice(&truth).unwrap())
}

fn numbers(truth: &Value) -> Vec<usize> {
    let runs = truth["contents"][0]["carriers"]["runs"].as_array().unwrap();
    let number = |run: &Value, at: usize| run[at].as_u64().unwrap() as usize;
    runs.iter().flat_map(|run| number(run, 0)..=number(run, 1)).collect()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hexadecimal[at..at + 2], 16).unwrap();
    (0..hexadecimal.len()).step_by(2).map(digit).collect()
}

fn holds(frame: &Kept, content: &[u8]) -> bool {
    frame.3.windows(content.len()).any(|window| window == content)
}

#[test]
fn packets_come_through_and_the_truth_counts_them() {
    let folder = folder("into");
    let (frames, truth) = laid(&folder, "a.pcapng", &["--start-after", "5s"]);
    let kept: Vec<&Kept> = frames.iter().filter(|frame| frame.1 == 101).collect();
    assert_eq!(kept, capture().iter().collect::<Vec<_>>());
    assert_eq!(truth["packets"], frames.len());
    assert!(frames.is_sorted_by_key(|frame| frame.0));

    // The story lasts from five seconds after the first packet to the last one.
    let story: Vec<&Kept> = frames.iter().filter(|frame| frame.1 == 1).collect();
    assert!(story.len() > 100, "{}", story.len());
    assert_eq!(story[0].0, BEGIN + 5 * SECOND);
    let end = BEGIN + 1_199 * SECOND / 10;
    let last = story.last().unwrap().0;
    assert!(last <= end && last > end - 10 * SECOND);

    let content = bytes(truth["contents"][0]["content_hex"].as_str().unwrap());
    let carriers: BTreeSet<usize> = numbers(&truth).into_iter().collect();
    assert_eq!(carriers.len(), story.len());
    for (number, frame) in (1..).zip(&frames) {
        assert_eq!(carriers.contains(&number), holds(frame, &content[24..344]));
    }
    for infection in truth["infections"].as_array().unwrap() {
        if let Some(number) = infection["packet"].as_u64() {
            let frame = &frames[number as usize - 1];
            assert_eq!(Some(frame.0), infection["time_ns"].as_u64());
            let end: [u8; 4] = frame.3[30..34].try_into().unwrap();
            let host = std::net::Ipv4Addr::from(end).to_string();
            assert_eq!(infection["host"], host);
        }
    }
}

#[test]
fn those_who_are_infected_occur_in_the_capture_and_sides_are_kept() {
    let folder = folder("into-hosts");
    let (frames, truth) = laid(&folder, "a.pcapng", &[]);
    let ends = |packet: &[u8]| -> [[u8; 4]; 2] {
        [12, 16].map(|at| packet[at..at + 4].try_into().unwrap())
    };
    let real: BTreeSet<[u8; 4]> =
        capture().iter().flat_map(|frame| ends(&frame.3)).collect();
    let mut used = BTreeSet::new();
    for frame in frames.iter().filter(|frame| frame.1 == 1) {
        let ends = ends(&frame.3[14..]);
        let inside = ends.map(|end| end[..3] == [192, 0, 2]);
        assert_ne!(inside[0], inside[1], "{ends:?}");
        used.extend(ends);
    }
    // Others are used only where those that occur do not suffice.
    for side in [true, false] {
        let of_side = |hosts: &BTreeSet<[u8; 4]>| -> BTreeSet<[u8; 4]> {
            let same = |host: &&[u8; 4]| (host[..3] == [192, 0, 2]) == side;
            hosts.iter().filter(same).copied().collect()
        };
        let (real, used) = (of_side(&real), of_side(&used));
        assert!(used.is_subset(&real) || real.is_subset(&used), "{side}: {used:?}");
        assert!(used.len() >= 20, "{side}: {used:?}");
    }
    let infected = truth["infections"].as_array().unwrap();
    let seen = infected.iter().filter(|one| one["packet"].is_u64());
    let hosts: Vec<std::net::Ipv4Addr> =
        seen.map(|one| one["host"].as_str().unwrap().parse().unwrap()).collect();
    assert!(hosts.len() >= 5, "{}", hosts.len());
    for side in [true, false] {
        let of_side = hosts.iter().map(|host| host.octets());
        let of_side = of_side.filter(|host| (host[..3] == [192, 0, 2]) == side);
        // Some real hosts of the side are those who infect.
        assert!(of_side.take(5).all(|host| real.contains(&host)));
    }
    assert_eq!(truth["parameters"]["inside"], serde_json::json!(["192.0.2.0/24"]));
}

#[test]
fn a_seed_lays_the_same_bytes_and_an_inside_can_be_told() {
    let folder = folder("into-seed");
    let first = laid(&folder, "a.pcapng", &["--seed", "3"]);
    assert_eq!(laid(&folder, "b.pcapng", &["--seed", "3"]), first);
    assert_ne!(laid(&folder, "c.pcapng", &["--seed", "4"]).0, first.0);
    let more = ["--inside", "203.0.16.0/20", "--duration", "30s"];
    let (frames, _) = laid(&folder, "d.pcapng", &more);
    for frame in frames.iter().filter(|frame| frame.1 == 1) {
        assert!(frame.0 <= BEGIN + 30 * SECOND);
        let inside = |at: usize| {
            frame.3[at..at + 2] == [203, 0] && (16..32).contains(&frame.3[at + 2])
        };
        assert_ne!(inside(26), inside(30));
    }
}

#[test]
fn detect_finds_the_worm_in_ordinary_traffic_and_the_users_payload() {
    let folder = folder("into-detect");
    let path = |name: &str| folder.join(name).display().to_string();
    let quiet = path("quiet.pcapng.zst");
    let ordinary =
        ["generate", "outbreak", "--no-worm", "--duration", "150s", "-o", &quiet];
    assert_eq!(code(&run(&ordinary)), 0);
    let own: Vec<u8> = (0..700_u32).map(|i| (i * i % 251 + i / 3) as u8).collect();
    let payload = file(&folder, "body.bin", &own);
    let infected = path("infected.pcapng");
    let mut into = vec!["generate", "outbreak", "--into", &quiet, "-o", &infected];
    into.extend(["--payload", &payload, "--carriage", "tcp:300"]);
    let output = run(&into);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let truth = std::fs::read(path("infected.truth.json")).unwrap();
    let truth: Value = serde_json::from_slice(&truth).unwrap();
    let planted = truth["contents"][0]["content_hex"].as_str().unwrap();
    assert_eq!(bytes(planted), own);

    let found = |capture: &str| -> Vec<Value> {
        let output = run(&["detect", "--json", "--threads", "2", capture]);
        let lines = stdout(&output);
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.filter(|line: &Value| line["type"] == "signature").collect()
    };
    let worm = found(&infected);
    assert!(!worm.is_empty());
    for signature in &worm {
        assert!(planted.contains(signature["content_hex"].as_str().unwrap()));
        assert_eq!(
            (&signature["alarm"], &signature["port"]),
            (&"propagation".into(), &48_879.into())
        );
    }
    assert_eq!(found(&quiet), Vec::<Value>::new());
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let folder = folder("into-refused");
    let day = file(&folder, "day.pcap", &pcap_of(&capture()));
    let path = |name: &str| folder.join(name).display().to_string();
    let [output, classic] = [path("out.pcapng"), path("out.pcap")];
    let [empty, short, long] = [("empty", 0), ("short", 100), ("long", 65_001)]
        .map(|(name, length)| file(&folder, name, &vec![7; length]));
    let header = file(&folder, "header.pcap", &pcap_of(&[]));
    let clocks: Vec<Kept> =
        [0, 54].map(|years| (years * 31_536_000 * SECOND, 1, 60, vec![0; 60])).to_vec();
    let clocks = file(&folder, "clocks.pcap", &pcap_of(&clocks));
    let cases: [(&[&str], i32, &str); 9] = [
        (&["outbreak", "--into", &clocks, "-o", &output], 2, "span 19710 days"),
        (&["outbreak", "--into", "-", "-o", &output], 2, "read twice"),
        (&["outbreak", "--into", &day, "-o", &day], 2, "the one that is written"),
        (&["outbreak", "--into", &day, "-o", &classic], 2, "one link type"),
        (
            &["outbreak", "--into", &day, "--start-after", "3m", "-o", &output],
            2,
            "expected less than the",
        ),
        (&["outbreak", "--into", &header, "-o", &output], 1, "no packet"),
        (&["outbreak", "--payload", &empty, "-o", &output], 2, "found 0 bytes"),
        (&["outbreak", "--payload", &long, "-o", &output], 2, "found 65,001 bytes"),
        (&["padded-core", "--payload", &short, "-o", &output], 2, "its own body\n"),
    ];
    for (arguments, exit, reason) in cases {
        let result = run(&[&["generate"], arguments].concat());
        assert_eq!(code(&result), exit, "{arguments:?}: {}", stderr(&result));
        assert!(stderr(&result).contains(reason), "{arguments:?}: {}", stderr(&result));
    }
    assert_eq!(std::fs::read(&day).unwrap(), pcap_of(&capture()));
}

#[test]
fn every_story_can_be_laid_into_a_capture() {
    let folder = folder("into-all");
    let day = file(&folder, "day.pcap", &pcap_of(&capture()));
    let output = folder.join("out.pcapng").display().to_string();
    for profile in Scenario::profiles() {
        let name = profile.name;
        let mut arguments = vec!["generate", name, "--into", &day, "-o", &output];
        // One infection of these takes up to ten thousand packets.
        if profile.adversary && profile.kind == Kind::Worm {
            arguments.extend(["--until-infected", "3"]);
        }
        let result = run(&arguments);
        if profile.several_taps {
            let expected = format!("--into: several taps see the scenario {name}");
            assert!(code(&result) == 2 && stderr(&result).contains(&expected), "{name}");
            continue;
        }
        assert_eq!(code(&result), 0, "{name}: {}", stderr(&result));
        let frames = frames_of(&output);
        let planted = frames.iter().filter(|frame| frame.1 == 1).count();
        assert_eq!(frames.len() - planted, 1_200, "{name}");
        assert!(planted > 0, "{name}");
    }
}
