//! What a user meets before any packet: usage, settings, completions, manual pages.

use crate::common;
use crate::common::{code, file, folder, run, stderr, stdout};

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_wrong() {
    for (arguments, said) in [
        (vec!["detect"], "<CAPTURE>"),
        (vec!["detekt"], "detect"),
        (vec!["detect", "--memory", "999TiB", "x"], "--memory: expected 16MiB to 16TiB"),
        (vec!["detect", "--sampling", "63", "x"], "power of two from 1 to 256, found 63"),
        (vec!["detect", "--memory", "64", "x"], "a number with a unit such as `256MiB`"),
        (vec!["detect", "--beta", "7", "x"], "--beta: expected 8 to 64 bytes, found 7"),
        (
            vec!["detect", "--port-rule", "any", "x"],
            "[possible values: roles, destination,",
        ),
        (
            vec!["detect", "--sources", "x", "x"],
            "a whole number of hosts from 1 to 10000",
        ),
        (vec!["detect", "--home-net", "10.0.0.1/8", "x"], "did you mean 10.0.0.0/8?"),
        (
            vec!["detect", "--rate", "1Gbit/s", "x"],
            "detect --rate: removed; `memory` alone",
        ),
        (vec!["detect", "--threads", "0", "x"], "expected 1 to "),
        (vec!["detect", "--threads", "100000", "x"], "on this machine, found 100000"),
        (
            vec!["live", "-i", "lo", "--threads", "100000"],
            "on this machine, found 100000",
        ),
        (vec!["match", "--packets", "--signatures", "x", "y"], "renamed; give --hits"),
        (vec!["learn", "--merge", "x", "-o", "y"], "renamed; give --baseline FILE"),
        (vec!["evaluate", "--json", "out.json"], "for a file give --json-file out.json"),
        (
            vec!["detect", "--report", "/nonexistent/a.html", "x"],
            "/nonexistent does not exist",
        ),
        (vec!["detect", "--rules", "/", "x"], "--rules /: is a folder"),
        (vec!["evaluate", "--csv", "/", "--scenario", "mail"], "--csv /: is a folder"),
        (vec!["generate", "outbreak", "-o", "/none/x.pcap"], "/none does not exist"),
        (vec!["detect", "--filter", "tcp and", "x"], "column 8: expected a test such as"),
        (vec!["detect", "--exclude-net", "10.0.0.1/8", "x"], "did you mean 10.0.0.0/8?"),
        (vec!["detect", "--since", "noon", "x"], "expected a time from 1970"),
        (vec!["detect", "-q", "-v", "x"], "cannot be used with"),
        (
            vec!["config", "--config", "/nonexistent.toml"],
            "/nonexistent.toml: No such file",
        ),
        (vec!["generate", "picnic", "-o", "x"], "possible values: outbreak"),
        (vec!["generate", "outbreak"], "--output <FILE>"),
        (vec!["generate", "outbreak", "--carriage", "pigeon", "-o", "x"], "pigeon"),
        (vec!["generate", "outbreak", "-o", "x", "--truth", "x"], "need two files"),
        (vec!["completions", "vi"], "possible values: bash"),
    ] {
        let output = run(&arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_data() {
    let help = run(&["detect", "--help"]);
    assert_eq!((code(&help), stderr(&help).as_str()), (0, ""));
    assert!(stdout(&help).contains("Examples:"), "{}", stdout(&help));
    assert!(!stdout(&help).contains("--no-tails"), "{}", stdout(&help));
    let version = stdout(&run(&["--version"]));
    let kernel = version
        .trim_end()
        .strip_prefix(concat!("wormsift ", env!("CARGO_PKG_VERSION"), " (kernel "))
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or_else(|| panic!("{version}"));
    assert!(["avx512", "avx2", "neon", "scalar"].contains(&kernel), "{version}");
}

#[test]
fn config_names_the_origin_of_each_value() {
    let folder = folder("config_origins");
    let settings = file(&folder, "lab.toml", b"beta = 32\nsources = 10\n");
    let key = file(&folder, "key", b"000102030405060708090a0b0c0d0e0f\n");
    let flags =
        ["--config", &settings, "--sources", "12", "--no-tails", "--key-file", &key];
    let output = run(&[&["config"][..], &flags].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let printed = stdout(&output);
    let line = |start: &str| {
        let line = printed.lines().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("{start} in {printed}"));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("beta"), format!("beta = 32 # file {settings}"));
    assert_eq!(line("sources"), "sources = 12 # flag --sources");
    assert_eq!(line("tails"), "tails = false # flag --no-tails");
    assert_eq!(line("destinations"), "destinations = 30 # default");
    assert_eq!(line("# key"), "# key: secret, not shown # flag --key-file");
    assert!(!printed.contains("0a0b0c"), "{printed}");

    let drawn = stdout(&run(&["config", "--key", "random"]));
    assert!(drawn.contains("# key: secret, not shown"), "{drawn}");

    // What is printed is a settings file.
    let again = file(&folder, "again.toml", printed.as_bytes());
    let values = |text: &str| -> Vec<String> {
        let value = |line: &str| line.split('#').next().unwrap_or("").trim().to_owned();
        text.lines().map(value).filter(|value| !value.is_empty()).collect()
    };
    let read = stdout(&run(&["config", "--config", &again]));
    assert_eq!(values(&read), values(&printed));
}

#[test]
fn a_bad_settings_file_is_wrong_usage_with_file_and_reason() {
    let folder = folder("config_errors");
    for (name, content, said) in [
        ("unknown.toml", "prevalance = 3", "did you mean `prevalence`?"),
        (
            "value.toml",
            "memory = \"many\"",
            "a number with a unit such as `256MiB`, found `many`",
        ),
        (
            "type.toml",
            "sources = \"30\"",
            "a whole number of hosts from 1 to 10000, such as 30; found the text `30`",
        ),
        ("range.toml", "beta = 65", "`beta`"),
        (
            "removed.toml",
            "rate = \"1Gbit/s\"",
            "`rate`: removed; `memory` alone sizes the tables",
        ),
        ("syntax.toml", "beta = 40\nsources = = 3", "line 2, column 11: "),
    ] {
        let path = file(&folder, name, content.as_bytes());
        let output = run(&["config", "--config", &path]);
        let talk = stderr(&output);
        assert_eq!(code(&output), 2, "{talk}");
        assert!(talk.contains(said), "{talk}");
        assert_eq!(talk.lines().count(), 1, "{talk}");
        assert!(talk.contains(name), "{talk}");
    }
    let key = file(&folder, "key", b"not a key, but a secret");
    let output = run(&["config", "--key-file", &key]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("expected 32 hex digits"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("secret"), "{}", stderr(&output));
}

#[test]
fn completions_of_every_shell_know_the_flags() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(code(&output), 0);
        let script = stdout(&output);
        assert!(script.contains("dispersion-window"), "{shell}");
        assert!(!script.contains("(kernel "), "{shell}: the same on every machine");
    }
}

#[test]
fn manual_pages_cover_every_subcommand() {
    let main = stdout(&run(&["man"]));
    assert!(main.contains(".TH wormsift 1"), "{main}");
    assert!(main.contains("relay, spread: a host that received"), "{main}");
    let folder = folder("man").join("new");
    let output = run(&["man", "--output", folder.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mut pages: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    // There is no `live` elsewhere.
    let live = pages.iter().position(|page| page == "wormsift-live.1");
    assert_eq!(
        live.map(|place| pages.remove(place)).is_some(),
        cfg!(target_os = "linux")
    );
    assert_eq!(
        pages,
        [
            "wormsift-bench.1",
            "wormsift-completions.1",
            "wormsift-config.1",
            "wormsift-detect.1",
            "wormsift-evaluate.1",
            "wormsift-explain.1",
            "wormsift-export.1",
            "wormsift-generate.1",
            "wormsift-learn.1",
            "wormsift-man.1",
            "wormsift-match.1",
            "wormsift-mute.1",
            "wormsift.1"
        ]
    );
    let detect = std::fs::read_to_string(folder.join("wormsift-detect.1")).unwrap();
    assert!(detect.contains("dispersion") && !detect.contains("kernel"), "{detect}");
    assert!(detect.contains(r"\-\-no\-tunnels") && detect.contains(r"\-\-key\-file"));
    assert!(!detect.contains(r"no\-tails") && !detect.contains(r"short\-datagrams"));
}

/// Every number that a flag or a setting takes, at values that nobody means: one clear
/// line, no panic, within seconds.
#[test]
fn no_number_brings_it_down() {
    let folder = folder("numbers");
    let capture = file(&folder, "one.pcap", &common::outbreak());
    let values = ["0", "-1", "1", "1e9", "4294967296", "18446744073709551615", "999TiB"];
    let spans = ["0s", "1ns", "999999999d", "1e300s", "213503d", "-1s"];
    let sizes = ["0B", "1B", "16MiB", "999TiB", "18446744073709551615B", "1e300GiB"];
    let flags: [(&str, &[&str]); 13] = [
        ("--beta", &values),
        (
            "--sampling",
            &["0", "1", "256", "winnow:0", "winnow:1", "winnow:18446744073709551615"],
        ),
        ("--prevalence", &values),
        ("--prevalence-window", &spans),
        ("--sources", &values),
        ("--destinations", &values),
        ("--dispersion-window", &spans),
        ("--spread", &values),
        ("--memory", &sizes),
        ("--learning-period", &spans),
        ("--v6-prefix", &values),
        ("--threads", &values),
        ("--count", &values),
    ];
    for (flag, values) in flags {
        for value in values {
            let given = format!("{flag}={value}");
            let memory = if flag == "--memory" { "--quiet" } else { "--memory=16MiB" };
            let output = run(&["detect", memory, &given, &capture]);
            let talk = stderr(&output);
            assert!([0, 2].contains(&code(&output)), "{given}: {talk}");
            assert!(!talk.contains("panicked"), "{given}: {talk}");
        }
    }
    for (command, flag, value) in [
        ("match", "--tail-memory", "999TiB"),
        ("match", "--tail-memory", "18446744073709551615B"),
        ("match", "--most-bytes", "0"),
        ("learn", "--size", "999TiB"),
        ("learn", "--size", "0B"),
        ("learn", "--sightings", "16"),
        ("learn", "--false-positive-rate", "NaN"),
        ("generate", "--scan-rate", "inf"),
        ("generate", "--scan-rate", "-1"),
        ("generate", "--background-rate", "NaN"),
        ("generate", "--background-hosts", "4294967295"),
        ("evaluate", "--seeds", "0"),
        ("evaluate", "--sweep", "sources=1..4294967295"),
        ("bench", "--passes", "0"),
    ] {
        let given = format!("{flag}={value}");
        let out = folder.join("out.pcapng");
        let out = out.to_str().unwrap();
        let rest = match command {
            "match" => vec!["--signatures", &capture, &capture],
            "learn" => vec!["-o", out, &capture],
            "generate" => vec!["outbreak", "-o", out],
            "evaluate" => vec!["--scenario", "outbreak"],
            _ => vec![&*capture],
        };
        let output = run(&[&[command, &given][..], &rest].concat());
        let talk = stderr(&output);
        assert_eq!(code(&output), 2, "{command} {given}: {talk}");
        assert!(!talk.contains("panicked"), "{command} {given}: {talk}");
    }
}
