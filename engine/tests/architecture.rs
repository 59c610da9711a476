//! Holds the dependencies between packages and modules: reads the manifests, and the
//! `use` lines and paths of every file.

use crate::common::source_files::{code, rust_files};
use std::fs;
use std::path::{Path, PathBuf};

/// A module of the engine, and the others that it may name beside `packet`, `error`,
/// `time`, `state`, `pages`, `counters` and itself.
const MODULES: &[(&str, &[&str])] = &[
    ("packet", &[]),
    ("error", &[]),
    ("time", &[]),
    ("state", &[]),
    ("pages", &[]),
    ("counters", &["state"]),
    ("config", &["fingerprint"]),
    ("decode", &[]),
    ("stream", &[]),
    ("fingerprint", &[]),
    ("sketch", &[]),
    ("detect", &["sketch"]),
    ("dark", &["detect", "sketch"]),
    ("signature", &["detect", "sketch"]),
    (
        "pipeline",
        &[
            "config",
            "dark",
            "decode",
            "stream",
            "fingerprint",
            "detect",
            "signature",
            "sketch",
        ],
    ),
];

/// Modules that may not even name a packet.
const WITHOUT_PACKETS: &[&str] = &["fingerprint", "sketch"];

/// The library's packages, as folders below `engine`, with what each links: its
/// dependencies that are no part of the project, and those that are.
const PACKAGES: &[(&str, &[&str], &[&str])] = &[
    (
        ".",
        &[
            "aho-corasick",
            "bloomfilter",
            "bytemuck",
            "ipnet",
            "jiff",
            "memchr",
            "memmap2",
            "rayon",
            "serde",
            "serde_json",
            "strsim",
            "toml",
            "xxhash-rust",
        ],
        &[],
    ),
    (
        "capture",
        &["flate2", "glob", "libc", "pcap", "pcap-parser", "zstd"],
        &["wormsift"],
    ),
    (
        "cluster",
        &[
            "async-nats",
            "futures-util",
            "rayon",
            "serde",
            "serde_json",
            "timely",
            "tokio",
            "xxhash-rust",
        ],
        &["wormsift"],
    ),
    (
        "export",
        &[
            "aho-corasick",
            "jiff",
            "maud",
            "schemars",
            "serde",
            "serde_json",
            "uuid",
            "xxhash-rust",
        ],
        &["wormsift"],
    ),
    (
        "run",
        &["rayon", "schemars", "serde", "serde_json"],
        &["wormsift", "wormsift-capture", "wormsift-corpora", "wormsift-export"],
    ),
];

/// Crates that only some modules of the engine may name.
const RESERVED: &[(&str, &[&str])] = &[
    ("memmap2", &["pages"]),
    ("bloomfilter", &["sketch"]),
    ("rayon", &["pipeline"]),
    ("toml", &["config"]),
    ("aho_corasick", &["signature"]),
];

/// Every source file of a package with its module and its code; files of tests are left
/// out.
fn sources(package: &str) -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(package).join("src");
    let found: Vec<_> = rust_files(&root)
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(&root).expect("below src").to_owned();
            let first =
                inside.iter().next().expect("a name").to_string_lossy().into_owned();
            let module = first.trim_end_matches(".rs").to_owned();
            let tests =
                inside.iter().any(|part| part.to_string_lossy().starts_with("tests"));
            let code = code(&path);
            (module != "lib" && !tests).then_some((path, module, code))
        })
        .collect();
    assert!(!found.is_empty(), "no sources of {package}");
    found
}

/// Every source file of all packages, with its code.
fn all_sources() -> Vec<(PathBuf, String)> {
    let code = |(package, ..): &(&str, _, _)| sources(package);
    PACKAGES.iter().flat_map(code).map(|(path, _, code)| (path, code)).collect()
}

fn names(code: &str, word: &str) -> bool {
    let bounded = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(at, _)| {
        bounded(code[..at].chars().next_back())
            && bounded(code[at + word.len()..].chars().next())
    })
}

#[test]
fn each_module_names_only_those_it_may() {
    let mut breaches = Vec::new();
    for (path, module, code) in sources(".") {
        let (_, allowed) =
            MODULES.iter().find(|(name, _)| *name == module).unwrap_or_else(|| {
                panic!("{}: a module without a line in MODULES", path.display())
            });
        for (other, _) in MODULES {
            let free = ["time", "state", "pages", "counters"].contains(other)
                || !WITHOUT_PACKETS.contains(&module.as_str())
                    && ["packet", "error"].contains(other);
            if *other == module || allowed.contains(other) || free {
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
fn reserved_crates_stay_in_their_modules() {
    let mut breaches = Vec::new();
    for (path, module, code) in sources(".") {
        for (name, homes) in RESERVED {
            if names(&code, name) && !homes.contains(&module.as_str()) {
                breaches.push(format!("{} names {name}", path.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn the_library_reads_no_clock_prints_nothing_and_opens_no_socket() {
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
    for (path, code) in all_sources() {
        // What talks over a network waits and repeats itself; no finding depends on it.
        let path_text = path.to_string_lossy().replace('\\', "/");
        let of = |modules: &[&str]| {
            modules.iter().any(|it| path_text.contains(&format!("/cluster/src/{it}")))
        };
        let waits = of(&["jetstream/", "join/", "dataflow/network.rs"]);
        let connects = of(&["dataflow/network.rs"]);
        let is_allowed = |word: &&&str| match **word {
            "Instant" | "SystemTime" => waits,
            "TcpStream" => connects,
            _ => false,
        };
        for word in forbidden.iter().filter(|word| !is_allowed(word)) {
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
    for (path, code) in all_sources() {
        let path = path.to_string_lossy().replace('\\', "/");
        let home =
            path.contains("/fingerprint/arch/") || path.contains("/capture/src/live/");
        // A word of content security policies.
        let code = code.replace("unsafe-inline", "");
        if !home && names(&code, "unsafe") {
            breaches.push(path);
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

/// The dependencies of a manifest, by their names, without those for tests.
fn dependencies(package: &Path) -> Vec<String> {
    let text = fs::read_to_string(package.join("Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = toml::from_str(&text).expect("TOML");
    let tables = [
        manifest.get("dependencies"),
        manifest
            .get("target")
            .and_then(|all| all.get("cfg(target_os = \"linux\")")?.get("dependencies")),
    ];
    let keys = tables.into_iter().flatten().filter_map(toml::Value::as_table);
    keys.flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn packages_link_what_they_are_said_to_link() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (package, foreign, own) in PACKAGES {
        let mut found = dependencies(&engine.join(package));
        found.sort_unstable();
        let mut expected = [*foreign, *own].concat();
        expected.sort_unstable();
        assert_eq!(found, expected, "{package}");
    }
    // Generators know nothing of what is tested with them.
    let corpora = dependencies(&engine.join("../corpora"));
    assert!(!corpora.iter().any(|name| name.contains("wormsift")), "{corpora:?}");
}
