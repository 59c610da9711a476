//! The hosts on one side of a content: named up to 64, then counted in registers.
//!
//! Guarantees: exact as long as every host is named; beyond that within 2.3 % (standard
//! error, see [`hyper_log_log`]), without an end. Costs: 16 bytes a named host, and 2 KiB
//! from the 65th on, within the table's budget; where that leaves no room, the count is
//! what is named, and says "at least".

use super::super::count::{Count, MOST_HOSTS};
use super::record::persist_list;
use crate::packet::Host;
use crate::sketch::{Turn, hash_pair, hyper_log_log};
use crate::state::{Exchange, Persist, persist};

/// Hosts that a new entry has room for from the start.
pub(super) const FIRST_HOSTS: usize = 4;
/// Registers of one side.
pub(crate) const REGISTERS: usize = 2_048;

/// How a list or the samples took a new item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    Unchanged,
    Added,
    /// There was no memory left to grow.
    Refused,
}

/// The sources or the destinations of a content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Named hosts in order of first sighting.
    list: Vec<Host>,
    /// Which of them were seen in this dispersion epoch and in the one before.
    recent: Recent,
    /// All hosts since the entry was made, once they are too many to be named.
    registers: Option<Box<[u8]>>,
    /// Whether a host since the entry was made is not in the list.
    cut: bool,
    /// Hosts that may have come before the entry was made and are not known.
    before: u32,
    /// Largest estimate of how many there are in the dispersion window; while the list is
    /// complete, never more than came before and are named.
    estimate: u32,
}

impl Side {
    /// The named hosts, up to 64, in order of first sighting.
    pub fn list(&self) -> &[Host] {
        &self.list
    }

    /// Whether every host since the entry was made is named.
    pub fn is_listed(&self) -> bool {
        !self.cut
    }

    /// Whether every host of the dispersion window is named.
    pub fn is_complete(&self) -> bool {
        !self.cut && self.before == 0
    }

    /// Largest estimate by the dispersion tables; what is named bounds it.
    pub fn estimate(&self) -> u32 {
        self.estimate
    }

    /// How many there were since the first sighting that is known.
    pub fn count(&self) -> Count {
        let named = self.list.len() as u32;
        match &self.registers {
            Some(registers) => Count::about(hyper_log_log::count(registers).max(named)),
            None if self.is_complete() => Count::exact(named),
            None => Count::at_least(named),
        }
    }

    /// The registers, once there are any.
    pub(crate) fn registers(&self) -> Option<&[u8]> {
        self.registers.as_deref()
    }

    /// Named hosts seen in this dispersion epoch or the one before.
    pub(super) fn recent(&self) -> u32 {
        self.recent.bits().count_ones()
    }

    /// Moves on to another dispersion epoch.
    pub(super) fn turn(&mut self, turn: Turn) {
        self.recent.turn(turn);
    }

    /// An empty side that takes over the memory, where it has its first size.
    pub(super) fn restarted(&mut self, before: u32) -> Self {
        Self { list: reuse(&mut self.list), before, ..Self::default() }
    }

    /// Bytes reserved.
    pub(super) fn reserved(&self) -> usize {
        self.list.capacity() * size_of::<Host>()
            + self.registers.as_ref().map_or(0, |registers| registers.len())
    }

    /// Enters a host, if it is new, or notes that it was seen again. `room` is the memory
    /// that may still be taken, `seed` that of the registers. In a full list a host that
    /// has left the dispersion window makes room. With its place, where it has one now.
    pub(super) fn enter(
        &mut self,
        host: Host,
        room: usize,
        seed: u64,
    ) -> (Listed, Option<usize>) {
        if let Some(at) = self.list.iter().position(|known| *known == host) {
            self.recent.note(at);
            return (Listed::Unchanged, Some(at));
        }
        if self.may_name(room) {
            grow(&mut self.list, MOST_HOSTS, usize::MAX);
            self.recent.note(self.list.len());
            self.list.push(host);
            self.note(host, seed);
            return (Listed::Added, Some(self.list.len() - 1));
        }
        let refused = !self.cut && !self.leave_list(room, seed);
        self.note(host, seed);
        let outside = self.recent.bits().trailing_ones() as usize;
        let outside = (outside < self.list.len()).then_some(outside);
        if let Some(at) = outside {
            self.list[at] = host;
            self.recent.note(at);
        }
        let listed = match (refused, outside) {
            (true, _) => Listed::Refused,
            (false, Some(_)) => Listed::Added,
            (false, None) => Listed::Unchanged,
        };
        (listed, outside)
    }

