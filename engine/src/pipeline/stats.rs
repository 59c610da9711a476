//! Statistics of a sensor: what came in, what was used, what was dropped and why.
//!
//! A section of [`Stats`] is the struct that its module counts in. Only what no module
//! counts by itself is declared here.

use super::coverage::{Coverage, UnreadCounters};
use crate::counters::counters;
use crate::dark::DarkCounters;
use crate::decode::{DropCounters, FragmentCounters};
use crate::detect::candidates::CandidateCounters;
use crate::detect::conversations::ConversationCounters;
use crate::detect::decoys::DecoyCounters;
use crate::detect::duplicates::TapCounters;
use crate::detect::prevalence::PrevalenceCounters;
use crate::detect::propagation::PropagationCounters;
use crate::fingerprint::Windows;
use crate::signature::{SignatureCounters, View};
use crate::stream::{SampleCounters, StreamCounters};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Statistics of a sensor since it was built, by section.
///
/// All numbers without a unit are counts and only grow, except [`fill`](Self::fill),
/// [`memory`](Self::memory) and the fields that describe the moment.
///
/// Serialised, it is an object of sections. Some names differ there, since in JSON lines a
/// key has one type wherever it stands: sections whose name is also that of a list or a
/// number end in `_counters`, shares in `_fill`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Frames and packets that came in, and how packets were sifted.
    #[serde(rename = "packet_counters")]
    pub packets: PacketCounters,
    /// Frames that gave no packet, by reason.
    pub drops: DropCounters,
    /// Frames and bytes by how far they were read.
    pub coverage: Coverage,
    /// Packets of which a part is not read, by kind.
    pub unread: UnreadCounters,
    /// What came by at each tap, where there are several.
    #[serde(rename = "tap_counters")]
    pub taps: Vec<TapStats>,
    /// Packets to dark addresses, if there are any.
    #[serde(rename = "dark_counters")]
    pub dark: DarkCounters,
    /// IP fragments.
    #[serde(rename = "fragment_counters")]
    pub fragments: FragmentCounters,
    /// Windows looked at and kept.
    pub windows: WindowCounters,
    /// TCP segments and the seams between them.
    pub stream: StreamCounters,
    /// Conversations of TCP, UDP and ICMP echo.
    #[serde(rename = "conversation_counters")]
    pub conversations: ConversationCounters,
    /// What decoys received and started.
    #[serde(rename = "decoy_counters")]
    pub decoys: DecoyCounters,
    /// TCP directions that brought payload, and those that were answered.
    pub view: View,
    /// Samples of contents under watch.
    #[serde(rename = "sample_counters")]
    pub samples: SampleCounters,
    /// Prevalence windows, of each content shard.
    #[serde(rename = "prevalence_counters")]
    pub prevalence: PrevalenceCounters,
    /// Sightings of kept windows, up to their alarms.
    pub content: ContentCounters,
    /// Contents under watch.
    #[serde(rename = "candidate_counters")]
    pub candidates: CandidateCounters,
    /// What the tables of relays had to forget.
    #[serde(rename = "propagation_counters")]
    pub propagation: PropagationCounters,
    /// How full the tables are.
    pub fill: Fill,
    /// Alarms, and the signatures made of them.
    #[serde(rename = "signature_counters")]
    pub signatures: SignatureCounters,
    /// Contents that alarmed and were not reported, by the protocol whose boilerplate they
    /// are.
    #[serde(rename = "suppressed_counters")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub suppressed: BTreeMap<&'static str, u64>,
    /// Bytes of the tables.
    pub memory: Memory,
}

counters! {
    /// Frames and packets that came in, and how packets were sifted.
    pub struct PacketCounters {
        /// Packets decoded, datagrams put together from fragments among them.
        pub packets: u64,
        /// Their payload, in bytes.
        pub payload_bytes: u64,
        /// Packets without payload.
        pub empty: u64,
        /// Replies to what others sent, not sifted: ICMP errors, TCP resets with payload, and
        /// what answers an
        /// address that is named as dark.
        pub backscatter: u64,
        /// Packets with a payload of at least one window, sifted.
        pub sifted: u64,
        /// TCP segments shorter than a window: only windows across segments are sifted.
        pub short_segments: u64,
        /// Datagrams shorter than a window, fingerprinted as a whole.
        pub short_datagrams: u64,
        /// Datagrams too short for that.
        pub too_short: u64,
    }
    when_read {
        /// Frames, packets and pieces of streams that came in.
        pub frames: u64,
        /// Packets earlier than the packet before them.
        pub time_backwards: u64,
        /// Packets further back in time than reordering explains.
        pub time_far_backwards: u64,
        /// Jumps of packet time forward.
        pub time_jump: u64,
        /// Steps of the packets' clock back, which it did not make good.
        pub time_steps_back: u64,
    }
}

