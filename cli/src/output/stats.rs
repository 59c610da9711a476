//! What is told at the end of a run.

use crate::input::selection::SelectionCounts;
use crate::output::table::section;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use wormsift::Stats;
use wormsift_capture::CaptureCounters;
#[cfg(test)]
use wormsift_export::json_lines::schema::StatsSchema;
use wormsift_export::mute::MutedCounts;
use wormsift_export::text::counted;

/// At the end of `detect`: counters since the start, gauges, the choice of frames, and the
/// run. For the same frames and settings, all but `run` is the same.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "stats_of_detect"))]
pub(crate) struct FinalStats {
    #[serde(flatten, serialize_with = "sorted")]
    #[cfg_attr(test, schemars(with = "StatsSchema"))]
    pub(crate) engine: Stats,
    pub(crate) selection: SelectionCounts,
    #[serde(with = "MutedCounters")]
    #[cfg_attr(test, schemars(with = "MutedCounters"))]
    pub(crate) muted_counters: MutedCounts,
    pub(crate) run: Run,
}

// How `MutedCounts` are written.
/// Findings that are muted by the file of --mute, each counted once.
#[derive(Serialize)]
#[serde(remote = "MutedCounts")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "muted_counters"))]
pub(crate) struct MutedCounters {
    #[serde(rename = "muted_signatures")]
    signatures: u64,
    #[serde(rename = "muted_incidents")]
    incidents: u64,
}

/// The process: what may differ from run to run.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "run"))]
pub(crate) struct Run {
    /// The sampling kernel.
    pub(crate) kernel: &'static str,
    pub(crate) threads: usize,
    #[serde(with = "Files")]
    #[cfg_attr(test, schemars(with = "Files"))]
    pub(crate) input: CaptureCounters,
    /// Files in folders, and matches of patterns, that are no captures.
    pub(crate) skipped_files: u64,
    /// Arguments that stand for nothing.
    pub(crate) missing_inputs: u64,
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub(crate) seconds: f64,
    /// The number of the signal that ended it; missing without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "i32"))]
    pub(crate) stopped_by: Option<i32>,
}

// How `CaptureCounters` are written.
/// What was read: it depends on how a capture is cut into files.
#[derive(Serialize)]
#[serde(remote = "CaptureCounters")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "input"))]
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

impl FinalStats {
    /// Frames that were read.
    pub(crate) fn frames(&self) -> u64 {
        self.run.input.frames
    }

    /// Files that were read.
    pub(crate) fn files(&self) -> u64 {
        self.run.input.files
    }

    /// Frames that were sifted.
    pub(crate) fn selected(&self) -> u64 {
        self.selection.selected
    }

    /// Why there was nothing to sift, if so.
    pub(crate) fn nothing_to_sift(&self) -> Option<String> {
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

    /// Section by section, a value a line.
    pub(crate) fn for_people(&self) -> String {
        let mut text = engine_for_people(&self.engine);
        object(&mut text, "selection", &by_name(&self.selection));
        let MutedCounts { signatures, incidents } = self.muted_counters;
        section(
            &mut text,
            "muted",
            [("signatures", signatures), ("incidents", incidents)],
        );
        object(&mut text, "run", &by_name(&self.run));
        text.truncate(text.trim_end().len());
        text
    }
}

/// What a sensor has counted, section by section.
pub(crate) fn engine_for_people(engine: &Stats) -> String {
    let mut text = String::new();
    for (heading, values) in by_name(engine) {
        if let Value::Object(values) = values {
            object(&mut text, &heading, &values);
        }
    }
    for tap in &engine.taps {
        object(&mut text, &format!("tap {}", tap.tap), &by_name(&tap.counters));
    }
    text
}

/// Statistics as names and values, in alphabetical order: for output in which a name is
/// data.
pub(crate) fn by_name(statistics: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(statistics) {
        Ok(Value::Object(values)) => values,
        // Plain structs of numbers: there is nothing that could fail.
        _ => Map::new(),
    }
}

/// Serialises statistics in the order of [`by_name`].
pub(crate) fn sorted<S: Serializer>(
    statistics: &impl Serialize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    by_name(statistics).serialize(serializer)
}

/// A section of the plain values, then one for each object among them.
pub(crate) fn object(text: &mut String, heading: &str, values: &Map<String, Value>) {
    let plain = values.iter().filter(|(_, value)| !value.is_object());
    section(
        text,
        heading,
        plain.map(|(name, value)| {
            (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        }),
    );
    for (name, value) in values {
        if let Value::Object(inner) = value {
            object(text, &format!("{heading}: {name}"), inner);
        }
    }
}
