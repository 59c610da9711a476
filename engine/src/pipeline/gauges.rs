//! Reads the statistics of a sensor out of its tables.

use super::Sensor;
use super::content_shard::ContentShard;
use super::several_taps::SeveralTaps;
use super::sizing::CONTENT_SHARDS;
use super::stats::{
    ContentCounters, Fill, Memory, PacketCounters, Stats, TapStats, WindowCounters,
};
use crate::dark::{Dark, DarkCounters};
use crate::decode::FragmentCounters;
use crate::detect::candidates::CandidateCounters;
use crate::detect::conversations::ConversationCounters;
use crate::detect::prevalence::PrevalenceCounters;
use crate::detect::propagation::PropagationCounters;
use crate::signature::View;
use crate::sketch::Bloom;
use crate::stream::StreamCounters;

impl Sensor {
    /// The statistics since the sensor was built.
    pub fn stats(&self) -> Stats {
        let mut conversations = ConversationCounters::default();
        for flow in &self.flow {
            conversations += flow.conversations.counters();
        }
        let mut content = ContentCounters::default();
        let mut propagation = PropagationCounters::default();
        for shard in &self.content {
            content += shard.counters;
            propagation += shard.propagation.counters();
        }
        let suppressed = self.ledger.suppressed_by().iter();
        Stats {
            packets: PacketCounters {
                frames: self.frames,
                time_backwards: self.clock.backwards,
                time_far_backwards: self.clock.far_backwards,
                time_jump: self.clock.jumps,
                time_steps_back: self.clock.steps_back,
                ..self.packets
            },
            drops: self.drops,
            coverage: self.coverage,
            unread: self.causes.unread(),
            taps: self.tap_counters(),
            dark: self.dark_counters(),
            fragments: FragmentCounters {
                waiting: self.defragmenter.waiting(),
                ..self.defragmenter.counters()
            },
            windows: self.windows(),
            stream: self.stream_counters(),
            conversations: ConversationCounters {
                aliases_forgotten: self
                    .taps
                    .as_ref()
                    .map_or(0, SeveralTaps::aliases_forgotten),
                ..conversations
            },
            decoys: self.decoys.counters(),
            view: self.view(),
            samples: self.streams.sample_counters(),
            prevalence: self.prevalence(),
            content,
            candidates: self.candidates(),
            propagation,
            fill: self.fill(),
            signatures: *self.ledger.counters(),
            suppressed: suppressed.map(|(file, times)| (file.name(), *times)).collect(),
            memory: self.memory(),
        }
    }

    fn tap_counters(&self) -> Vec<TapStats> {
        let counters = self.taps.iter().flat_map(SeveralTaps::counters);
        let names = self.config.taps.iter().map(|tap| tap.name().to_owned());
        let taps = names.zip(counters);
        taps.map(|(tap, counters)| TapStats { tap, counters }).collect()
    }

    fn dark_counters(&self) -> DarkCounters {
        let contents_evicted = self.content.iter().map(ContentShard::dark_evicted).sum();
        let dark = self.dark.as_ref().map(Dark::counters).unwrap_or_default();
        DarkCounters { contents_evicted, ..dark }
    }

    /// Over all flow shards.
    pub(super) fn stream_counters(&self) -> StreamCounters {
        self.streams.stream_counters()
    }

    /// Bytes of all tables: never above the budget.
    pub fn memory_bytes(&self) -> u64 {
        self.memory().total_bytes
    }

    /// What the tap has shown so far, as far as samples have come.
    pub(super) fn view(&self) -> View {
        self.ticked_view.view()
    }

    fn windows(&self) -> WindowCounters {
        let seams = self.streams.windows();
        let mut all = WindowCounters { across_seams: seams.total, ..self.windows };
        all += seams;
        all
    }

