//! A tap and a merger as processes of their own, killed with SIGKILL at any moment: this
//! program runs itself again in their roles.

use crate::common::broker::{Broker, Scratch};
use crate::common::environment::sample;
use crate::common::fleet::{Merged, Merger, PATIENCE, Tap};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROLE: &str = "WORMSIFT_TEST_ROLE";
const TAPS: [&str; 2] = ["a", "b"];
const TICKS: u64 = 400;

/// Where the broker and the files of a role are; `None` where none was started.
fn role(test: &str) -> Option<(String, PathBuf)> {
    let role = std::env::var(ROLE).ok()?;
    let (of, rest) = role.split_once(' ')?;
    let (url, folder) = rest.split_once(' ')?;
    (of == test).then(|| (url.to_owned(), folder.into()))
}

fn start(test: &str, url: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", &format!("processes::{test}"), "--ignored", "--nocapture"])
        .env(ROLE, format!("{test} {url} {}", folder.display()))
        .stdout(Stdio::null())
        .spawn()
        .expect("this test was there a moment ago")
}

#[test]
#[ignore = "a role, which another test starts"]
fn as_a_tap() {
    let Some((url, folder)) = role("as_a_tap") else { return };
    let mut taps = TAPS.map(|name| Tap::new(name, &url, &folder, TICKS));
    for tick in 1..=TICKS {
        taps.iter_mut().for_each(|tap| tap.send_to(tick));
        std::thread::sleep(Duration::from_millis(5));
    }
    for tap in &taps {
        assert!(
            tap.publisher.wait_until_covered(PATIENCE),
            "{:?}",
            tap.publisher.counters()
        );
    }
}

#[test]
#[ignore = "a role, which another test starts"]
fn as_a_merger() {
    let Some((url, folder)) = role("as_a_merger") else { return };
    let mut merger = Merger::new(&url, &folder, &TAPS, 16);
    merger.merge_to(TICKS);
    merger.checkpoint();
    let written = folder.join("merged.new");
    std::fs::write(&written, merger.merged.0.to_string()).unwrap();
    std::fs::rename(written, folder.join("merged")).unwrap();
    // Until the taps know.
    loop {
        merger.step(Duration::from_secs(1));
    }
}

/// Numbers that look random, the same in each run of a test.
fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

#[test]
fn taps_and_mergers_are_killed() {
    for seed in 0..sample(2, 10) {
        let scratch = Scratch::new(&format!("processes-{seed}"));
        let Some(mut broker) = Broker::start(scratch.path()) else { return };
        let url = broker.url();
        let mut random = random(seed);
        let mut tap = start("as_a_tap", &url, scratch.path());
        let mut merger = start("as_a_merger", &url, scratch.path());
        let mut killed = [0; 3];
        let begin = Instant::now();
        let merged = scratch.path().join("merged");
        while !merged.exists() {
            assert!(begin.elapsed() < PATIENCE, "killed {killed:?}");
            std::thread::sleep(Duration::from_millis(100 + random(400)));
            // Not for ever, so that all come to an end.
            if begin.elapsed() > Duration::from_secs(6) {
                continue;
            }
            let which = random(3) as usize;
            killed[which] += 1;
            match which {
                0 => {
                    tap.kill().unwrap();
                    tap.wait().unwrap();
                    tap = start("as_a_tap", &url, scratch.path());
                }
                1 => {
                    merger.kill().unwrap();
                    merger.wait().unwrap();
                    merger = start("as_a_merger", &url, scratch.path());
                }
                _ => {
                    broker.kill();
                    broker.restart();
                }
            }
        }
        // Every parcel is covered: the tap's own test says so.
        let ended = tap.wait().unwrap();
        merger.kill().unwrap();
        merger.wait().unwrap();
        assert!(ended.success(), "the tap's parcels are not covered; killed {killed:?}");
        let merged = std::fs::read_to_string(merged).unwrap();
        assert_eq!(merged, Merged::twin(&TAPS, TICKS).0.to_string(), "{killed:?}");
        assert!(killed.iter().sum::<u64>() > 3);
    }
}
