//! Sources of frames, and what they know of the ground truth.
//!
//! A [`Traffic`] is a stream of frames in order of time, made when asked for, so that it
//! holds only the frames of conversations under way.

mod unsolicited;

use std::net::IpAddr;

use serde_json::Value;

use crate::body::Body;
use crate::ground_truth::{IncidentTruth, Protocol};

pub(crate) use unsolicited::{
    DarkEvent, PlantedChurn, PlantedDark, PlantedDecoys, PlantedScanner, PlantedVictim,
    Tally,
};

/// What a frame is, for the ground truth. Numbers are those of the [`Traffic`] that emits
/// it, see [`Traffic::planted`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing planted.
    #[default]
    Ordinary,
    /// Bytes of a planted content.
    Content {
        /// Which content.
        content: u16,
        /// The infection that is complete with this frame.
        infects: Option<u32>,
    },
    /// Nothing planted, but counted under this number.
    Counted(u16),
}

/// One source of frames.
pub(crate) trait Traffic: Send {
    /// When the next frame crosses the tap, in nanoseconds since the epoch; `None` when
    /// there will be no more. Never less than an earlier answer.
    fn next_time(&mut self) -> Option<u64>;

    /// Puts the next frame in place of what `frame` holds; returns its time and mark.
    fn next_frame(&mut self, frame: &mut Vec<u8>) -> Option<(u64, Mark)>;

    /// When the capture ends, once that is known.
    fn ends_at(&self) -> Option<u64>;

    /// What has been planted so far.
    fn planted(&self) -> Planted;
}

/// Settings by name, for the ground truth.
pub(crate) type Parameters = Vec<(&'static str, Value)>;

/// What one [`Traffic`] adds to the ground truth.
#[derive(Clone, Debug, Default)]
pub(crate) struct Planted {
    /// The settings that made it.
    pub(crate) parameters: Parameters,
    /// Hosts that could be infected, on both sides of the tap.
    pub(crate) vulnerable_hosts: u64,
    /// Its contents, numbered as in [`Mark::Content`].
    pub(crate) contents: Vec<PlantedContent>,
    /// Its infections, numbered as in [`Mark::Content`]; also those that were under way
    /// when the capture ended.
    pub(crate) infections: Vec<PlantedInfection>,
    /// What a detector should make of what repeats.
    pub(crate) incidents: Vec<IncidentTruth>,
    /// What it sends to a dark network, numbered as in [`Mark::Counted`].
    pub(crate) dark: Option<PlantedDark>,
    /// Its decoys; the conversation that one starts has the number 0 of [`Mark::Counted`].
    pub(crate) decoys: Option<PlantedDecoys>,
    /// Its hosts that change their addresses.
    pub(crate) churn: Option<PlantedChurn>,
}

impl Planted {
    /// Nothing planted, but these settings.
    pub(crate) fn none(parameters: Parameters) -> Self {
        Self { parameters, ..Self::default() }
    }
}

/// A content that was planted.
#[derive(Clone, Debug)]
pub(crate) struct PlantedContent {
    /// What it is called among the contents of its scenario.
    pub(crate) name: &'static str,
    pub(crate) body: Body,
    pub(crate) protocol: Protocol,
    /// The port that it is sent to; `None` where that varies.
    pub(crate) destination_port: Option<u16>,
}

impl PlantedContent {
    pub(crate) fn new(
        name: &'static str,
        body: &Body,
        protocol: Protocol,
        destination_port: Option<u16>,
    ) -> Self {
        Self { name, body: body.clone(), protocol, destination_port }
    }
}

/// A host that was infected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlantedInfection {
    pub(crate) host: IpAddr,
    /// When, in nanoseconds since the epoch.
    pub(crate) time_ns: u64,
    /// By which host; `None` for those infected at the start.
    pub(crate) by: Option<IpAddr>,
    /// Whether the tap sees what infected it.
    pub(crate) seen: bool,
}
