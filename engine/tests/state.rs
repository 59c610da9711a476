//! A sensor that is saved and restored goes on as if it had never stopped.

use crate::common::captures::folders;
use crate::common::{flood_frames, frames, mostly_unique_frames, outbreak_frames};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use wormsift::config::{Config, Size};
use wormsift::packet::Frame;
use wormsift::pipeline::{Baseline, Sensor};
use wormsift_export::json_lines;

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let (process, number) = (std::process::id(), MADE.fetch_add(1, Relaxed));
        let path =
            std::env::temp_dir().join(format!("wormsift-{process}-{number}-{name}"));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn take(sensor: &mut Sensor, lines: &mut Vec<String>) {
    lines.extend(sensor.findings().iter().map(json_lines::write));
}

/// Findings and statistics of a run that is saved, dropped and restored before each of
/// these frames.
fn run(
    frames: &[Frame<'_>],
    config: &Config,
    restarts: &[usize],
) -> (Vec<String>, String) {
    let folder = Folder::new("restarts");
    let path = folder.0.join("state");
    let mut sensor = Sensor::new(config.clone()).unwrap();
    let (mut lines, mut done) = (Vec::new(), 0);
    for &restart in restarts {
        sensor.sift(&frames[done..restart]);
        take(&mut sensor, &mut lines);
        sensor.save(&path).unwrap();
        drop(sensor);
        sensor = Sensor::restore(config.clone(), &path).unwrap();
        done = restart;
    }
    sensor.sift(&frames[done..]);
    sensor.finish();
    take(&mut sensor, &mut lines);
    (lines, serde_json::to_string(&sensor.stats()).unwrap())
}

fn small() -> Config {
    let mut config = Config::default();
    config.memory = Size(16 << 20);
    config
}

#[test]
fn an_outbreak_is_found_across_restarts_as_without() {
    let stored = outbreak_frames(7, 40_000);
    let frames = frames(&stored);
    for (sampling, restarts) in
        [("64", &[1, 20_000, 20_001, 39_999][..]), ("4", &[9_000])]
    {
        let mut config = small();
        config.sampling = sampling.parse().unwrap();
        let truth = run(&frames, &config, &[]);
        assert!(truth.0.iter().any(|line| line.contains("\"type\":\"signature\"")));
        assert_eq!(truth, run(&frames, &config, restarts), "{sampling}");
    }
}

/// Prevalence windows that end when the table is full go on where they were.
#[test]
fn windows_of_variable_length_survive_restarts() {
    let stored = mostly_unique_frames(9, 2_000);
    let frames = frames(&stored);
    let mut config = small();
    config.sampling = "1".parse().unwrap();
    config.prevalence_window = "1s".parse().unwrap();
    let truth = run(&frames, &config, &[]);
    assert_eq!(truth, run(&frames, &config, &[500, 1_001, 2_000]));
}

/// Restarts while alarms wait for their tick and every table is full.
#[test]
fn a_flood_of_alarms_survives_restarts() {
    let stored = flood_frames(12, 60, 1_400, 6);
    let frames = frames(&stored);
    let mut config = small();
    config.sampling = "1".parse().unwrap();
    (config.sources, config.destinations) = (3, 3);
    let truth = run(&frames, &config, &[]);
    assert!(truth.0.len() > 60, "{} findings", truth.0.len());
    assert_eq!(truth, run(&frames, &config, &[3, 100, 101, 250, 479]));
}

/// Real traffic: TCP in and out of order, fragments, many flows.
#[test]
fn real_traffic_survives_restarts() {
    for folder in folders("benign") {
        survives_restarts(&folder);
    }
}

fn survives_restarts(captures: &Path) {
    let mut paths: Vec<_> = fs::read_dir(captures)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    paths.sort();
    paths.truncate(40);
    let (inputs, _) = wormsift_capture::inputs(&paths);
    let mut trace = wormsift_capture::Trace::open(inputs);
    let mut config = small();
    config.sampling = "4".parse().unwrap();
    (config.sources, config.destinations) = (2, 2);
    let folder = Folder::new("captures");
    let path = folder.0.join("state");
    let mut whole = Sensor::new(config.clone()).unwrap();
    let mut parts = Sensor::new(config.clone()).unwrap();
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    let limits = wormsift_capture::Limits { frames: 3_000, ..Default::default() };
    while let Some(batch) = trace.next_batch(limits) {
        whole.sift(&batch);
        parts.sift(&batch);
        take(&mut whole, &mut expected);
        take(&mut parts, &mut found);
        parts.save(&path).unwrap();
        parts = Sensor::restore(config.clone(), &path).unwrap();
    }
    for (sensor, lines) in [(&mut whole, &mut expected), (&mut parts, &mut found)] {
        sensor.finish();
        take(sensor, lines);
    }
    assert!(whole.stats().stream.joined > 100);
    assert_eq!(expected, found);
}

#[test]
fn a_damaged_file_is_refused_and_says_where() {
    let folder = Folder::new("damaged");
    let path = folder.0.join("state");
    let mut sensor = Sensor::new(small()).unwrap();
    let stored = outbreak_frames(3, 3_000);
    sensor.sift(&frames(&stored)[..]);
    sensor.save(&path).unwrap();
    let good = fs::read(&path).unwrap();
    let refusal = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = Sensor::restore(small(), &path).err().expect("a refusal").to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        error
    };
    assert!(refusal(b"").contains("found the end of the file"));
    assert!(refusal(b"not a state file, but long enough").contains("a saved state"));
    let mut other = good.clone();
    other[8] = 99;
    assert!(refusal(&other).contains("format version 14, found 99"));
    // Whatever stands there, it is told in one line.
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let at = good.windows(version.len()).position(|it| it == version).unwrap();
    let mut other = good.clone();
    other[at + 1] = b'\n';
    let told = refusal(&other);
    assert!(told.contains("found 0\\n") && !told.contains('\n'), "{told}");
    for at in [40, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(refusal(&bad).contains("damaged"), "byte {at}");
        assert!(!refusal(&good[..at]).is_empty());
    }
    fs::write(&path, &good).unwrap();
    assert!(Sensor::restore(small(), &path).is_ok());
}

