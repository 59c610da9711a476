//! `generate --merge CAPTURE...`: captures from anywhere as one network's traffic.

use super::frames::{Frames, Watch};
use super::key::Key;
use super::written::Written;
use super::{check_format, inputs, warn_of_several};
use crate::args::GenerateArgs;
use crate::output::exit_code::{Exit, Failure};
use crate::output::talk::Talk;
use std::io;
use std::path::Path;
use wormsift_capture::{Input, Limits};
use wormsift_corpora::scenario::DEFAULT_START_NS;
use wormsift_corpora::{CaptureFile, CapturedFrame, FrameWriter, HeldFrame, Merge};
use wormsift_export::text::counted;

/// Half an hour.
const SPAN_NS: u64 = 1_800_000_000_000;
/// Few at once: every file that is under way holds some.
const AT_ONCE: Limits = Limits { bytes: 256 << 10, frames: 256 };
/// From the last packet of one repetition to the first of the next.
const GAP_NS: u64 = 1_000;

pub(super) fn run(args: &GenerateArgs, talk: &mut Talk) -> Result<Exit, Failure> {
    let output = &args.output;
    let written = |error| Failure::of(output.display(), error);
    let (files, missing) = inputs(&args.merge.merge, output, talk)?;
    if files.is_empty() {
        return Err(Failure::of(args.merge.merge.join(", "), "no capture there"));
    }
    let mut capture = None;
    let mut link_types = Vec::new();
    let span_ns = args.merge.span.map_or(SPAN_NS, |span| span.0);
    let mut base_ns = args.story.start.map_or(DEFAULT_START_NS, |at| at.0.as_nanos());
    let (mut packets, mut damage) = (0, missing);
    let mut altered = Vec::new();
    talk.show_progress();
    for key in (0..args.merge.repeat.unwrap_or(1)).map(|round| Key::of(round as u8)) {
        // Damage is told in the first round.
        let watch = if packets == 0 { Watch::new(talk) } else { Watch::silent(talk) };
        let files = by_name(&args.merge.merge);
        let one = |file| Frames::of(vec![file], AT_ONCE, &watch);
        let files = files.into_iter().map(one).collect();
        let mut last_ns = base_ns;
        for (time_ns, held) in Merge::new(files, base_ns, span_ns) {
            let frame = CapturedFrame { time_ns, ..held.view() };
            let frame = key.turn(frame, &mut altered);
            if !link_types.contains(&frame.link_type) {
                link_types.push(frame.link_type);
                check_format(output, &link_types)?;
            }
            let capture = match &mut capture {
                Some(capture) => capture,
                // It is begun with the first frame, whose link type a pcap has.
                none => none.insert(create(output, &link_types).map_err(written)?),
            };
            capture.write_captured(&frame).map_err(written)?;
            packets += 1;
            last_ns = time_ns;
        }
        base_ns = last_ns.saturating_add(GAP_NS);
        damage += watch.damage();
    }
    talk.end_progress();
    let Some(capture) = capture else {
        return Err(Failure::of(
            args.merge.merge.join(", "),
            "the captures hold no packet",
        ));
    };
    capture.finish().map_err(written)?;

    warn_of_several(output, &link_types, talk);
    let file = Written::file(output, packets)?;
    if args.json {
        file.print()?;
    } else {
        talk.result(format_args!(
            "{}: {}, SHA-256 {}",
            output.display(),
            counted(file.packets, "packet"),
            file.sha256
        ));
    }
    Ok(if damage > 0 { Exit::Damaged } else { Exit::Done })
}

fn create(output: &Path, link_types: &[u32]) -> io::Result<CaptureFile> {
    CaptureFile::of_link_types(output, CaptureFile::DEFAULT_LEVEL, link_types)
}

/// The inputs in the order of their names, which decides when each begins.
fn by_name(arguments: &[String]) -> Vec<Input> {
    let (mut files, _) = wormsift_capture::inputs(arguments);
    files.sort_by(|a, b| a.name().cmp(b.name()));
    files
}
