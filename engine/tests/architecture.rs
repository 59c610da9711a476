//! Holds the arrows between rooms: reads the `use` lines and paths of every file.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms of the engine that it may name.
/// `packet`, `error`, `state`, `pages` and itself go without saying.
const ROOMS: &[(&str, &[&str])] = &[
    ("packet", &[]),
    ("error", &[]),
    ("state", &[]),
    ("pages", &[]),
    ("config", &["fingerprint"]),
    ("capture", &[]),
    ("decode", &[]),
    ("stream", &[]),
    ("fingerprint", &[]),
    ("sketch", &[]),
    ("prevalence", &["sketch"]),
    ("dispersion", &["sketch"]),
    ("propagation", &["sketch"]),
    ("signature", &["propagation", "sketch"]),
    ("export", &["signature"]),
    ("matching", &["export", "stream"]),
    (
        "sensor",
        &[
            "config",
            "capture",
            "decode",
            "stream",
            "fingerprint",
            "prevalence",
            "dispersion",
            "propagation",
            "signature",
            "sketch",
        ],
    ),
];

/// Rooms that may not even name a packet.
const BLIND: &[&str] = &["fingerprint", "sketch"];

/// Crates that few rooms may name.
const RESERVED: &[(&str, &[&str])] = &[
    ("pcap", &["capture"]),
    ("pcap_parser", &["capture"]),
    ("memmap2", &["pages"]),
    ("flate2", &["capture"]),
    ("zstd", &["capture"]),
    ("libc", &["capture"]),
    ("etherparse", &["decode"]),
    ("bloomfilter", &["sketch"]),
    ("rayon", &["sensor"]),
    ("toml", &["config"]),
    ("aho_corasick", &["matching", "signature"]),
];

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Every source file with its room and its code: comments and tests cut away.
fn sources() -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    files
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(&root).expect("below src").to_owned();
            let first =
                inside.iter().next().expect("a name").to_string_lossy().into_owned();
            let room = first.trim_end_matches(".rs").to_owned();
            let tests =
                inside.iter().any(|part| part.to_string_lossy().starts_with("tests"));
            let text = fs::read_to_string(&path).expect("source text");
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            let code: String = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(|line| line.split(" // ").next().unwrap_or_default())
                .map(|line| format!("{line}\n"))
                .collect();
            (room != "lib" && !tests).then_some((path, room, code))
        })
        .collect()
}

fn names(code: &str, word: &str) -> bool {
    let bounded = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(at, _)| {
        bounded(code[..at].chars().next_back())
            && bounded(code[at + word.len()..].chars().next())
    })
}

#[test]
fn each_room_names_only_the_rooms_it_may() {
    let mut breaches = Vec::new();
    for (path, room, code) in sources() {
        let (_, allowed) =
            ROOMS.iter().find(|(name, _)| *name == room).unwrap_or_else(|| {
                panic!("{}: a room without a line in ROOMS", path.display())
            });
        for (other, _) in ROOMS {
            let free = ["state", "pages"].contains(other)
                || !BLIND.contains(&room.as_str()) && ["packet", "error"].contains(other);
            if *other == room || allowed.contains(other) || free {
                continue;
            }
            let grouped = code.contains("use crate::{") && names(&code, other);
            if names(&code, &format!("crate::{other}")) || grouped {
                breaches.push(format!("{} names {other}", path.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn reserved_crates_stay_in_their_room() {
    let mut breaches = Vec::new();
    for (path, room, code) in sources() {
        for (name, homes) in RESERVED {
            if names(&code, name) && !homes.contains(&room.as_str()) {
                breaches.push(format!("{} names {name}", path.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn the_engine_reads_no_clock_prints_nothing_and_opens_no_socket() {
    let forbidden = [
        "Instant",
        "SystemTime",
        "println!",
        "eprintln!",
        "print!",
        "dbg!",
        "TcpStream",
        "UdpSocket",
        "todo!",
        "unimplemented!",
    ];
    let mut breaches = Vec::new();
    for (path, _, code) in sources() {
        for word in forbidden {
            let found = match word.strip_suffix('!') {
                Some(name) => code.contains(&format!("{name}!(")) && names(&code, name),
                None => names(&code, word),
            };
            if found {
                breaches.push(format!("{} has {word}", path.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn unsafe_is_allowed_only_where_the_design_says() {
    let mut breaches = Vec::new();
    for (path, _, code) in sources() {
        let path = path.to_string_lossy().replace('\\', "/");
        let home = path.contains("/fingerprint/arch/") || path.contains("/capture/live/");
        if !home && names(&code, "unsafe") {
            breaches.push(path);
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn the_packages_depend_in_one_direction() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = |package: &str| {
        fs::read_to_string(root.join(package).join("Cargo.toml")).expect("a manifest")
    };
    assert!(!names(&manifest("corpora"), "wormsift.workspace"));
    let engine = manifest("engine");
    let (dependencies, dev) =
        engine.split_once("[dev-dependencies]").expect("two tables");
    assert!(!dependencies.contains("wormsift-corpora"));
    assert!(dev.contains("wormsift-corpora"));
}
