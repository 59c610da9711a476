//! Warnings that a sensor gives about itself: overload, and frames that it cannot read.

use super::Sensor;
use super::clock::TICK;
use super::content_shard::ShardLoad;
use crate::detect::dispersion::Dispersion;

/// Counters a key below which a prevalence table counts as overloaded: 0.8 % of
/// new keys are then promoted falsely (DESIGN, sizing law).
const OVERLOADED: f64 = 4.0;

/// Frames from which on what is not read is warned of before the end.
pub(super) const MANY_FRAMES: u64 = 100_000;
/// Packets far before the current time that are no accident any more.
const MANY_BACKWARDS: u64 = 1_000;
/// Alarms without a sample that are no accident any more.
const MANY_UNKNOWN: u64 = 16;

/// Fragments or seams lost that are no accident any more.
const MANY_LOST: u64 = 100;

/// Whether so many of all are worth a warning: more than a hundredth.
fn is_share(part: u64, all: u64) -> bool {
    part >= MANY_LOST && part > all / 100
}

/// What is warned of once.
#[derive(Clone, Copy)]
pub(super) enum Warning {
    Prevalence,
    Dispersion,
    FarBack,
    StepsBack,
    UnknownWindows,
    Fragments,
    Seams,
    PutOff,
    WithoutRoom,
}

impl Warning {
    /// How many there are.
    pub(super) const COUNT: usize = Self::WithoutRoom as usize + 1;
}

impl Sensor {
    /// Warns, once of each, when tables are seen to be overloaded and when time
    /// stands still.
    pub(super) fn warn_of_overload(&mut self, loads: &[ShardLoad]) {
        let fullest =
            |fill: fn(&ShardLoad) -> f64| loads.iter().map(fill).fold(0.0, f64::max);
        let prevalence = fullest(|load| load.prevalence);
        let dispersion = fullest(|load| load.dispersion);
        // Each new key sets four counters: 4 counters a key fill 1 - 1/e of them.
        self.warn_once(Warning::Prevalence, prevalence > 1.0 - (-4.0 / OVERLOADED).exp(), || {
            format!(
                "the prevalence tables are {:.0} % full: more than 0.8 % of the contents seen for \
                 the first time now count as repeated; give more memory, a shorter prevalence \
                 window or sparser sampling",
                prevalence * 100.0
            )
        });
        self.warn_once(Warning::Dispersion, dispersion > Dispersion::MOST_FILL, || {
            format!(
                "the dispersion tables are {:.0} % full: more contents repeat within a dispersion \
                 window than there is room for, so counts of hosts are estimated too high, and a \
                 content alarms by dispersion only once its own lists of sources and of \
                 destinations both bear the counts out; give more memory, a shorter dispersion \
                 window or sparser sampling",
                dispersion * 100.0
            )
        });
        let seconds = self.clock.believable().0 / TICK.0;
        let (far, packets) = (self.clock.far_backwards, self.packets.packets);
        self.warn_once(Warning::FarBack, far > MANY_BACKWARDS && far > packets / 2, || {
            format!(
                "{far} of {packets} packets are more than {seconds} s earlier than packets \
                 before them, and count at the time of those, so that windows stand still; \
                 `reordercap` sorts a capture by time"
            )
        });
        let (from, to) = self.clock.first_step_back;
        let stepped_back = self.clock.steps_back > 0;
        self.warn_once(Warning::StepsBack, stepped_back, || {
            format!(
                "the packets' clock steps back by {} s, from {} to {}: windows go on as if no \
                 time had passed; where captures were joined in another order than that of \
                 time, `reordercap` sorts them",
                from.since(to).0.div_ceil(TICK.0),
                from,
                to
            )
        });
        let ledger = self.ledger.counters();
        let (unknown, alarms) = (ledger.windows_unknown, ledger.alarms);
        self.warn_once(Warning::UnknownWindows, unknown > MANY_UNKNOWN && unknown > alarms / 2, || {
            format!(
                "{unknown} of the {alarms} windows that alarmed are not reported, since no sample \
                 of their content was kept: give more memory"
            )
        });
    }

    /// Warns, once of each, of what stops more than a hundredth of the frames, and of what
    /// could not be put together.
    pub(super) fn warn_of_blindness(&mut self) {
        let warnings = self.causes.warnings(&self.coverage);
        self.warnings.extend(warnings);
        let counters = self.defragmenter.counters();
        let (evicted, all) = (counters.evicted(), counters.fragments);
        self.warn_once(Warning::Fragments, is_share(evicted, all), || {
            format!(
                "{:.1} % of the IP fragments ({evicted} of {all}; evicted_slots and evicted_bytes \
                 of fragment_counters) were given up before their datagram was whole, to make \
                 room for others: each piece of them is sifted, content that lies across two \
                 pieces is not seen; a flood of fragments does that; give more memory",
                evicted as f64 / all as f64 * 100.0
            )
        });
        let stream = self.stream_counters();
        let lost = stream.seams_lost();
        let all = stream.joined + lost;
        self.warn_once(Warning::Seams, is_share(lost, all), || {
            format!(
                "{:.1} % of the seams between TCP segments ({lost} of {all}; lost_to_gaps and \
                 lost_to_store of stream, less recovered) were lost: each segment is sifted, \
                 content that lies across two of them is not seen there; a capture that lacks \
                 packets or cuts them does that, or segments far out of order",
                lost as f64 / all as f64 * 100.0
            )
        });
    }

    pub(super) fn warn_once(
        &mut self,
        which: Warning,
        when: bool,
        text: impl FnOnce() -> String,
    ) {
        if when && !std::mem::replace(&mut self.warned[which as usize], true) {
            self.warnings.push(text());
        }
    }
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
    use super::grouped;

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (number, text) in
            [(0, "0"), (999, "999"), (12_350, "12,350"), (1_126_000_000, "1,126,000,000")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
