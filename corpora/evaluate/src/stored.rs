//! The frames of a run in memory, with the truth about them.

use crate::error::EvaluateError;
use std::fs;
use std::path::Path;
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift_capture::{Limits, Trace};
use wormsift_corpora::{GroundTruth, Scenario};

/// Frames in memory: a run sifts them several times.
pub(crate) struct Stored {
    frames: Vec<One>,
}

struct One {
    time_ns: u64,
    link: LinkType,
    original_len: u32,
    tap: u16,
    data: Vec<u8>,
}

impl Stored {
    /// The frames of a generated story, and the truth about them.
    pub(crate) fn of(scenario: &Scenario) -> Result<(Self, GroundTruth), EvaluateError> {
        let trace = scenario.stream()?.into_trace();
        let frames = trace.frames.into_iter().map(|(time_ns, data)| One {
            time_ns,
            link: LinkType::ETHERNET,
            original_len: data.len() as u32,
            tap: 0,
            data,
        });
        Ok((Self { frames: frames.collect() }, trace.truth))
    }

    /// All frames of these files, one trace.
    pub(crate) fn read(files: &[String]) -> Result<Self, EvaluateError> {
        let (inputs, missing) = wormsift_capture::inputs(files);
        if let Some(missing) = missing.into_iter().next() {
            return Err(missing.into());
        }
        let mut trace = Trace::open(inputs);
        let mut frames = Vec::new();
        while let Some(batch) = trace.next_batch(Limits::default()) {
            frames.extend(batch.frames().map(|frame| One {
                time_ns: frame.time.as_nanos(),
                link: frame.link,
                original_len: frame.original_len,
                tap: frame.tap,
                data: frame.data.to_vec(),
            }));
        }
        Ok(Self { frames })
    }

    /// The frames as the engine takes them, numbered from 1.
    pub(crate) fn frames(&self) -> Vec<Frame<'_>> {
        let numbered = self.frames.iter().zip(1..);
        numbered
            .map(|(one, number)| Frame {
                number,
                time: Timestamp::from_nanos(one.time_ns),
                link: one.link,
                original_len: one.original_len,
                tap: one.tap,
                data: &one.data,
            })
            .collect()
    }

    /// How many frames there are.
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// A hash of times and bytes.
    pub(crate) fn hash(&self) -> String {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        for one in &self.frames {
            hash.update(&one.time_ns.to_le_bytes());
            hash.update(&one.data);
        }
        format!("{:016x}", hash.digest())
    }

    /// What the truth file says: without one, that there is nothing to find.
    pub(crate) fn truth(
        &self,
        file: Option<&Path>,
    ) -> Result<GroundTruth, EvaluateError> {
        if let Some(path) = file {
            return read_truth(path);
        }
        let times = |end: Option<&One>| end.map_or(0, |one| one.time_ns);
        Ok(GroundTruth {
            packets: self.frames.len() as u64,
            first_packet_ns: times(self.frames.first()),
            last_packet_ns: times(self.frames.last()),
            ..GroundTruth::default()
        })
    }
}

/// Reads a truth file.
pub(crate) fn read_truth(path: &Path) -> Result<GroundTruth, EvaluateError> {
    let text = fs::read_to_string(path).map_err(EvaluateError::io(path))?;
    GroundTruth::from_json(&text).map_err(EvaluateError::json(path))
}
