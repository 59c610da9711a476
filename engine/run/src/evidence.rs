//! The packets that show a signature, as a capture.
//!
//! When a content alarms, its packets are long gone. So the captures are read again, and
//! the packets that signatures name, the first one and the samples, are copied out: a person can then look at
//! them with a protocol analyser.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use wormsift::signature::Signature;
use wormsift_capture::{Input, Limits, Trace};
use wormsift_corpora::{CaptureFile, CapturedFrame, FrameWriter};

/// Copies the first and the sampled packets of `signatures` out of `inputs` to a new capture, and
/// says how many there are. Of a datagram that came in fragments it is the last one. It ends
/// early once `stops` says so.
///
/// # Errors
///
/// When the capture cannot be written; then there is none.
pub fn write<'a>(
    path: &Path,
    inputs: Vec<Input>,
    signatures: impl IntoIterator<Item = &'a Signature>,
    stops: impl Fn() -> bool,
) -> io::Result<usize> {
    let wanted: BTreeSet<u64> = signatures
        .into_iter()
        .flat_map(|signature| {
            let first = signature.first_sighting.map(|first| first.packet);
            first.into_iter().chain(signature.samples.iter().map(|sample| sample.packet))
        })
        .collect();
    copy(path, inputs, &wanted, stops).inspect_err(|_| {
        // A part of it would look like all of it.
        let _ = std::fs::remove_file(path);
    })
}

fn copy(
    path: &Path,
    inputs: Vec<Input>,
    wanted: &BTreeSet<u64>,
    stops: impl Fn() -> bool,
) -> io::Result<usize> {
    let mut file = CaptureFile::create(path, CaptureFile::DEFAULT_LEVEL)?;
    // What is damaged has been told when it was read first.
    let mut trace = Trace::open(inputs);
    let mut copied = 0;
    while copied < wanted.len()
        && !stops()
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
