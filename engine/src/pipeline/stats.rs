//! Counters by name: what came in, what was used, what was dropped and why.

use crate::fingerprint::Windows;
use crate::state::persist;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What the first stage counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PacketCounters {
    /// Packets decoded (datagrams put together again among them).
    pub(crate) packets: u64,
    /// Their payload bytes.
    pub(crate) payload_bytes: u64,
    /// Without payload.
    pub(crate) empty: u64,
    /// Replies, not sifted.
    pub(crate) backscatter: u64,
    /// At least beta bytes, sifted.
    pub(crate) sifted: u64,
    /// TCP segments below beta bytes: seen across seams only.
    pub(crate) short_segments: u64,
    /// Datagrams below beta bytes, fingerprinted whole.
    pub(crate) short_datagrams: u64,
    /// Of these, sampled.
    pub(crate) short_kept: u64,
    /// Of these, of period 8 or less.
    pub(crate) short_periodic: u64,
    /// Too short for either.
    pub(crate) too_short: u64,
    /// Windows of the payloads themselves.
    pub(crate) windows: Windows,
}

impl PacketCounters {
    pub(crate) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.payload_bytes += other.payload_bytes;
        self.empty += other.empty;
        self.backscatter += other.backscatter;
        self.sifted += other.sifted;
        self.short_segments += other.short_segments;
        self.short_datagrams += other.short_datagrams;
        self.short_kept += other.short_kept;
        self.short_periodic += other.short_periodic;
        self.too_short += other.too_short;
        self.windows += other.windows;
    }
}

/// What content shards count, beyond what their modules count themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ContentCounters {
    /// Sightings that came in.
    pub(crate) sightings: u64,
    /// The same key again in the same packet, not counted twice.
    pub(crate) repeated: u64,
    /// Sightings past the prevalence gate.
    pub(crate) promoted: u64,
    /// Sightings past it that stopped there, since the baseline knows their key.
    pub(crate) known_good: u64,
    /// Sightings past it that were learned as good.
    pub(crate) learned: u64,
    /// Keys whose estimate reached the threshold, once each window or so.
    pub(crate) promotions: u64,
    /// Sightings before a promotion that were remembered and counted at it.
    pub(crate) recalled: u64,
    /// Sightings of what was not promoted that made room for newer ones.
    pub(crate) first_sightings_forgotten: u64,
    /// Sightings over both thresholds whose candidate's own lists say otherwise.
    pub(crate) not_borne_out: u64,
    /// Thresholds passed without a candidate to show for it: the table was full.
    pub(crate) alarms_without_room: u64,
    /// Alarms beyond what one tick takes: they may fire again at their next sighting.
    pub(crate) alarms_deferred: u64,
}

impl ContentCounters {
    pub(crate) fn add(&mut self, other: &Self) {
        self.sightings += other.sightings;
        self.repeated += other.repeated;
        self.promoted += other.promoted;
        self.known_good += other.known_good;
        self.learned += other.learned;
        self.promotions += other.promotions;
        self.recalled += other.recalled;
        self.first_sightings_forgotten += other.first_sightings_forgotten;
        self.not_borne_out += other.not_borne_out;
        self.alarms_without_room += other.alarms_without_room;
        self.alarms_deferred += other.alarms_deferred;
    }
}

/// A sensor's counters and gauges, by section and name, in a fixed order.
///
/// In JSON some have other names, since there a key has one type wherever it stands:
/// [`Stats::json_section`] and [`Stats::json_name`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats(BTreeMap<&'static str, BTreeMap<&'static str, serde_json::Number>>);

impl Stats {
    /// A section's key in JSON. Those whose name is also that of a number or list end in
    /// `_counters`.
    pub fn json_section(section: &'static str) -> &'static str {
        match section {
            "candidates" => "candidate_counters",
            "fragments" => "fragment_counters",
            "packets" => "packet_counters",
            "propagation" => "propagation_counters",
            "samples" => "sample_counters",
            "signatures" => "signature_counters",
            "suppressed" => "suppressed_counters",
            other => other,
        }
    }

    /// The key of a counter or gauge in JSON. Bytes and shares say that they are such.
    pub fn json_name(section: &str, name: &'static str) -> Cow<'static, str> {
        match (section, name) {
            ("memory", name) => format!("{name}_bytes").into(),
            ("fill", name) => format!("{name}_fill").into(),
            // The list of that name is in every finding.
            ("signatures", "alarms") => "alarms_seen".into(),
            (_, name) => name.into(),
        }
    }

    /// The counter `name` of `section`.
    pub fn count(&self, section: &str, name: &str) -> Option<u64> {
        self.0.get(section)?.get(name)?.as_u64()
    }

    /// The gauge `name` of `section`.
    pub fn gauge(&self, section: &str, name: &str) -> Option<f64> {
        self.0.get(section)?.get(name)?.as_f64()
    }

    /// All sections, each with its names and values.
    pub fn sections(
        &self,
    ) -> impl Iterator<Item = (&'static str, &BTreeMap<&'static str, serde_json::Number>)>
    {
        self.0.iter().map(|(section, values)| (*section, values))
    }

    pub(crate) fn set(&mut self, section: &'static str, name: &'static str, value: u64) {
        self.0.entry(section).or_default().insert(name, value.into());
    }

    /// A gauge, rounded so that its text is short.
    pub(crate) fn set_gauge(
        &mut self,
        section: &'static str,
        name: &'static str,
        value: f64,
    ) {
        let rounded = (value * 1e6).round() / 1e6;
        if let Some(number) = serde_json::Number::from_f64(rounded) {
            self.0.entry(section).or_default().insert(name, number);
        }
    }
}

impl Serialize for Stats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (section, values) in &self.0 {
            let named: BTreeMap<_, _> = values
                .iter()
                .map(|(name, value)| (Self::json_name(section, name), value))
                .collect();
            map.serialize_entry(Self::json_section(section), &named)?;
        }
        map.end()
    }
}

persist!(PacketCounters {
    packets,
    payload_bytes,
    empty,
    backscatter,
    sifted,
    short_segments,
    short_datagrams,
    short_kept,
    short_periodic,
    too_short,
    windows
});
persist!(ContentCounters {
    sightings,
    repeated,
    promoted,
    known_good,
    learned,
    promotions,
    recalled,
    first_sightings_forgotten,
    not_borne_out,
    alarms_without_room,
    alarms_deferred
});
