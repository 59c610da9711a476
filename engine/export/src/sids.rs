//! Numbers of rules (sids): one a signature, kept in a registry.
//!
//! An IDS refuses a file with one number twice, and analysts quote numbers. So:
//!
//! - A signature keeps its number. Its revision rises when its content changes.
//! - A number that was never given out comes first. When the range has none left, the
//!   number whose rule left the file longest ago is used again, but not before
//!   [`SidRegistry::REST`] has passed, and with a higher revision.
//! - When there is no such number either, only the new signature goes without.
//! - Each sensor has a range of its own ([`SidRange`]); ranges that do not overlap never
//!   collide.
//!
//! The registry is JSON (see `file`), for the caller to keep. Times are the caller's.
//! Each operation costs the logarithm of the registry's size, [`SidRegistry::settle`] and
//! reading and writing its size.

mod file;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use wormsift::packet::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

/// A rule's number and revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sid {
    /// The number.
    pub sid: u32,
    /// From 1 on; raised when the rule's content changes.
    pub rev: u32,
}

/// The numbers that one sensor gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SidRange {
    base: u32,
    count: u32,
}

impl SidRange {
    /// The first number unless it says otherwise: in the range for local rules (1,000,000 to
    /// 1,999,999), away from where people begin by hand.
    pub const BASE: u32 = 1_500_000;
    /// Numbers of a range unless it says otherwise.
    pub const COUNT: u32 = 100_000;

    /// `count` numbers from `base` on; `None` where that is no number at all or more than
    /// a rule may have.
    pub fn new(base: u32, count: u32) -> Option<Self> {
        let last = base.checked_add(count.checked_sub(1)?)?;
        (base > 0 && last > 0).then_some(Self { base, count })
    }

    /// The first number.
    pub fn base(self) -> u32 {
        self.base
    }

    /// How many there are.
    pub fn count(self) -> u32 {
        self.count
    }

    /// The last number.
    pub fn last(self) -> u32 {
        self.base + (self.count - 1)
    }

    fn holds(self, sid: u32) -> bool {
        (self.base..=self.last()).contains(&sid)
    }
}

impl Default for SidRange {
    fn default() -> Self {
        Self { base: Self::BASE, count: Self::COUNT }
    }
}

/// Numbers by signature id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidRegistry {
    range: SidRange,
    /// Every number that was ever given out.
    numbers: BTreeMap<u32, Number>,
    by_id: HashMap<String, u32>,
    /// Numbers of the range whose rule has left the file, oldest first.
    left: BTreeSet<(Timestamp, u32)>,
    /// All of the range below this were given out.
    next: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Number {
    rev: u32,
    /// `None` when its signature has another number now.
    owner: Option<Owner>,
    /// Since when no rule in the file has it; `None` while one does.
    left_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    id: String,
    /// XXH3-64 of the content as of this revision.
    content: u64,
}

/// What is wrong with a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SidError {
    /// Not JSON of the expected shape; the parser's word.
    Json(String),
    /// Of another schema or version, named here.
    Schema(String),
    /// The range is empty or ends beyond the largest number.
    Range(u32, u32),
    /// What is wrong with this number's entry.
    Number(u32, &'static str),
    /// All numbers of the range are in use, or were until lately.
    Exhausted(SidRange),
}

impl fmt::Display for SidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(reason) => {
                write!(f, "not a {} registry: {reason}", file::SCHEMA)
            }
            Self::Schema(found) => {
                write!(f, "expected schema {}, found {found}", file::SCHEMA)
            }
            Self::Range(base, count) => {
                write!(f, "no range of sids: {count} from {base} on")
            }
            Self::Number(sid, reason) => write!(f, "sid {sid}: {reason}"),
            Self::Exhausted(range) => write!(
                f,
                "all sids from {} to {} are in use or were within {} days",
                range.base,
                range.last(),
                SidRegistry::REST / DAY
            ),
        }
    }
}

impl std::error::Error for SidError {}

impl Default for SidRegistry {
    fn default() -> Self {
        Self::new(SidRange::default())
    }
}

const DAY: u64 = 86_400_000_000_000;

impl SidRegistry {
    /// Nanoseconds that a number is not used again after its rule left the file: 90 days.
    pub const REST: u64 = 90 * DAY;

