//! The presets spread as the published figures say, and so do their captures.

use wormsift_corpora::address_space::Prefix;
use wormsift_corpora::epidemic::Epidemic;
use wormsift_corpora::ground_truth::Protocol;
use wormsift_corpora::presets::{CODE_RED, MIRAI, PRESETS, Preset, SLAMMER, WITTY};
use wormsift_corpora::rng::Rng;
use wormsift_corpora::{CorpusError, FrameStream, GenerateOptions, Scenario};

/// Seconds until so many hosts are infected, as seen from a /16.
fn seconds_until(preset: &Preset, seed: u64, infected: &[usize]) -> Vec<f64> {
    let monitored = Prefix::new([44, 0, 0, 0].into(), 16);
    let rng = Rng::new(seed, "growth");
    let mut epidemic = Epidemic::new(preset.epidemic(monitored), 0, rng).unwrap();
    while epidemic.infections().len() < *infected.last().unwrap() {
        epidemic.next_contact().unwrap();
    }
    let times = epidemic.infections();
    infected.iter().map(|&count| times[count - 1].time_ns as f64 / 1e9).collect()
}

#[test]
fn the_infected_double_in_the_time_that_was_observed() {
    // Over four doublings, from 200 infected on; the mean of eight epidemics is
    // sure to some 2 %. Slammer's own figures do not agree better than to 17 %,
    // see its preset.
    for (preset, seconds, tolerance) in [
        (&SLAMMER, 8.5, 0.22),
        (&CODE_RED, 37.0 * 60.0, 0.05),
        (&MIRAI, 75.5 * 60.0, 0.05),
    ] {
        let doubling = |seed| {
            let times = seconds_until(preset, seed, &[200, 3_200]);
            (times[1] - times[0]) / 4.0
        };
        let mean = (0..8).map(doubling).sum::<f64>() / 8.0;
        let off = mean / seconds - 1.0;
        assert!(off.abs() < tolerance, "{}: {mean} s", preset.name);
    }
}

#[test]
fn witty_infects_nearly_all_in_three_quarters_of_an_hour() {
    for seed in 0..4 {
        let times = seconds_until(&WITTY, seed, &[110, 11_400]);
        assert_eq!(times[0], 0.0);
        let minutes = times[1] / 60.0;
        assert!((43.0..47.0).contains(&minutes), "{minutes}");
    }
}

fn stream(name: &str, options: GenerateOptions) -> Result<FrameStream, CorpusError> {
    Scenario::named(name, 3)?.options(options).stream()
}

#[test]
fn each_capture_is_of_a_size_to_work_with_and_holds_what_its_truth_says() {
    for preset in PRESETS {
        let name = preset.name;
        let trace = stream(name, GenerateOptions::default()).unwrap().into_trace();
        let truth = &trace.truth;
        assert!((1_500..200_000).contains(&truth.packets), "{name}: {}", truth.packets);
        assert!(trace.frames.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{name}");
        let content = &truth.contents[0];
        let piece = content.invariant_pieces().remove(0);
        assert_eq!(piece.len(), preset.invariant, "{name}");
        // The first bytes of a copy are in a frame that the truth names, and its
        // source is a host that had been infected by then.
        let (mut copies, mut sources) = (0, std::collections::BTreeSet::new());
        for (index, (time_ns, frame)) in trace.frames.iter().enumerate() {
            if frame.windows(16).any(|run| run == &piece[..16]) {
                copies += 1;
                assert!(content.carriers.contains(index as u64 + 1), "{name}: {index}");
                let source: [u8; 4] = frame[26..30].try_into().unwrap();
                let source = std::net::IpAddr::from(source);
                if sources.insert(source) {
                    let host = truth.infections.iter().find(|one| one.host == source);
                    assert!(host.unwrap().time_ns <= *time_ns, "{name}");
                }
            }
        }
        let segments = match content.protocol {
            Protocol::Tcp => preset.invariant.div_ceil(1_460) as u64,
            _ => 1,
        };
        // The last copies may be cut by the end of the capture.
        let carriers = content.carriers.count;
        assert!((copies - 3) * segments <= carriers && carriers <= copies * segments);
        assert!(sources.len() >= 395, "{name}: {} sources", sources.len());
    }
}

#[test]
fn witty_has_one_source_port_and_many_lengths_and_destination_ports() {
    let options = GenerateOptions { background_hosts: Some(0), ..Default::default() };
    let trace = stream("witty", options).unwrap().into_trace();
    let number = |frame: &[u8], at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let mut seen: [std::collections::BTreeSet<u16>; 3] = Default::default();
    for (_, frame) in &trace.frames {
        for (seen, at) in seen.iter_mut().zip([34, 36, 38]) {
            seen.insert(number(frame, at));
        }
    }
    assert_eq!(seen[0].iter().collect::<Vec<_>>(), [&4_000]);
    assert!(seen[1].len() > trace.frames.len() * 9 / 10);
    assert!(seen[2].len() > 450);
    let bounds = seen[2].first().zip(seen[2].last());
    assert_eq!(bounds, Some((&(8 + 750), &(8 + 1_250))));
}

#[test]
fn options_are_heeded_or_refused() {
    let inside = Some(Prefix::new([192, 0, 2, 0].into(), 24));
    let asked = GenerateOptions {
        inside,
        background_hosts: Some(0),
        packets: Some(500),
        vulnerable_hosts: Some(1_000_000),
        carriage: "ipv6".parse().unwrap(),
        ..GenerateOptions::default()
    };
    let truth = stream("code-red", asked.clone()).unwrap().into_trace().truth;
    assert_eq!(truth.packets, 500);
    assert_eq!(truth.vulnerable_hosts, 1_000_000);
    assert_eq!(truth.parameters["inside"], "192.0.2.0/24");
    assert!(truth.infections.iter().all(|one| one.host.is_ipv6()));

    let infected =
        GenerateOptions { packets: None, until_infected: Some(12_000), ..asked.clone() };
    let truth = stream("slammer", infected).unwrap().into_trace().truth;
    assert!(truth.infections.len() >= 12_000);

    for wrong in [
        GenerateOptions { carriage: "tcp:536".parse().unwrap(), ..asked.clone() },
        GenerateOptions { until_infected: Some(1_000_001), ..asked.clone() },
        GenerateOptions { scan_rate: Some(0.0), ..asked.clone() },
        GenerateOptions { vulnerable_hosts: Some(0), ..asked.clone() },
    ] {
        assert!(stream("slammer", wrong).is_err());
    }
}