#[test]
fn other_settings_and_another_key_are_refused_by_name() {
    let folder = Folder::new("settings");
    let path = folder.0.join("state");
    let mut config = small();
    config.key = Some("000102030405060708090a0b0c0d0e0f".parse().unwrap());
    Sensor::new(config.clone()).unwrap().save(&path).unwrap();
    let name = |config: &Config| {
        let error = Sensor::restore(config.clone(), &path).err().map(|e| e.to_string());
        error.map(|text| text.split('`').nth(1).unwrap_or_default().to_owned())
    };
    assert_eq!(name(&config), None);
    // The saved key serves who brings none.
    assert_eq!(name(&small()), None);
    let other = |change: fn(&mut Config)| {
        let mut other = config.clone();
        change(&mut other);
        name(&other).unwrap_or_default()
    };
    assert_eq!(other(|config| config.sources = 12), "sources");
    assert_eq!(other(|config| config.memory = Size(32 << 20)), "memory");
    let key = |config: &mut Config| {
        config.key = Some("ff0102030405060708090a0b0c0d0e0f".parse().unwrap());
    };
    assert_eq!(other(key), "key");
}

#[test]
fn a_state_with_a_removed_setting_is_refused_with_what_is_there_instead() {
    let folder = Folder::new("removed");
    let path = folder.0.join("state");
    Sensor::new(small()).unwrap().save(&path).unwrap();
    let mut state = fs::read(&path).unwrap();
    let (from, to) = (br#""checksums":false"#, br#""rate":"12Gbit/s""#);
    assert_eq!(from.len(), to.len());
    let at = state.windows(from.len()).position(|bytes| bytes == from).unwrap();
    state[at..at + to.len()].copy_from_slice(to);
    let body = state.len() - 16;
    let checksum = xxhash_rust::xxh3::xxh3_128(&state[..body]);
    state[body..].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&path, &state).unwrap();
    let error = Sensor::restore(small(), &path).err().expect("a refusal").to_string();
    let path = path.display();
    let said = "removed; `memory` alone sizes the tables";
    assert_eq!(error, format!("setting `rate`: {path}: {said}"));
}

