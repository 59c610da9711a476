//! Output lines, as JSON lines or EVE.

use super::output::Output;
use crate::output::exit_code::Failure;
pub(super) use crate::output::rules::now;
use crate::output::stats::{MutedCounters, sorted};
use crate::output::stdout::json_line;
use crate::output::talk::Talk;
use serde::Serialize;
use serde_json::json;
use wormsift::Stats;
use wormsift::dark::DarkEvent;
use wormsift::signature::{DecoyReport, Finding, Incident, Wave};
use wormsift_capture::live::LiveCounters;
use wormsift_export::json_lines;
#[cfg(test)]
use wormsift_export::json_lines::schema::StatsSchema;
use wormsift_export::mute::{Muted, MutedCounts};
use wormsift_run::{SelectionCounts, Warning};

/// Writes findings, statistics and warnings.
pub(super) struct Lines {
    pub(super) output: Output,
    pub(super) form: Form,
}

/// Which lines are written.
pub(super) enum Form {
    /// The engine's own.
    Json,
    /// EVE events; alerts come from the [`Writer`](super::writer::Writer).
    Eve,
}

/// Each interval of `live`: counters since the start, gauges, what the interface gave, the
/// choice of frames, and the process.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "stats_of_live"))]
pub(crate) struct LiveStats<'a> {
    #[serde(flatten, serialize_with = "sorted")]
    #[cfg_attr(test, schemars(with = "StatsSchema"))]
    pub(super) engine: &'a Stats,
    #[serde(with = "Captured")]
    #[cfg_attr(test, schemars(with = "Captured"))]
    pub(super) capture: LiveCounters,
    pub(super) selection: SelectionCounts,
    #[serde(with = "MutedCounters")]
    #[cfg_attr(test, schemars(with = "MutedCounters"))]
    pub(super) muted_counters: MutedCounts,
    pub(super) run: LiveRun<'a>,
}

// How `LiveCounters` are written.
/// What the interface gave.
#[derive(Serialize)]
#[serde(remote = "LiveCounters")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "captured"))]
struct Captured {
    kernel_packets: u64,
    kernel_drops: u64,
    kernel_freezes: u64,
    frames: u64,
    bytes: u64,
    cut: u64,
    vlan_restored: u64,
    blocks: u64,
    merged_early: u64,
    merged_late: u64,
}

/// The process: what may differ from run to run.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "live_run"))]
pub(super) struct LiveRun<'a> {
    /// When this was written.
    pub(super) time: String,
    pub(super) interface: &'a str,
    /// The sampling kernel.
    pub(super) kernel: &'a str,
    pub(super) threads: usize,
    #[cfg_attr(test, schemars(range(min = 0)))]
    pub(super) seconds: f64,
    /// Share of the interval spent with packets.
    #[cfg_attr(test, schemars(range(min = 0, max = 1)))]
    pub(super) busy: f64,
    pub(super) resident_bytes: u64,
    pub(super) output_errors: u64,
    /// With `--eve`: signatures that wait to become alerts.
    pub(super) alerts_waiting: u64,
    /// With `--eve`: signatures that never become alerts.
    pub(super) alerts_dropped: u64,
    /// With `--rules`: signatures that the file has no place for.
    pub(super) rules_left_out: u64,
    /// The number of the signal that ended it; missing without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "i32"))]
    pub(super) stopped_by: Option<i32>,
}

impl Lines {
    /// Writes a finding, where it is one of the engine's own lines.
    pub(super) fn finding(
        &mut self,
        finding: &Finding,
        muted: Option<&Muted>,
        talk: &Talk,
    ) -> Result<(), Failure> {
        match self.form {
            Form::Json => {
                self.output.line(&json_lines::write_marked(finding, muted), talk)
            }
            Form::Eve => Ok(()),
        }
    }

    /// Writes what happened at dark addresses, where it is one of the engine's own lines.
    pub(super) fn event(
        &mut self,
        event: &DarkEvent,
        talk: &Talk,
    ) -> Result<(), Failure> {
        match self.form {
            Form::Json => self.output.line(&json_lines::write_event(event), talk),
            Form::Eve => Ok(()),
        }
    }

    /// Writes a wave, where it is one of the engine's own lines.
    pub(super) fn wave(&mut self, wave: &Wave, talk: &Talk) -> Result<(), Failure> {
        match self.form {
            Form::Json => self.output.line(&json_lines::write_wave(wave), talk),
            Form::Eve => Ok(()),
        }
    }

    /// Writes what is new of an incident, where it is one of the engine's own lines.
    pub(super) fn incident(
        &mut self,
        incident: &Incident,
        muted: Option<&Muted>,
        talk: &Talk,
    ) -> Result<(), Failure> {
        match self.form {
            Form::Json => {
                let line = json_lines::write_marked_incident(incident, muted);
                self.output.line(&line, talk)
            }
            Form::Eve => Ok(()),
        }
    }

    /// Writes what a decoy started, where it is one of the engine's own lines.
    pub(super) fn decoy(
        &mut self,
        report: &DecoyReport,
        talk: &Talk,
    ) -> Result<(), Failure> {
        match self.form {
            Form::Json => self.output.line(&json_lines::write_decoy(report), talk),
            Form::Eve => Ok(()),
        }
    }

    /// Writes lines that are ready.
    pub(super) fn text(&mut self, lines: &str, talk: &Talk) -> Result<(), Failure> {
        lines.lines().try_for_each(|line| self.output.line(line, talk))
    }

    /// Writes statistics.
    pub(super) fn stats(
        &mut self,
        stats: &LiveStats<'_>,
        talk: &Talk,
    ) -> Result<(), Failure> {
        let line = match self.form {
            Form::Json => json_line("stats", stats)?,
            Form::Eve => eve_stats(stats),
        };
        self.output.line(&line, talk)
    }

    /// Writes what the engine says about itself, which is said on stderr too.
    pub(super) fn warning(&mut self, message: &str, talk: &Talk) -> Result<(), Failure> {
        talk.warning(message);
        match self.form {
            Form::Json => {
                let line = json_line("warning", &Warning { message })?;
                self.output.line(&line, talk)
            }
            Form::Eve => Ok(()),
        }
    }
}

/// The names of Suricata where it has such figures, and all of ours under `wormsift`.
fn eve_stats(it: &LiveStats<'_>) -> String {
    let packets = &it.engine.packets;
    let time = it.run.time.get(..26).unwrap_or_default();
    json!({
        "timestamp": format!("{time}+0000"),
        "event_type": "stats",
        "stats": {
            "uptime": it.run.seconds as u64,
            "capture": {
                "kernel_packets": it.capture.kernel_packets,
                "kernel_drops": it.capture.kernel_drops,
            },
            "decoder": {
                "pkts": it.capture.frames,
                "bytes": it.capture.bytes,
                "invalid": packets.frames.saturating_sub(packets.packets),
            },
            "detect": { "alert": it.engine.signatures.signatures },
            "muted": {
                "signatures": it.muted_counters.signatures,
                "incidents": it.muted_counters.incidents,
            },
            "wormsift": it.engine,
        },
    })
    .to_string()
}