    /// Notes an estimate of the dispersion tables.
    pub(super) fn raise(&mut self, estimate: u32) {
        let most = match self.cut {
            false => self.before.saturating_add(self.list.len() as u32),
            true => u32::MAX,
        };
        self.estimate = self.estimate.max(estimate.min(most));
    }

    /// Whether `room` lets the list name one more.
    fn may_name(&self, room: usize) -> bool {
        let (named, capacity) = (self.list.len(), self.list.capacity());
        let more = (2 * capacity).clamp(1, MOST_HOSTS).saturating_sub(named);
        let bytes = more * size_of::<Host>();
        named < MOST_HOSTS && (named < capacity || bytes <= room)
    }

    /// Begins to count what is not named; false where there is no room for it.
    fn leave_list(&mut self, room: usize, seed: u64) -> bool {
        self.cut = true;
        if room < REGISTERS {
            return false;
        }
        self.registers = Some(vec![0; REGISTERS].into());
        for at in 0..self.list.len() {
            self.note(self.list[at], seed);
        }
        true
    }

    fn note(&mut self, host: Host, seed: u64) {
        if let Some(registers) = &mut self.registers {
            hyper_log_log::note(registers, hash(host, seed));
        }
    }
}

/// Which places of a list were seen in the current epoch and in the one before, a bit
/// each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Recent {
    current: u64,
    previous: u64,
}

const _: () = assert!(MOST_HOSTS <= u64::BITS as usize);

impl Recent {
    fn note(&mut self, place: usize) {
        self.current |= 1 << place;
    }

    fn turn(&mut self, turn: Turn) {
        *self = match turn {
            Turn::Stay => *self,
            Turn::Next => Self { current: 0, previous: self.current },
            Turn::Jump => Self::default(),
        };
    }

    fn bits(self) -> u64 {
        self.current | self.previous
    }
}

/// A host as registers know it: the same for every content, so that what several windows
/// of one content, or several sensors of one key, have counted can be merged.
pub(crate) fn hash(host: Host, seed: u64) -> u64 {
    hash_pair(0, host.0, seed)
}

/// Makes room for one more item by doubling; false when `room` bytes are too few.
pub(super) fn grow<T>(list: &mut Vec<T>, most: usize, room: usize) -> bool {
    if list.len() < list.capacity() {
        return true;
    }
    let wanted = (2 * list.capacity()).clamp(1, most);
    let more = wanted - list.len();
    if more == 0 || more.saturating_mul(size_of::<T>()) > room {
        return false;
    }
    list.reserve_exact(more);
    true
}

fn reuse<T>(list: &mut Vec<T>) -> Vec<T> {
    if list.capacity() == FIRST_HOSTS {
        list.clear();
        std::mem::take(list)
    } else {
        Vec::with_capacity(FIRST_HOSTS)
    }
}

impl Persist for Side {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let Self { list, recent, registers, cut, before, estimate } = self;
        persist_list(list, file)?;
        recent.persist(file)?;
        persist_registers(registers, file)?;
        cut.persist(file)?;
        before.persist(file)?;
        estimate.persist(file)
    }
}

persist!(Recent { current, previous });

/// Registers have one size wherever they are.
pub(crate) fn persist_registers(
    registers: &mut Option<Box<[u8]>>,
    file: &mut Exchange<'_>,
) -> std::io::Result<()> {
    let mut some = registers.is_some();
    some.persist(file)?;
    if !some {
        *registers = None;
        return Ok(());
    }
    registers.get_or_insert_with(|| vec![0; REGISTERS].into()).persist(file)
}