    /// An empty registry that gives out these numbers.
    pub fn new(range: SidRange) -> Self {
        Self {
            range,
            numbers: BTreeMap::new(),
            by_id: HashMap::new(),
            left: BTreeSet::new(),
            next: u64::from(range.base),
        }
    }

    /// The numbers that it gives out.
    pub fn range(&self) -> SidRange {
        self.range
    }

    /// Gives out these numbers from now on. A signature whose number is outside gets a new
    /// one at its next [`assign`](Self::assign).
    pub fn set_range(&mut self, range: SidRange) {
        self.range = range;
        self.next = u64::from(range.base);
        let left = self.numbers.iter().filter(|(sid, _)| range.holds(**sid));
        self.left = left.filter_map(|(sid, it)| Some((it.left_at?, *sid))).collect();
    }

    /// The number of the signature with this id, now in a rule or alert: its own if it has
    /// one, of a new revision if its content has changed since; else another.
    ///
    /// # Errors
    ///
    /// [`SidError::Exhausted`] when it has none and there is none to be given. Nothing is
    /// changed then.
    pub fn assign(
        &mut self,
        id: &str,
        content: &[u8],
        now: Timestamp,
    ) -> Result<Sid, SidError> {
        let content = xxh3_64(content);
        let own = self.by_id.get(id).copied();
        if let Some(sid) = own.filter(|sid| self.range.holds(*sid)) {
            return Ok(self.keep(sid, content));
        }
        match (self.free(now), own) {
            (Some(sid), own) => {
                if let Some(old) = own.and_then(|old| self.numbers.get_mut(&old)) {
                    old.owner = None;
                    old.left_at = Some(now);
                }
                Ok(self.give(sid, id, content))
            }
            // Better a number from outside the range than no rule.
            (None, Some(sid)) => Ok(self.keep(sid, content)),
            (None, None) => Err(SidError::Exhausted(self.range)),
        }
    }

    /// Says which signatures have a rule in the file as of now: the numbers of all others
    /// have left it.
    pub fn settle(&mut self, has_rule: impl Fn(&str) -> bool, now: Timestamp) {
        for (sid, number) in &mut self.numbers {
            let stays = number.owner.as_ref().is_some_and(|owner| has_rule(&owner.id));
            if number.left_at.is_none() && !stays {
                number.left_at = Some(now);
                if self.range.holds(*sid) {
                    self.left.insert((now, *sid));
                }
            }
        }
    }

    /// Marks an owned number as in use.
    fn keep(&mut self, sid: u32, content: u64) -> Sid {
        let number = self.numbers.get_mut(&sid).expect("ids have numbers that are known");
        if let Some(left_at) = number.left_at.take() {
            self.left.remove(&(left_at, sid));
        }
        if let Some(owner) = &mut number.owner
            && owner.content != content
        {
            owner.content = content;
            number.rev = number.rev.saturating_add(1);
        }
        Sid { sid, rev: number.rev }
    }

    /// A number that was never given out, else one that has rested long enough.
    fn free(&mut self, now: Timestamp) -> Option<u32> {
        let last = u64::from(self.range.last());
        while self.next <= last {
            let sid = self.next as u32;
            if !self.numbers.contains_key(&sid) {
                return Some(sid);
            }
            self.next += 1;
        }
        let (left_at, sid) = self.left.first().copied()?;
        let rested = now.as_nanos().saturating_sub(left_at.as_nanos()) >= Self::REST;
        rested.then_some(sid)
    }

    fn give(&mut self, sid: u32, id: &str, content: u64) -> Sid {
        let mut rev = 1;
        if let Some(before) = self.numbers.get(&sid) {
            rev = before.rev.saturating_add(1);
            if let Some(left_at) = before.left_at {
                self.left.remove(&(left_at, sid));
            }
            if let Some(owner) = &before.owner {
                self.by_id.remove(&owner.id);
            }
        }
        let owner = Some(Owner { id: id.to_owned(), content });
        self.numbers.insert(sid, Number { rev, owner, left_at: None });
        self.by_id.insert(id.to_owned(), sid);
        Sid { sid, rev }
    }
}
