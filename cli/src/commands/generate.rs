//! `wormsift generate`: a capture with known answers, and the answers.

use crate::args::GenerateArgs;
use crate::exit_code::{Exit, Failure};
use crate::table::counted;
use crate::talk::Talk;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wormsift_corpora::{CaptureFile, CorpusError, GenerateOptions, generate};

pub(super) fn run(args: &GenerateArgs, talk: &Talk) -> Result<Exit, Failure> {
    let path = &args.output;
    let truth_path = args.truth.clone().unwrap_or_else(|| truth_beside(path));
    if truth_path == *path {
        return Err(Failure::usage("the capture and its truth need two files"));
    }
    let written = |error| Failure::of(path.display(), error);
    let mut capture =
        CaptureFile::create(path, CaptureFile::DEFAULT_LEVEL).map_err(written)?;
    let truth = generate(&args.scenario, args.seed, &options(args), &mut capture)
        .map_err(|error| match error {
            CorpusError::Io(error) => written(error),
            other => Failure::usage(other),
        })?;
    capture.finish().map_err(written)?;
    let json =
        truth.to_json().map_err(|error| Failure::of(truth_path.display(), error))?;
    fs::write(&truth_path, json)
        .map_err(|error| Failure::of(truth_path.display(), error))?;
    talk.detail(format_args!(
        "{}: {}, {} infected; truth: {}",
        path.display(),
        counted(truth.packets, "packet"),
        counted(truth.infections.len() as u64, "host"),
        truth_path.display()
    ));
    Ok(Exit::Done)
}

fn options(args: &GenerateArgs) -> GenerateOptions {
    let defaults = GenerateOptions::default();
    GenerateOptions {
        start_ns: args.start.map_or(defaults.start_ns, |start| start.0.as_nanos()),
        duration: args.duration.map(|span| Duration::from_nanos(span.0)),
        packets: args.packets,
        until_infected: args.until_infected,
        background_hosts: args.background_hosts,
        background_rate: args.background_rate,
        worm: !args.no_worm,
        inside: None,
        body: None,
        vulnerable_hosts: args.vulnerable_hosts,
        scan_rate: args.scan_rate,
        carriage: args.carriage.clone(),
        list_carriers: !args.no_carriers,
    }
}

/// `day.pcapng.zst` has its truth in `day.truth.json`.
pub(crate) fn truth_beside(capture: &Path) -> PathBuf {
    let name = capture.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".zst").unwrap_or(&name);
    let stem =
        stem.strip_suffix(".pcapng").or(stem.strip_suffix(".pcap")).unwrap_or(stem);
    capture.with_file_name(format!("{stem}.truth.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_lies_beside_the_capture() {
        for (capture, truth) in [
            ("a/day.pcapng.zst", "a/day.truth.json"),
            ("day.pcap", "day.truth.json"),
            ("day.2.pcapng", "day.2.truth.json"),
            ("day", "day.truth.json"),
        ] {
            assert_eq!(truth_beside(Path::new(capture)), Path::new(truth));
        }
    }
}
