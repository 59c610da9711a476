//! `wormsift generate`: a capture with known answers, and the answers.
//!
//! A story by itself is told here; one laid into captures in `inject`; captures that
//! become one in `merge`.

mod frames;
mod hosts;
mod inject;
mod key;
mod merge;
mod written;

use crate::args::GenerateArgs;
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::output_file::OutputFiles;
use crate::output::talk::Talk;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};
use wormsift_corpora::body::{Body, Piece};
use wormsift_corpora::frame_builder::MAX_PAYLOAD;
use wormsift_corpora::{
    CaptureFile, CorpusError, Cut, FrameInfo, FrameStream, FrameWriter, GenerateOptions,
    GroundTruth, Scenario, TapFiles,
};
use wormsift_export::text::counted;
pub(crate) use written::Written;

/// How often the bar moves.
const PACKETS_A_MOVE: u64 = 1_024;

pub(super) fn run(args: &GenerateArgs, talk: &mut Talk) -> Result<Exit, Failure> {
    let Some(name) = &args.scenario else { return merge::run(args, talk) };
    let truth_path = args
        .story
        .truth
        .clone()
        .unwrap_or_else(|| wormsift_corpora::truth_beside(&args.output));
    if truth_path == args.output {
        return Err(Failure::usage("the capture and its truth need two files"));
    }
    let cut = Scenario::named(name, args.seed).map_err(Failure::usage)?.cut();
    let captures = match &cut {
        Some(cut) => TapFiles::paths(&args.output, cut),
        None => vec![args.output.clone()],
    };
    let mut outputs = OutputFiles::default();
    for capture in &captures {
        outputs.add("--output", Some(capture.as_path()));
    }
    outputs.add("--truth", Some(truth_path.as_path())).check([])?;
    let story = Story { name, args, cut, options: options(args)? };
    story.check_payload()?;
    let (truth, packets, exit) = match (&args.into.into[..], cut) {
        ([], _) => story.tell(talk)?,
        (_, None) => {
            let (truth, exit) = inject::run(&story, talk)?;
            let packets = vec![truth.packets];
            (truth, packets, exit)
        }
        (_, Some(_)) => {
            let reason = format!("--into: several taps see the scenario {name}");
            return Err(Failure::usage(reason));
        }
    };
    talk.end_progress();
    let failed = |error: &dyn std::fmt::Display| Failure::of(truth_path.display(), error);
    let json = truth.to_json().map_err(|error| failed(&error))?;
    fs::write(&truth_path, json).map_err(|error| failed(&error))?;
    let names: Vec<_> = captures.iter().map(|it| it.display().to_string()).collect();
    talk.detail(format_args!(
        "{}: {}, {} infected; truth: {}",
        names.join(", "),
        counted(truth.packets, "packet"),
        counted(truth.infections.len() as u64, "host"),
        truth_path.display()
    ));
    if args.json {
        for (capture, packets) in captures.iter().zip(packets) {
            Written::file(capture, packets)?.print()?;
        }
    }
    Ok(exit)
}

/// A scenario as it was asked for.
struct Story<'a> {
    name: &'a str,
    cut: Option<Cut>,
    args: &'a GenerateArgs,
    options: GenerateOptions,
}

impl Story<'_> {
    /// Starts it with these options in place of its own.
    fn stream(&self, options: GenerateOptions) -> Result<FrameStream, Failure> {
        Scenario::named(self.name, self.args.seed)
            .and_then(|scenario| scenario.options(options).stream())
            .map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &CorpusError) -> Failure {
        match (error, &self.args.story.payload) {
            (CorpusError::Setting { name: "body", expected }, Some(path)) => {
                let length = self.options.body.as_ref().map_or(0, Body::length) as u64;
                // The length is what is wrong, or that there is a body at all.
                let found = if expected.starts_with("a body of") {
                    format!(", found {}", counted(length, "byte"))
                } else {
                    String::new()
                };
                Failure::usage(format_args!(
                    "{}: expected {expected}{found}",
                    path.display()
                ))
            }
            _ => Failure::usage(error),
        }
    }

    /// Refuses a payload where the scenario plants something else.
    fn check_payload(&self) -> Result<(), Failure> {
        if self.options.body.is_none() {
            return Ok(());
        }
        let contents =
            |options| Ok::<_, Failure>(self.stream(options)?.into_truth().contents);
        let own = GenerateOptions { body: None, ..self.options.clone() };
        if contents(self.options.clone())? == contents(own)? {
            return Err(Failure::usage(format_args!(
                "--payload: scenario {} has a body of its own",
                self.name
            )));
        }
        Ok(())
    }

    /// The truth, and how many packets each capture has. A signal ends it early; captures and truth
    /// then hold what was told so far.
    fn tell(&self, talk: &mut Talk) -> Result<(GroundTruth, Vec<u64>, Exit), Failure> {
        let signals = Signals::new()?;
        let path = &self.args.output;
        let written = |error| Failure::of(path.display(), error);
        let mut story = self.stream(self.options.clone())?;
        let mut capture = Output::create(path, self.cut).map_err(written)?;
        talk.show_progress();
        let duration = self.options.duration;
        let length = duration.map(|length| length.as_nanos() as u64);
        let mut frame = Vec::new();
        let mut stopped_by = None;
        while let Some(stamp) = story.next_frame(&mut frame) {
            capture.write(stamp, &frame).map_err(written)?;
            if stamp.number.is_multiple_of(PACKETS_A_MOVE) {
                let elapsed = stamp.time_ns.saturating_sub(self.options.start_ns);
                let by_packets = self.options.packets.map(|most| (stamp.number, most));
                let share = by_packets.or(length.map(|length| (elapsed, length)));
                talk.progress().written(stamp.number, share);
                stopped_by = signals.caught();
                if stopped_by.is_some() {
                    break;
                }
            }
        }
        let truth = story.into_truth();
        let packets = capture.finish(truth.packets).map_err(written)?;
        Ok((truth, packets, stopped_by.map_or(Exit::Done, Exit::Signal)))
    }
}

