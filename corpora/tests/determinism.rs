//! The same seed gives the same bytes, and only the same seed.

use std::path::Path;
use std::time::Duration;

use wormsift_corpora::frame_builder::TunnelKind;
use wormsift_corpora::{
    Carriage, FrameWriter, GenerateOptions, Outbreak, PcapngWriter, Scenario, generate,
};

/// FNV-1a, 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn capture(seed: u64, options: &GenerateOptions) -> (u64, String) {
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let truth = generate("outbreak", seed, options, &mut writer).unwrap();
    (hash(&writer.into_inner()), truth.to_json().unwrap())
}

fn short() -> GenerateOptions {
    let duration = Some(Duration::from_secs(60));
    GenerateOptions { duration, ..GenerateOptions::default() }
}

/// What a scenario makes under seed 1, at most 20,000 packets with their truth, by hash.
fn line_of(name: &str) -> String {
    let mut stream = Scenario::named(name, 1).unwrap().stream().unwrap();
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let mut frame = Vec::new();
    for _ in 0..20_000 {
        let Some(info) = stream.next_frame(&mut frame) else { break };
        writer.write_frame(info.time_ns, &frame).unwrap();
    }
    let capture = hash(&writer.into_inner());
    let truth = hash(stream.into_truth().to_json().unwrap().as_bytes());
    format!("{name} {capture:016x} {truth:016x}")
}

/// A changed line of `known_captures.txt` is a change of captures that others have made.
/// After a wanted change, or with a new scenario: run it with `WORMSIFT_BLESS=1`.
#[test]
fn every_scenario_makes_the_known_capture() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/known_captures.txt");
    let made: Vec<String> = Scenario::names().map(line_of).collect();
    if std::env::var_os("WORMSIFT_BLESS").is_some() {
        std::fs::write(&path, made.join("\n") + "\n").unwrap();
    }
    let file = std::fs::read_to_string(&path).unwrap();
    let known: Vec<&str> = file.lines().collect();
    let differ: Vec<String> = made
        .iter()
        .filter(|line| !known.contains(&line.as_str()))
        .map(|line| {
            let name = line.split(' ').next().unwrap();
            let is_known = known.iter().any(|it| it.split(' ').next() == Some(name));
            format!(
                "{name} {}",
                if is_known { "makes another capture" } else { "is new" }
            )
        })
        .collect();
    const HELP: &str = "if that is wanted: WORMSIFT_BLESS=1 \
                        cargo test -p wormsift-corpora --test all known_capture";
    assert!(differ.is_empty(), "{differ:?}; {HELP}");
    assert_eq!(known, made, "a scenario is gone or stands elsewhere; {HELP}");
}

/// Each stands in a table of the README with what is to be found.
#[test]
fn every_scenario_has_a_row_in_the_readme() {
    let readme = include_str!("../README.md");
    for name in Scenario::names() {
        let row = format!("\n| `{name}`");
        assert!(readme.contains(&row), "corpora/README.md: no row for `{name}`");
    }
}

#[test]
fn a_seed_decides_every_byte() {
    let first = capture(7, &short());
    assert_eq!(first, capture(7, &short()));
    assert_ne!(first.0, capture(8, &short()).0);
}

#[test]
fn the_worm_does_not_change_when_its_background_does() {
    let body = |hosts: u32| {
        let trace =
            Outbreak::new(5).background_hosts(hosts).infected(30).trace().unwrap();
        let content = &trace.truth.contents[0];
        let frames: Vec<_> = trace
            .frames
            .iter()
            .enumerate()
            .filter(|(index, _)| content.carriers.contains(*index as u64 + 1))
            .map(|(_, frame)| frame.clone())
            .collect();
        assert_eq!(frames.len() as u64, content.carriers.count);
        frames
    };
    assert_eq!(body(0), body(20));
}

#[test]
fn limits_cut_the_same_stream_short() {
    let options = GenerateOptions { packets: Some(1_000), ..short() };
    let whole = Outbreak::new(9).options(short()).trace().unwrap();
    let cut = Outbreak::new(9).options(options).trace().unwrap();
    assert_eq!(cut.frames.len(), 1_000);
    assert_eq!(cut.truth.packets, 1_000);
    assert_eq!(cut.frames[..], whole.frames[..1_000]);
    let last = cut.truth.last_packet_ns;
    assert!(cut.truth.infections.iter().all(|infection| infection.time_ns <= last));
}

#[test]
fn every_carriage_is_a_capture_in_order_of_time_with_its_truth() {
    let carriages = [
        Carriage::tcp(1),
        Carriage::tcp(40).reordered().duplicated().retransmitted().with_far_ahead_fake(),
        Carriage::tcp(1_460).over_ipv6(),
        Carriage::udp().fragmented(128),
        Carriage::udp().fragmented(64).over_ipv6(),
        Carriage::udp().vlan(10).vlan(20),
        Carriage::udp().inside_tunnel(TunnelKind::Gre).over_ipv6(),
        Carriage::tcp(100).inside_tunnel(TunnelKind::Vxlan(42)).vlan(7),
    ];
    for carriage in carriages {
        let trace = Outbreak::new(2)
            .carriage(carriage.clone())
            .background_hosts(0)
            .infected(15)
            .trace()
            .unwrap();
        assert!(trace.frames.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{carriage}");
        let truth = &trace.truth;
        assert!(truth.infections.len() >= 15, "{carriage}");
        let content = &truth.contents[0];
        // Every byte of a planted piece is in the frames named, and in no other.
        let piece = &content.invariant_pieces()[0];
        for (index, (_, frame)) in trace.frames.iter().enumerate() {
            let holds =
                frame.windows(8).any(|run| piece[100..].windows(8).any(|p| p == run));
            if holds {
                assert!(
                    content.carriers.contains(index as u64 + 1),
                    "{carriage}: {index}"
                );
            }
        }
        for infection in truth.infections.iter().filter(|one| one.packet.is_some()) {
            let number = infection.packet.unwrap();
            assert!(content.carriers.contains(number), "{carriage}: {number}");
            assert_eq!(
                trace.frames[number as usize - 1].0,
                infection.time_ns,
                "{carriage}"
            );
        }
    }
}
