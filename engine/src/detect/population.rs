//! How many different addresses sent a content: in all, within a day, an hour, ten minutes.
//!
//! Guarantees: exact up to 128 addresses; beyond that within 1.6 % in all, 4.6 % of a day, 2.3 %
//! of an hour and 3.3 % of ten minutes (standard errors, see [`hyper_log_log`]). Order and repetition
//! inside a span change nothing, and counters merge by the larger of each register. The
//! greatest of ten minutes is never above the truth: as an estimate it is taken three
//! standard errors lower. Costs: 16 bytes an address up to 128, then 7.5 KiB in all; three
//! registers more to look at than a plain count. Days, hours and spans of ten minutes are those of
//! packet time, from 1970 on; what is earlier than the latest sighting counts where it still
//! can.

use super::count::Count;
use crate::sketch::hyper_log_log;
use crate::state::{Exchange, Persist, persist};
use crate::time::{Epoch, Span, Timestamp};
use std::ops::Range;

/// What waves are judged by, besides hours.
pub const DAY: Span = Span::from_secs(86_400);
/// Within it an address is told to be in use now.
pub const HOUR: Span = Span::from_secs(3_600);
/// Within it few hosts change their address, so that as many are there at once.
const WINDOW: Span = Span::from_secs(600);

/// Addresses that are named by their hashes before registers count them.
const MOST_NAMED: usize = 128;
/// Room for names that a new counter has.
const FIRST_NAMED: usize = 8;

/// Registers of all addresses, of the hour's, of the window's and of the day's, side by side.
const ALL: Range<usize> = 0..4_096;
const OF_HOUR: Range<usize> = 4_096..6_144;
const OF_WINDOW: Range<usize> = 6_144..7_168;
const OF_DAY: Range<usize> = 7_168..7_680;
const REGISTERS: usize = OF_DAY.end;
/// Standard errors by which the greatest of ten minutes is taken lower, as an estimate.
const CAUTION: f64 = 3.0;

/// All counting of addresses of one content fits into it, what a ledger remembers of earlier
/// hours and days included.
pub const MOST_BYTES: usize = 8_192;
/// What a counter takes at most.
pub const MOST_COUNTER_BYTES: usize = REGISTERS + size_of::<AddressCounter>();

/// The addresses that sent a content. See the [module](self).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressCounter {
    /// While they are few.
    named: Vec<Named>,
    /// Once they are many.
    registers: Option<Box<[u8]>>,
    latest: Timestamp,
    /// From when on all addresses are counted under their own times.
    since: Timestamp,
    /// The greatest number within one hour that is over.
    hour_peak: u32,
    /// The same within ten minutes, as what is certain.
    window_peak: u32,
    /// Whether there was no memory for some.
    cut: bool,
    /// Whether some that sent it earlier are not known.
    misses_some: bool,
}

/// An address by its hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Named {
    hash: u64,
    last: Timestamp,
}

/// An hour of a content, as far as it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    /// Which one.
    pub number: Epoch,
    /// The addresses that sent the content within it.
    pub addresses: u32,
    /// Those that did within its day, up to its end.
    pub of_day: u32,
    /// From when on all are counted: what began before is not whole.
    pub since: Timestamp,
}

/// What became of a sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It is counted.
    Yes,
    /// For the first time there was no memory for an address.
    Refused,
}

impl AddressCounter {
    /// Bytes of one that names so many, at most 128.
    pub fn bytes_for(named: usize) -> usize {
        size_of::<Self>() + names_bytes(named)
    }

    /// One that begins at a time. Addresses that sent the content before may be missing; others
    /// are entered with the time from which on they were seen.
    pub fn new(now: Timestamp, misses_some: bool) -> Self {
        Self { latest: now, since: now, misses_some, ..Self::default() }
    }