    fn prevalence(&self) -> PrevalenceCounters {
        let now = self.clock.now();
        let mut sum = PrevalenceCounters::default();
        let mut seconds = Vec::new();
        for table in self.content.iter().map(ContentShard::prevalence) {
            sum += table.counters();
            seconds.extend(table.lasted(now).map(|span| span.0 / 1_000_000_000));
        }
        sum.shortest_epoch_seconds = seconds.iter().copied().min().unwrap_or(0);
        sum.longest_epoch_seconds = seconds.into_iter().max().unwrap_or(0);
        sum
    }

    fn candidates(&self) -> CandidateCounters {
        let mut sum = CandidateCounters::default();
        for table in self.content.iter().map(|shard| &shard.candidates) {
            sum += *table.counters();
            sum.capacity += table.capacity() as u64;
            sum.live += table.len() as u64;
        }
        sum
    }

    /// The mean over the shards, rounded so that its text is short.
    fn fill(&self) -> Fill {
        let mut sum = Fill::default();
        for shard in &self.content {
            sum.prevalence += shard.prevalence().fill();
            sum.dispersion += shard.dispersion().fill();
            let tables = shard.propagation.fill();
            sum.recipients += tables.recipients;
            sum.senders += tables.senders;
            sum.relays += tables.relays;
        }
        let mean = |sum: f64| (sum / CONTENT_SHARDS as f64 * 1e6).round() / 1e6;
        Fill {
            prevalence: mean(sum.prevalence),
            dispersion: mean(sum.dispersion),
            recipients: mean(sum.recipients),
            senders: mean(sum.senders),
            relays: mean(sum.relays),
        }
    }

    fn memory(&self) -> Memory {
        let mut tables = [0_usize; 6];
        for shard in &self.content {
            for (table, bytes) in tables.iter_mut().zip(shard.memory_bytes()) {
                *table += bytes;
            }
        }
        let [
            prevalence,
            dispersion,
            propagation,
            candidates,
            first_sightings,
            populations,
        ] = tables;
        let [tails, samples] = self.streams.memory_bytes();
        let conversations: usize =
            self.flow.iter().map(|flow| flow.conversations.memory_bytes()).sum();
        let conversations = conversations + self.starts.memory_bytes();
        let fragments = self.defragmenter.memory_bytes();
        let known = self.content.iter().filter_map(|shard| shard.baseline.as_ref());
        let baseline = known.map(Bloom::memory_bytes).sum::<usize>()
            + self.ledger.boilerplate_bytes();
        let signatures = self.ledger.memory_bytes();
        let packet_log = self.packet_log.memory_bytes();
        let host_names = self.host_names.memory_bytes();
        let dark = self.dark.as_ref().map_or(0, Dark::memory_bytes)
            + self.content.iter().map(ContentShard::dark_bytes).sum::<usize>();
        let decoys = self.decoys.memory_bytes();
        let duplicates = self.taps.as_ref().map_or(0, SeveralTaps::memory_bytes);
        let total = tables.iter().sum::<usize>()
            + tails
            + conversations
            + samples
            + fragments
            + baseline
            + signatures
            + packet_log
            + host_names
            + dark
            + duplicates
            + decoys;
        Memory {
            prevalence_bytes: prevalence as u64,
            dispersion_bytes: dispersion as u64,
            propagation_bytes: propagation as u64,
            candidates_bytes: candidates as u64,
            first_sightings_bytes: first_sightings as u64,
            populations_bytes: populations as u64,
            tails_bytes: tails as u64,
            conversations_bytes: conversations as u64,
            samples_bytes: samples as u64,
            fragments_bytes: fragments as u64,
            baseline_bytes: baseline as u64,
            signatures_bytes: signatures as u64,
            packet_log_bytes: packet_log as u64,
            host_names_bytes: host_names as u64,
            dark_bytes: dark as u64,
            duplicates_bytes: duplicates as u64,
            decoys_bytes: decoys as u64,
            total_bytes: total as u64,
            budget_bytes: self.config.memory.0,
        }
    }
}