/// The keys that a run past prevalence saw, as a baseline of 1 MiB.
fn learned(config: &Config, frames: &[Frame<'_>]) -> Baseline {
    let mut baseline = Baseline::new(config, 1 << 20, 1e-6);
    let mut sensor = Sensor::new(config.clone()).unwrap();
    sensor.keep_decisions();
    sensor.sift(frames);
    for decision in sensor.decisions().iter().filter(|decision| decision.promoted) {
        baseline.learn(decision.key);
    }
    baseline
}

#[test]
fn what_was_known_to_be_good_is_known_after_a_restart() {
    let (good, worm) = (outbreak_frames(3, 8_000), outbreak_frames(4, 8_000));
    let mut config = small();
    config.sampling = "4".parse().unwrap();
    let file = learned(&config, &frames(&good)).write();
    let begin = || {
        let baseline = Baseline::read(&config, &file).unwrap();
        Sensor::with_baseline(config.clone(), baseline).unwrap()
    };
    let folder = Folder::new("baseline");
    let path = folder.0.join("state");
    // What it knows stays silent, what it does not know is found, with restarts and without.
    for (stored, found) in [(&good, false), (&worm, true)] {
        let frames = frames(stored);
        let mut whole = begin();
        let mut expected = Vec::new();
        whole.sift(&frames[..]);
        whole.finish();
        take(&mut whole, &mut expected);
        assert_eq!(!expected.is_empty(), found);

        let (mut parts, mut lines) = (begin(), Vec::new());
        for part in frames.chunks(3_000) {
            parts.sift(part);
            take(&mut parts, &mut lines);
            parts.save(&path).unwrap();
            parts = Sensor::restore(config.clone(), &path).unwrap();
        }
        parts.finish();
        take(&mut parts, &mut lines);
        assert_eq!(lines, expected);
        assert_eq!(parts.stats(), whole.stats());
        assert!(parts.stats().content.known_good > 0);
        assert_eq!(parts.baseline().unwrap().write(), file);
    }
}

#[test]
fn a_learning_period_goes_on_after_a_restart() {
    let stored = outbreak_frames(3, 8_000);
    let frames = frames(&stored);
    let mut config = small();
    config.learning_period = "1d".parse().unwrap();
    let mut whole = Sensor::new(config.clone()).unwrap();
    whole.sift(&frames[..]);
    let folder = Folder::new("learning");
    let path = folder.0.join("state");
    let mut parts = Sensor::new(config.clone()).unwrap();
    // Before the first packet, too.
    for part in [&frames[..0], &frames[..3_000], &frames[3_000..]] {
        parts.sift(part);
        parts.save(&path).unwrap();
        parts = Sensor::restore(config.clone(), &path).unwrap();
    }
    assert!(whole.stats().content.learned > 0);
    assert_eq!(parts.stats(), whole.stats());
    let known = |sensor: &Sensor| sensor.baseline().unwrap().write();
    assert_eq!(known(&parts), known(&whole));
}

#[test]
fn the_file_is_put_in_place_whole_and_for_its_owner_only() {
    let folder = Folder::new("whole");
    let path = folder.0.join("state");
    fs::write(folder.0.join("state.new"), "left over").unwrap();
    let mut sensor = Sensor::new(small()).unwrap();
    sensor.save(&path).unwrap();
    sensor.save(&path).unwrap();
    let names: Vec<_> =
        fs::read_dir(&folder.0).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["state"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let missing = folder.0.join("no such folder").join("state");
    assert!(sensor.save(&missing).unwrap_err().to_string().contains("no such folder"));
}
