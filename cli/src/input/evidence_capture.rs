//! The packets that show a signature, as a capture: `--write-evidence`.
//!
//! When a content alarms, its packets are long gone. So the captures are read again, and
//! the packets that signatures name, the first one and the samples, are copied out: a person can then look at
//! them with a protocol analyser.

use crate::input::inputs::Source;
use crate::input::signals::Signals;
use crate::output::exit_code::Failure;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use wormsift::signature::Signature;
use wormsift_capture::{Limits, Trace};
use wormsift_corpora::{CaptureFile, CapturedFrame, FrameWriter};

/// Refuses what cannot be read twice.
pub(crate) fn check(sources: &[Source]) -> Result<(), Failure> {
    match sources.iter().any(|source| source.arguments.iter().any(|it| it == "-")) {
        true => Err(Failure::usage(
            "--write-evidence reads the captures a second time: expected files, found `-`",
        )),
        false => Ok(()),
    }
}

/// Copies the first and the sampled packets of `signatures` to a new capture, and says how many there
/// are. Of a datagram that came in fragments it is the last one.
pub(crate) fn write(
    path: &Path,
    sources: &[Source],
    signatures: &[Signature],
    signals: &Signals,
) -> Result<usize, Failure> {
    let wanted: BTreeSet<u64> = signatures
        .iter()
        .flat_map(|signature| {
            let first = signature.first_sighting.map(|first| first.packet);
            first.into_iter().chain(signature.samples.iter().map(|sample| sample.packet))
        })
        .collect();
    copy(path, sources, &wanted, signals).map_err(|error| {
        // A part of it would look like all of it.
        let _ = std::fs::remove_file(path);
        Failure::of(path.display(), error)
    })
}

fn copy(
    path: &Path,
    sources: &[Source],
    wanted: &BTreeSet<u64>,
    signals: &Signals,
) -> io::Result<usize> {
    let mut file = CaptureFile::create(path, CaptureFile::DEFAULT_LEVEL)?;
    // What is damaged has been told when it was read first.
    let inputs = sources.iter().flat_map(|it| wormsift_capture::inputs(&it.arguments).0);
    let mut trace = Trace::open(inputs.collect());
    let mut copied = 0;
    while copied < wanted.len()
        && signals.caught().is_none()
        && let Some(batch) = trace.next_batch(Limits::default())
    {
        for frame in batch.frames().filter(|frame| wanted.contains(&frame.number)) {
            file.write_captured(&CapturedFrame {
                time_ns: frame.time.as_nanos(),
                link_type: frame.link.0,
                original_length: frame.original_len,
                bytes: frame.data,
            })?;
            copied += 1;
        }
    }
    file.finish()?;
    Ok(copied)
}
