//! What a sensor tells about itself: counters, fill, memory, warnings.

use super::Sensor;
use super::clock::TICK;
use super::content_shard::ContentShard;
use super::sizing::{self, CONTENT_SHARDS};
use super::stats::{ContentCounters, Stats};
use crate::detect::dispersion::Dispersion;
use crate::detect::prevalence::Prevalence;
use crate::detect::propagation::PropagationCounters;
use crate::packet::Timestamp;
use crate::signature::{CandidateCounters, View};
use crate::stream::{SampleCounters, TailCounters};

/// The gauges of fill, 0 to 1.
const FILLS: [&str; 5] = ["prevalence", "dispersion", "recipients", "senders", "relays"];

/// Counters a key below which a prevalence table counts as overloaded: 0.8 % of
/// new keys are then promoted falsely (DESIGN, sizing law).
const OVERLOADED: f64 = 4.0;

/// Frames from which on what is not read is told of before the end.
pub(super) const MANY_FRAMES: u64 = 100_000;
/// Packets far before the current time that are no accident any more.
const MANY_BACKWARDS: u64 = 1_000;
/// Alarms without a sample that are no accident any more.
const MANY_UNKNOWN: u64 = 16;

impl Sensor {
    /// The counters and gauges of every module. Names are stable.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        self.packet_stats(&mut stats);
        self.flow_stats(&mut stats);
        self.content_stats(&mut stats);
        self.suppressed_stats(&mut stats);
        self.memory_stats(&mut stats);
        stats
    }

    fn packet_stats(&self, stats: &mut Stats) {
        let p = &self.packets;
        for (name, value) in [
            ("frames", self.frames),
            ("packets", p.packets),
            ("payload_bytes", p.payload_bytes),
            ("empty", p.empty),
            ("backscatter", p.backscatter),
            ("sifted", p.sifted),
            ("short_segments", p.short_segments),
            ("short_datagrams", p.short_datagrams),
            ("too_short", p.too_short),
            ("time_backwards", self.clock.backwards),
            ("time_far_backwards", self.clock.far_backwards),
            ("time_jump", self.clock.jumps),
            ("time_steps_back", self.clock.steps_back),
        ] {
            stats.set("packets", name, value);
        }
        for (name, value) in self.drops.iter() {
            stats.set("drops", name, value);
        }
        self.coverage.tell(stats);
        self.causes.tell(stats);
        for (name, value) in self.defragmenter.counters().iter() {
            stats.set("fragments", name, value);
        }
        stats.set("fragments", "waiting", self.defragmenter.waiting());
        let seams = self.flow.iter().fold(
            crate::fingerprint::Windows::default(),
            |mut sum, f| {
                sum += f.windows;
                sum
            },
        );
        for (name, value) in [
            ("total", p.windows.total + seams.total),
            ("kept", p.windows.kept + seams.kept),
            ("periodic", p.windows.periodic + seams.periodic),
            ("across_seams", seams.total),
            ("short_kept", p.short_kept),
            ("short_periodic", p.short_periodic),
        ] {
            stats.set("windows", name, value);
        }
    }

    fn flow_stats(&self, stats: &mut Stats) {
        let (mut tails, mut samples) =
            (TailCounters::default(), SampleCounters::default());
        for flow in &self.flow {
            tails.add(flow.tails.counters());
            samples.add(flow.samples.counters());
        }
        for (name, value) in [
            ("segments", tails.segments),
            ("joined", tails.joined),
            ("retransmitted", tails.retransmitted),
            ("out_of_order", tails.out_of_order),
            ("lost_to_gaps", tails.lost_to_gaps),
            ("lost_to_store", tails.lost_to_store),
            ("recovered", tails.recovered),
            ("restarts", tails.restarts),
            ("midstream", tails.midstream),
            ("evictions", tails.evictions),
            ("refused", tails.refused),
        ] {
            stats.set("stream", name, value);
        }
        let view = self.view();
        stats.set("view", "directions", view.directions);
        stats.set("view", "answered", view.answered);
        for (name, value) in [
            ("taken", samples.taken),
            ("shared", samples.shared),
            ("refused", samples.refused),
            ("out_of_reach", samples.out_of_reach),
            ("evicted", samples.evicted),
            ("released", samples.released),
            ("other_bytes", samples.other_bytes),
        ] {
            stats.set("samples", name, value);
        }
    }

    /// What the tap has shown so far, as far as samples have come.
    pub(super) fn view(&self) -> View {
        self.flow.iter().fold(View::default(), |mut sum, flow| {
            sum.add(&flow.view);
            sum
        })
    }

    fn content_stats(&self, stats: &mut Stats) {
        let mut sum = ContentCounters::default();
        let mut fill = [0.0_f64; 5];
        let mut propagation = PropagationCounters::default();
        let mut candidates = CandidateCounters::default();
        let (mut capacity, mut live) = (0, 0);
        for content in &self.content {
            sum.add(&content.counters);
            candidates.add(content.candidates.counters());
            propagation.add(&content.propagation.counters());
            capacity += content.candidates.capacity() as u64;
            live += content.candidates.len() as u64;
            fill[0] += content.prevalence().fill();
            fill[1] += content.dispersion().fill();
            let relays = content.propagation.fill();
            fill[2] += relays.recipients;
            fill[3] += relays.senders;
            fill[4] += relays.relays;
        }
        stats.set("candidates", "capacity", capacity);
        stats.set("candidates", "live", live);
        for (name, value) in [
            ("admitted", candidates.admitted),
            ("evicted_unseen", candidates.evicted_unseen),
            ("evicted_less_dispersed", candidates.evicted_less_dispersed),
            ("evicted_relay", candidates.evicted_relay),
            ("expired", candidates.expired),
            ("refused", candidates.refused),
            ("lists_cut", candidates.lists_cut),
            ("samples_refused", candidates.samples_refused),
        ] {
            stats.set("candidates", name, value);
        }
        for (name, value) in [
            ("relays_evicted", propagation.relays_evicted),
            ("counting_relays_evicted", propagation.counting_relays_evicted),
            ("relays_expired", propagation.relays_expired),
            ("receipts_evicted", propagation.receipts_evicted),
            ("recipients_turned_early", propagation.recipients_turned_early),
            ("senders_turned_early", propagation.senders_turned_early),
            ("fan_outs_cut", propagation.fan_outs_cut),
        ] {
            stats.set("propagation", name, value);
        }
        for (name, value) in [
            ("sightings", sum.sightings),
            ("repeated", sum.repeated),
            ("promoted", sum.promoted),
            ("known_good", sum.known_good),
            ("learned", sum.learned),
            ("promotions", sum.promotions),
            ("recalled", sum.recalled),
            ("first_sightings_forgotten", sum.first_sightings_forgotten),
            ("not_borne_out", sum.not_borne_out),
            ("alarms_without_room", sum.alarms_without_room),
            ("alarms_deferred", sum.alarms_deferred),
        ] {
            stats.set("content", name, value);
        }
        for (name, value) in FILLS.into_iter().zip(fill) {
            stats.set_gauge("fill", name, value / CONTENT_SHARDS as f64);
        }
        let ledger = self.ledger.counters();
        for (name, value) in [
            ("alarms", ledger.alarms),
            ("alarms_known", ledger.alarms_known),
            ("windows_unknown", ledger.windows_unknown),
            ("signatures", ledger.signatures),
            ("updates", ledger.updates),
            ("absorbed", ledger.absorbed),
            ("retired", ledger.retired),
            ("returned", ledger.returned),
            ("suppressed", ledger.suppressed),
        ] {
            stats.set("signatures", name, value);
        }
    }

    /// What was kept back as boilerplate, by the file of literals.
    fn suppressed_stats(&self, stats: &mut Stats) {
        for (file, times) in self.ledger.suppressed_by() {
            stats.set("suppressed", file.name(), *times);
        }
    }

    fn memory_stats(&self, stats: &mut Stats) {
        let mut tables = [0_usize; 5];
        for content in &self.content {
            for (table, bytes) in tables.iter_mut().zip(content.memory_bytes()) {
                *table += bytes;
            }
        }
        let tails: usize = self.flow.iter().map(|flow| flow.tails.memory_bytes()).sum();
        let samples: usize =
            self.flow.iter().map(|flow| flow.samples.memory_bytes()).sum();
        let fragments = self.defragmenter.memory_bytes();
        let baseline: usize = self
            .content
            .iter()
            .filter_map(|content| content.baseline.as_ref())
            .map(crate::sketch::Bloom::memory_bytes)
            .sum();
        let names =
            ["prevalence", "dispersion", "propagation", "candidates", "first_sightings"];
        let named = names
            .into_iter()
            .zip(tables)
            .chain([("tails", tails), ("samples", samples), ("fragments", fragments)])
            .chain([("baseline", baseline + self.ledger.boilerplate_bytes())])
            .chain([("signatures", self.ledger.memory_bytes())])
            .chain([("packet_log", self.packet_log.memory_bytes())]);
        let mut total = 0;
        for (name, bytes) in named {
            stats.set("memory", name, bytes as u64);
            total += bytes as u64;
        }
        stats.set("memory", "total", total);
        stats.set("memory", "budget", sizing::effective_memory(&self.config));
    }

    /// Bytes of all tables: never above the budget.
    pub fn memory_bytes(&self) -> u64 {
        self.stats().count("memory", "total").unwrap_or(0)
    }

    /// Warns where the expected rate needs more memory than there is.
    pub(super) fn warn_of_expected_load(&mut self) {
        let Some(keys) = sizing::keys_per_generation(&self.config) else { return };
        let per_shard = keys / CONTENT_SHARDS as f64;
        let expected =
            self.content[0].prevalence().expected_false_promotion(per_shard as u64);
        let needed = Prevalence::bytes_for(per_shard as u64, OVERLOADED);
        if needed > self.plan.prevalence {
            self.warnings.push(format!(
                "at the expected rate {} different contents come within a prevalence window of \
                 {}, and the tables are too small for so many: {:.2} % of the contents seen for \
                 the first time will count as repeated; give more memory, a shorter \
                 prevalence window or sparser sampling",
                rounded(keys),
                self.config.prevalence_window,
                expected * 100.0
            ));
        }
        let windows = self.config.dispersion_window.0 as f64
            / self.config.prevalence_window.0 as f64;
        let promoted = keys * expected * windows.max(1.0);
        let room = self.content[0].dispersion().cells_per_row() * CONTENT_SHARDS / 2;
        if promoted > room as f64 {
            self.warnings.push(format!(
                "at the expected rate {} contents count as repeated by mistake within a \
                 dispersion window of {}, and the dispersion tables have room for {}: counts of \
                 hosts will be estimated too high, and a content will alarm by dispersion only \
                 once its own lists of sources and of destinations both bear the counts out; \
                 give more memory or a shorter dispersion window",
                rounded(promoted),
                self.config.dispersion_window,
                rounded(room as f64)
            ));
        }
    }

    /// Warns, once of each, when tables are seen to be overloaded and when time
    /// stands still.
    pub(super) fn warn_of_overload(&mut self) {
        let fullest = |fill: fn(&ContentShard) -> f64| {
            self.content.iter().map(fill).fold(0.0, f64::max)
        };
        let prevalence = fullest(|content| content.prevalence().fill());
        let dispersion = fullest(|content| content.dispersion().fill());
        // Each new key sets four counters: 4 counters a key fill 1 - 1/e of them.
        self.warn_once(0, prevalence > 1.0 - (-4.0 / OVERLOADED).exp(), || {
            format!(
                "the prevalence tables are {:.0} % full: more than 0.8 % of the contents seen for \
                 the first time now count as repeated; give more memory, a shorter prevalence \
                 window or sparser sampling",
                prevalence * 100.0
            )
        });
        self.warn_once(1, dispersion > Dispersion::MOST_FILL, || {
            format!(
                "the dispersion tables are {:.0} % full: more contents repeat within a dispersion \
                 window than there is room for, so counts of hosts are estimated too high, and a \
                 content alarms by dispersion only once its own lists of sources and of \
                 destinations both bear the counts out; give more memory, a shorter dispersion \
                 window or sparser sampling",
                dispersion * 100.0
            )
        });
        let seconds = self.clock.believable() / TICK;
        let (far, packets) = (self.clock.far_backwards, self.packets.packets);
        self.warn_once(2, far > MANY_BACKWARDS && far > packets / 2, || {
            format!(
                "{far} of {packets} packets are more than {seconds} s earlier than packets \
                 before them, and count at the time of those, so that windows stand still; \
                 `reordercap` sorts a capture by time"
            )
        });
        let (from, to) = self.clock.first_step_back;
        let stepped_back = self.clock.steps_back > 0;
        self.warn_once(4, stepped_back, || {
            format!(
                "the packets' clock steps back by {} s, from {} to {}: windows go on as if no \
                 time had passed; where captures were joined in another order than that of \
                 time, `reordercap` sorts them",
                (from - to).div_ceil(TICK),
                Timestamp::from_nanos(from),
                Timestamp::from_nanos(to)
            )
        });
        let ledger = self.ledger.counters();
        let (unknown, alarms) = (ledger.windows_unknown, ledger.alarms);
        self.warn_once(3, unknown > MANY_UNKNOWN && unknown > alarms / 2, || {
            format!(
                "{unknown} of the {alarms} windows that alarmed are not reported, since no sample \
                 of their content was kept: give more memory"
            )
        });
    }

    /// Warns, once of each, of what stops more than a hundredth of the frames.
    pub(super) fn warn_of_blindness(&mut self) {
        let warnings = self.causes.warnings(&self.coverage);
        self.warnings.extend(warnings);
    }

    fn warn_once(&mut self, which: usize, when: bool, text: impl FnOnce() -> String) {
        if when && !std::mem::replace(&mut self.warned[which], true) {
            self.warnings.push(text());
        }
    }
}

/// A number of contents in words that need no exponent: `1,126,000,000`.
fn rounded(count: f64) -> String {
    let step = 10_f64.powi((count.max(1.0).log10().floor() as i32 - 3).max(0));
    grouped(((count / step).round() * step) as u64)
}

/// `12,345`.
#[doc(hidden)]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn counts_are_told_to_four_digits_and_without_an_exponent() {
        for (count, text) in [
            (0.0, "0"),
            (999.4, "999"),
            (12_345.0, "12,350"),
            (1.126_4e9, "1,126,000,000"),
        ] {
            assert_eq!(rounded(count), text);
        }
    }
}