    /// Counts a sighting of the address with this hash. `room` is the memory that the
    /// counter may still take.
    pub fn note(&mut self, hash: u64, time: Timestamp, room: usize) -> Counted {
        self.advance(time);
        if self.registers.is_some() {
            self.enter(hash, time);
            return Counted::Yes;
        }
        if let Some(known) = self.named.iter_mut().find(|it| it.hash == hash) {
            known.last = known.last.max(time);
            return Counted::Yes;
        }
        let needed = match self.named.len() + 1 {
            named if named > MOST_NAMED => size_of::<Self>() + REGISTERS,
            named => Self::bytes_for(named),
        };
        if needed > self.memory_bytes().saturating_add(room) {
            let before = std::mem::replace(&mut self.cut, true);
            return if before { Counted::Yes } else { Counted::Refused };
        }
        self.name(Named { hash, last: time });
        Counted::Yes
    }

    /// Takes over what another counter of the same content has counted.
    pub fn merge(&mut self, other: &Self) {
        self.advance(other.latest);
        self.cut |= other.cut;
        self.misses_some |= other.misses_some;
        self.since = self.since.min(other.since);
        self.hour_peak = self.hour_peak.max(other.hour_peak);
        self.window_peak = self.window_peak.max(other.window_peak);
        let same_hour = self.is_in(HOUR, other.latest);
        let same_window = self.is_in(WINDOW, other.latest);
        let same_day = self.is_in(DAY, other.latest);
        if !same_hour {
            self.hour_peak = self.hour_peak.max(other.now());
        }
        if !same_window {
            self.window_peak = self.window_peak.max(other.in_window());
        }
        let Some(theirs) = &other.registers else {
            other.named.iter().for_each(|it| self.name(*it));
            return;
        };
        let mine = self.registers();
        let mut merge = |part: Range<usize>| {
            hyper_log_log::merge(&mut mine[part.clone()], &theirs[part]);
        };
        merge(ALL);
        if same_hour {
            merge(OF_HOUR);
        }
        if same_window {
            merge(OF_WINDOW);
        }
        if same_day {
            merge(OF_DAY);
        }
    }

    /// How many addresses sent it.
    pub fn addresses(&self) -> Count {
        let number = self.count(ALL, |_| true);
        match &self.registers {
            _ if self.cut || self.misses_some => Count::at_least(number),
            Some(_) => Count::about(number),
            None => Count::exact(number),
        }
    }

    /// How many did so in the hour of the latest sighting.
    pub fn now(&self) -> u32 {
        self.count(OF_HOUR, |last| self.is_in(HOUR, last))
    }

    /// The hour of the latest sighting.
    pub fn hour(&self) -> Hour {
        Hour {
            number: Epoch::of(self.latest, HOUR),
            addresses: self.now(),
            of_day: self.count(OF_DAY, |last| self.is_in(DAY, last)),
            since: self.since,
        }
    }

    /// Whether a sighting at this time ends that hour.
    pub fn is_hour_over(&self, time: Timestamp) -> bool {
        time > self.latest && !self.is_in(HOUR, time)
    }

    /// The greatest number within one hour.
    pub fn hour_peak(&self) -> u32 {
        self.hour_peak.max(self.now())
    }

    /// The greatest number within ten minutes that is certain.
    pub fn window_peak(&self) -> u32 {
        self.window_peak.max(self.in_window())
    }

    /// Bytes that it takes, in steps.
    pub fn memory_bytes(&self) -> usize {
        match &self.registers {
            Some(_) => size_of::<Self>() + REGISTERS,
            None => Self::bytes_for(self.named.len()),
        }
    }

    /// How many were seen within the latest ten minutes at least.
    fn in_window(&self) -> u32 {
        let count = self.count(OF_WINDOW, |last| self.is_in(WINDOW, last));
        match self.registers {
            Some(_) => {
                let error = 1.04 / (OF_WINDOW.len() as f64).sqrt();
                (f64::from(count) * (1.0 - CAUTION * error)).floor() as u32
            }
            None => count,
        }
    }