counters! {
    /// Windows looked at and kept, and short datagrams as wholes.
    pub struct WindowCounters {
        /// Windows looked at: a payload of n bytes has n - beta + 1.
        pub total: u64,
        /// Windows that were sampled.
        pub kept: u64,
        /// Windows that were sampled and dropped, since they have a period of 8 bytes or
        /// less.
        pub periodic: u64,
        /// Short datagrams that were sampled.
        pub short_kept: u64,
        /// Short datagrams of a period of 8 bytes or less, dropped.
        pub short_periodic: u64,
    }
    when_read {
        /// Windows looked at across TCP segments, a part of `total`.
        pub across_seams: u64,
    }
}

impl AddAssign<Windows> for WindowCounters {
    fn add_assign(&mut self, windows: Windows) {
        self.total += windows.total;
        self.kept += windows.kept;
        self.periodic += windows.periodic;
    }
}

counters! {
    /// Sightings of kept windows, from the prevalence table to their alarms.
    pub struct ContentCounters {
        /// Sightings that came in.
        pub sightings: u64,
        /// The same content again in the same packet, not counted twice.
        pub repeated: u64,
        /// Sightings of contents past the prevalence threshold.
        pub promoted: u64,
        /// Of these, sightings of contents that the baseline holds: not counted further.
        pub known_good: u64,
        /// Of these, sightings that entered the baseline in the learning period.
        pub learned: u64,
        /// Sightings past the prevalence threshold that were not promoted, since more new
        /// contents come than the table of candidates can hold.
        pub kept_out: u64,
        /// Contents whose estimate reached the prevalence threshold, once a window or so.
        pub promotions: u64,
        /// Sightings before a promotion that were remembered and counted at it.
        pub recalled: u64,
        /// Sightings before a promotion that made room for newer ones.
        pub first_sightings_forgotten: u64,
        /// Sightings over both thresholds whose candidate's own lists of hosts show less.
        pub not_borne_out: u64,
        /// Thresholds passed without a candidate, since the table of candidates was full.
        pub alarms_without_room: u64,
        /// Alarms beyond what one tick takes: they may be raised again at their next
        /// sighting.
        pub alarms_deferred: u64,
    }
}

/// How full the tables are, each a share from 0 to 1, rounded to six digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Fill {
    /// Prevalence counters above zero.
    #[serde(rename = "prevalence_fill")]
    pub prevalence: f64,
    /// Dispersion cells in use.
    #[serde(rename = "dispersion_fill")]
    pub dispersion: f64,
    /// The filter of who received what, against its capacity.
    #[serde(rename = "recipients_fill")]
    pub recipients: f64,
    /// The filter of who sent what, against its capacity.
    #[serde(rename = "senders_fill")]
    pub senders: f64,
    /// The table of relays.
    #[serde(rename = "relays_fill")]
    pub relays: f64,
}

/// What came by at one tap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TapStats {
    /// Its name.
    pub tap: String,
    /// Its packets.
    #[serde(flatten)]
    pub counters: TapCounters,
}

/// Bytes of the tables, fixed when the sensor is built except those of `signatures` and
/// `populations`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Memory {
    /// Prevalence counters.
    pub prevalence_bytes: u64,
    /// Distinct counters of sources and destinations.
    pub dispersion_bytes: u64,
    /// Filters and tables of relays.
    pub propagation_bytes: u64,
    /// Contents under watch.
    pub candidates_bytes: u64,
    /// Sightings of contents that are not promoted.
    pub first_sightings_bytes: u64,
    /// Addresses that sent contents which have alarmed; grows with them.
    pub populations_bytes: u64,
    /// Ends of TCP segments.
    pub tails_bytes: u64,
    /// Conversations, and the pairs of hosts that had some.
    pub conversations_bytes: u64,
    /// Samples of contents.
    pub samples_bytes: u64,
    /// Fragments of datagrams.
    pub fragments_bytes: u64,
    /// Contents known to be good, and literals of protocols.
    pub baseline_bytes: u64,
    /// Signatures that were reported.
    pub signatures_bytes: u64,
    /// Addresses of the latest packets.
    pub packet_log_bytes: u64,
    /// IPv6 networks, and which of them hold several hosts.
    pub host_names_bytes: u64,
    /// What arrives at dark addresses.
    pub dark_bytes: u64,
    /// Packets of the last moments, where there are several taps.
    pub duplicates_bytes: u64,
    /// What decoys received.
    pub decoys_bytes: u64,
    /// All of these together, never above the budget.
    pub total_bytes: u64,
    /// What the settings allow.
    pub budget_bytes: u64,
}