/// The capture, or those of several taps.
enum Output {
    One(CaptureFile),
    Taps(TapFiles),
}

impl Output {
    fn create(path: &Path, cut: Option<Cut>) -> io::Result<Self> {
        let level = CaptureFile::DEFAULT_LEVEL;
        match cut {
            Some(cut) => TapFiles::create(path, cut, level).map(Self::Taps),
            None => CaptureFile::create(path, level).map(Self::One),
        }
    }

    fn write(&mut self, info: FrameInfo, frame: &[u8]) -> io::Result<()> {
        match self {
            Self::One(capture) => capture.write_frame(info.time_ns, frame),
            Self::Taps(captures) => captures.write(info, frame),
        }
    }

    /// How many packets each capture has; `all` are those of one.
    fn finish(self, all: u64) -> io::Result<Vec<u64>> {
        match self {
            Self::One(capture) => capture.finish().map(|()| vec![all]),
            Self::Taps(captures) => captures.finish(),
        }
    }
}

fn options(args: &GenerateArgs) -> Result<GenerateOptions, Failure> {
    let defaults = GenerateOptions::default();
    let story = &args.story;
    Ok(GenerateOptions {
        start_ns: story.start.map_or(defaults.start_ns, |start| start.0.as_nanos()),
        duration: story.duration.map(|span| Duration::from_nanos(span.0)),
        packets: story.packets,
        until_infected: story.until_infected,
        background_hosts: story.background_hosts,
        background_rate: story.background_rate,
        worm: !story.no_worm,
        inside: None,
        body: story.payload.as_deref().map(payload).transpose()?,
        vulnerable_hosts: story.vulnerable_hosts,
        scan_rate: story.scan_rate,
        carriage: story.carriage.clone(),
        list_carriers: !story.no_carriers,
        sees_all: story.sees_all,
        addresses: None,
    })
}

/// A body of the user's own.
fn payload(path: &Path) -> Result<Body, Failure> {
    let failed = |error| Failure::of(path.display(), error);
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > MAX_PAYLOAD as u64 {
        return Err(Failure::usage(format_args!(
            "{}: expected a body of 1 to {MAX_PAYLOAD} bytes, found {}",
            path.display(),
            counted(length, "byte")
        )));
    }
    let bytes = fs::read(path).map_err(failed)?;
    Ok(Body::new(vec![Piece::Invariant(bytes)]))
}

/// The captures behind arguments, which are not to be overwritten.
fn inputs(
    arguments: &[String],
    output: &Path,
    talk: &Talk,
) -> Result<(Vec<wormsift_capture::Input>, u64), Failure> {
    for argument in arguments {
        let found = fs::metadata(argument);
        let twice = found.is_ok_and(|found| !found.is_file() && !found.is_dir());
        if argument == "-" || twice {
            return Err(Failure::usage(format_args!(
                "{argument}: expected files or folders, found a stream, which cannot be \
                 read twice"
            )));
        }
    }
    let (inputs, damage) = wormsift_capture::inputs(arguments);
    let own = fs::canonicalize(output).ok();
    for input in inputs.iter().filter(|_| own.is_some()) {
        if fs::canonicalize(input.name()).ok() == own {
            return Err(Failure::usage(format_args!(
                "{}: the capture that is read cannot be the one that is written",
                input.name()
            )));
        }
    }
    damage.iter().for_each(|line| talk.error(line));
    Ok((inputs, damage.len() as u64))
}

/// Refuses a classic pcap for frames of several link types.
fn check_format(output: &Path, link_types: &[u32]) -> Result<(), Failure> {
    if link_types.len() < 2 || !CaptureFile::takes_one_link_type(output) {
        return Ok(());
    }
    Err(Failure::usage(format_args!(
        "{}: a classic pcap holds one link type, found {link_types:?}; name it .pcapng",
        output.display()
    )))
}

/// What programs on libpcap do not read.
fn warn_of_several(output: &Path, link_types: &[u32], talk: &Talk) {
    if link_types.len() > 1 {
        talk.warning(format_args!(
            "{}: holds {} link types, an interface each, which tcpdump and others on \
             libpcap do not read",
            output.display(),
            link_types.len()
        ));
    }
}