    /// By registers, or those named whose last sighting counts.
    fn count(&self, part: Range<usize>, counts: impl Fn(Timestamp) -> bool) -> u32 {
        match &self.registers {
            Some(registers) => hyper_log_log::count(&registers[part]),
            None => self.named.iter().filter(|it| counts(it.last)).count() as u32,
        }
    }

    /// Whether a time is in the span of the latest sighting.
    fn is_in(&self, span: Span, time: Timestamp) -> bool {
        Epoch::of(time, span) == Epoch::of(self.latest, span)
    }

    /// Moves on to a time, unless it is earlier.
    fn advance(&mut self, time: Timestamp) {
        if time <= self.latest {
            return;
        }
        if !self.is_in(DAY, time) {
            self.clear(OF_DAY);
        }
        if !self.is_in(HOUR, time) {
            self.hour_peak = self.hour_peak();
            self.clear(OF_HOUR);
        }
        if !self.is_in(WINDOW, time) {
            self.window_peak = self.window_peak();
            self.clear(OF_WINDOW);
        }
        self.latest = time;
    }

    fn clear(&mut self, part: Range<usize>) {
        if let Some(registers) = &mut self.registers {
            registers[part].fill(0);
        }
    }

    /// Names an address, or enters it once there are too many.
    fn name(&mut self, address: Named) {
        if self.registers.is_some() {
            return self.enter(address.hash, address.last);
        }
        if let Some(known) = self.named.iter_mut().find(|it| it.hash == address.hash) {
            known.last = known.last.max(address.last);
            return;
        }
        if self.named.len() == MOST_NAMED {
            self.registers();
            return self.enter(address.hash, address.last);
        }
        if self.named.len() == self.named.capacity() {
            let more = room_for(self.named.len() + 1) - self.named.len();
            self.named.reserve_exact(more);
        }
        self.named.push(address);
    }

    /// Enters an address into the registers that it counts in.
    fn enter(&mut self, hash: u64, time: Timestamp) {
        let [day, hour, window] = [DAY, HOUR, WINDOW].map(|span| self.is_in(span, time));
        let Some(registers) = &mut self.registers else { return };
        hyper_log_log::note(&mut registers[ALL], hash);
        if day {
            hyper_log_log::note(&mut registers[OF_DAY], hash);
        }
        if hour {
            hyper_log_log::note(&mut registers[OF_HOUR], hash);
        }
        if window {
            hyper_log_log::note(&mut registers[OF_WINDOW], hash);
        }
    }

    /// The registers, with all that are named in them.
    fn registers(&mut self) -> &mut [u8] {
        if self.registers.is_none() {
            self.registers = Some(vec![0; REGISTERS].into());
            for Named { hash, last } in std::mem::take(&mut self.named) {
                self.enter(hash, last);
            }
        }
        self.registers.get_or_insert_default()
    }
}

/// Names that there is room for where so many are needed.
fn room_for(named: usize) -> usize {
    named.next_power_of_two().max(FIRST_NAMED)
}

fn names_bytes(named: usize) -> usize {
    room_for(named) * size_of::<Named>()
}

impl Persist for AddressCounter {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let Self {
            named,
            registers,
            latest,
            since,
            hour_peak,
            window_peak,
            cut,
            misses_some,
        } = self;
        named.persist(file)?;
        let mut some = registers.is_some();
        some.persist(file)?;
        match some {
            true => registers
                .get_or_insert_with(|| vec![0; REGISTERS].into())
                .persist(file)?,
            false => *registers = None,
        }
        latest.persist(file)?;
        since.persist(file)?;
        hour_peak.persist(file)?;
        window_peak.persist(file)?;
        cut.persist(file)?;
        misses_some.persist(file)
    }
}

persist!(Named { hash, last });
persist!(Hour { number, addresses, of_day, since });

#[cfg(test)]
mod tests;
