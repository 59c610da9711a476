//! What is told at the end of a run.

use crate::reader::Progress;
use crate::selection::SelectionCounts;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use wormsift::Stats;
use wormsift_capture::CaptureCounters;
use wormsift_export::json_lines;
#[cfg(feature = "schema")]
use wormsift_export::json_lines::schema::StatsSchema;
use wormsift_export::mute::MutedCounts;
use wormsift_export::text::counted;

/// At the end of `detect`: counters since the start, gauges, the choice of frames, and the
/// run. For the same frames and settings, all but `run` is the same.
#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "stats_of_detect")
)]
#[allow(
    missing_docs,
    reason = "each type says what it is, and the schema copies these texts"
)]
pub struct FinalStats {
    #[serde(flatten, serialize_with = "sorted")]
    #[cfg_attr(feature = "schema", schemars(with = "StatsSchema"))]
    pub engine: Stats,
    pub selection: SelectionCounts,
    #[serde(with = "MutedCounters")]
    #[cfg_attr(feature = "schema", schemars(with = "MutedCounters"))]
    pub muted_counters: MutedCounts,
    pub run: Run,
}

// How `MutedCounts` are written.
/// Findings that are muted by the file of --mute, each counted once.
#[derive(Serialize)]
#[serde(remote = "MutedCounts")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "muted_counters")
)]
pub struct MutedCounters {
    #[serde(rename = "muted_signatures")]
    signatures: u64,
    #[serde(rename = "muted_incidents")]
    incidents: u64,
}

/// The process: what may differ from run to run.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "run"))]
#[allow(missing_docs, reason = "the schema copies these texts")]
pub struct Run {
    /// The sampling kernel.
    pub kernel: &'static str,
    pub threads: usize,
    #[serde(with = "Files")]
    #[cfg_attr(feature = "schema", schemars(with = "Files"))]
    pub input: CaptureCounters,
    /// Files in folders, and matches of patterns, that are no captures.
    pub skipped_files: u64,
    /// Arguments that stand for nothing.
    pub missing_inputs: u64,
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub seconds: f64,
    /// The number of the signal that ended it; missing without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "i32"))]
    pub stopped_by: Option<i32>,
}

// How `CaptureCounters` are written.
/// What was read: it depends on how a capture is cut into files.
#[derive(Serialize)]
#[serde(remote = "CaptureCounters")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "input"))]
struct Files {
    files: u64,
    damaged_files: u64,
    defects: u64,
    frames: u64,
    bytes: u64,
    skipped_blocks: u64,
    frames_without_interface: u64,
    frames_without_time: u64,
    /// Packets that are earlier than the packet before them in their file.
    frames_back: u64,
    clamped_times: u64,
}

/// What a run knows of itself, beside what it reads and finds.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// The sampling kernel.
    pub kernel: &'static str,
    /// Threads that sifted.
    pub threads: usize,
    /// Files in folders, and matches of patterns, that are no captures.
    pub skipped_files: u64,
    /// Lines of damage that were told: one for each damaged file, and for each argument that
    /// stands for nothing.
    pub told: u64,
    /// How long it took.
    pub seconds: f64,
    /// The number of the signal that ended it.
    pub stopped_by: Option<i32>,
}

impl FinalStats {
    /// All that is told at the end.
    pub fn new(
        engine: Stats,
        progress: &Progress,
        muted_counters: MutedCounts,
        process: Process,
    ) -> Self {
        let Process { kernel, threads, skipped_files, told, seconds, stopped_by } =
            process;
        Self {
            engine,
            selection: progress.selection,
            muted_counters,
            run: Run {
                kernel,
                threads,
                input: progress.capture,
                skipped_files,
                missing_inputs: told.saturating_sub(progress.capture.damaged_files),
                seconds,
                stopped_by,
            },
        }
    }

    /// Frames that were read.
    pub fn frames(&self) -> u64 {
        self.run.input.frames
    }

    /// Files that were read.
    pub fn files(&self) -> u64 {
        self.run.input.files
    }

    /// Frames that were sifted.
    pub fn selected(&self) -> u64 {
        self.selection.selected
    }

    /// All of it as a JSON line, without the line feed.
    pub fn line(&self) -> String {
        // Plain structs of numbers: there is nothing that could fail.
        json_lines::line("stats", self).unwrap_or_default()
    }

    /// Why there was nothing to sift, if so.
    pub fn nothing_to_sift(&self) -> Option<String> {
        let frames = self.run.input.frames;
        let decoded = self.engine.packets.packets;
        if decoded > 0 {
            None
        } else if frames == 0 {
            Some("there was no packet in the input".to_owned())
        } else if self.selection.selected == 0 {
            Some(format!("none of {} was selected", counted(frames, "packet")))
        } else {
            let selected = self.selection.selected;
            Some(format!("none of {} could be decoded", counted(selected, "packet")))
        }
    }
}

/// Statistics as names and values, in alphabetical order: for output in which a name is
/// data.
pub fn by_name(statistics: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(statistics) {
        Ok(Value::Object(values)) => values,
        // Plain structs of numbers: there is nothing that could fail.
        _ => Map::new(),
    }
}

/// Serialises statistics in the order of [`by_name`].
pub fn sorted<S: Serializer>(
    statistics: &impl Serialize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    by_name(statistics).serialize(serializer)
}
