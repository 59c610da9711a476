//! Manifests are read as their docs say, and refused with a helpful message.

use super::*;

fn read(text: &str) -> Result<Manifest, ManifestError> {
    Manifest::read(text, Path::new("corpus"))
}

/// The example at the top of this file.
fn example() -> String {
    let lines =
        include_str!("../manifest.rs").lines().skip_while(|line| *line != "//! ```toml");
    lines
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| line.trim_start_matches("//!").trim_start().to_owned() + "\n")
        .collect()
}

#[test]
fn the_example_in_the_docs_is_one() {
    let manifest = read(&example()).unwrap();
    assert_eq!(manifest.names, ["mail", "cdn-certificates"]);
    let beside = |name: &str| Path::new("corpus").join(name);
    assert_eq!(
        manifest.labelled,
        [
            (beside("injected.pcapng.zst").display().to_string(), None),
            (beside("day.pcap").display().to_string(), Some(beside("answers.json"))),
        ]
    );
    assert_eq!(manifest.clean, [beside("office.pcap").display().to_string()]);
    let told = &manifest.told[0];
    assert_eq!((&*told.name, told.seeds), ("outbreak", Some(5)));
    assert_eq!(told.settings, "destinations = 10\nsources = 10");
    assert_eq!(told.changed, "background_hosts=20 until_infected=40");
    assert_eq!(told.options.until_infected, Some(40));
    assert_eq!(told.expect, ["fires", "open"]);
}

#[test]
fn every_option_is_taken() {
    let told = read(
        "[[scenario]]\nname = \"outbreak\"\n[scenario.options]\nduration = \"5m\"\n\
         packets = 9\nuntil_infected = 8\nbackground_hosts = 7\nbackground_rate = 0.5\n\
         vulnerable_hosts = 60\nscan_rate = 2\nsees_all = true\ncarriage = \"tcp:500,ipv6\"\nworm = false",
    )
    .unwrap()
    .told
    .remove(0);
    let it = told.options;
    assert_eq!(it.duration, Some(std::time::Duration::from_secs(300)));
    assert_eq!((it.packets, it.until_infected), (Some(9), Some(8)));
    assert_eq!((it.background_hosts, it.background_rate), (Some(7), Some(0.5)));
    assert_eq!((it.vulnerable_hosts, it.scan_rate), (Some(60), Some(2.0)));
    assert_eq!(it.carriage, "tcp:500,ipv6".parse().unwrap());
    assert!(!it.worm && it.sees_all);
}

#[test]
fn what_is_wrong_is_named() {
    for (text, said) in [
        ("seedz = 2", "`seedz`: no such key in the manifest; did you mean `seeds`?"),
        ("heldout = []", "did you mean `held_out`?"),
        ("seeds = \"many\"", "the manifest: `seeds`: invalid type"),
        ("seeds = 0", "seeds: expected 1 or more"),
        ("title = \"x\"\nseeds = = 2", "line 2: "),
        ("[[scenario]]\nname = \"mail\"\nseed = 2", "in scenario; did you mean `seeds`?"),
        ("[[scenario]]\nseeds = 2", "scenario: missing field `name`"),
        (
            "[[scenario]]\nname = \"mail\"\noptions = { packet = 2 }",
            "in options; did you mean `packets`?",
        ),
        (
            "[[scenario]]\nname = \"mail\"\nexpect = { dispersion = \"loud\" }",
            "expected fires, silent or open, found \"loud\"",
        ),
        ("labelled = [{ capture = \"a\", thruth = \"b\" }]", "did you mean `truth`?"),
        ("labelled = [{ truth = \"b\" }]", "labelled: missing field `capture`"),
        ("labelled = [3]", "expected a name or { capture, truth }, found 3"),
    ] {
        let found = read(text).unwrap_err().to_string();
        assert!(found.contains(said), "{text:?}: {found}");
    }
}
