//! The definition: every packet of every conversation in a list, every pair in a set.

use super::*;
use std::collections::{HashMap, HashSet};

const FIVE_MINUTES: u64 = 300_000_000_000;
const ALL_NUMBERS: i64 = 1 << 32;
const LARGEST_WINDOW: i64 = 1 << 30;

/// A conversation from its first packet on.
#[derive(Default)]
struct Talk {
    steps: Vec<Step>,
    new_pair: NewPair,
    acquaintance: Acquaintance,
    /// Whether it may be the rest of one that was forgotten.
    doubtful: bool,
}

/// A TCP segment: whether it is a SYN, has ACK, is a RST, and its numbers.
#[derive(Clone, Copy)]
struct Tcp {
    syn: bool,
    ack: bool,
    rst: bool,
    sequence: u32,
    acknowledgement: u32,
    len: u32,
}

fn as_tcp(step: &Step) -> Option<Tcp> {
    let Kind::Tcp { flags, sequence, acknowledgement } = step.kind else { return None };
    let rst = flags & RST != 0;
    let (syn, ack) = (flags & SYN != 0 && !rst, flags & ACK != 0);
    Some(Tcp { syn, ack, rst, sequence, acknowledgement, len: step.payload_len })
}

fn is_piece(step: &Step) -> bool {
    matches!(step.kind, Kind::HostStream { .. })
}

/// How far `a` lies after `b`, the nearer way round.
fn distance(a: i64, b: i64) -> i64 {
    let around = [-ALL_NUMBERS, 0, ALL_NUMBERS].map(|round| a - b + round);
    around.into_iter().min_by_key(|away| away.abs()).unwrap()
}

fn bytes_between(first: i64, next: i64) -> i64 {
    (next - first).rem_euclid(ALL_NUMBERS).min(LARGEST_WINDOW)
}

/// The numbers of one side: of its SYN, as it was seen or else acknowledged by a SYN+ACK
/// before its first word; and of its first byte and of the one after its last.
#[derive(Default)]
struct Numbers {
    syn: Option<u32>,
    sent: Option<(i64, i64)>,
}

fn numbers(steps: &[Step], higher: bool) -> Numbers {
    let mut of = Numbers::default();
    let mut spoke = false;
    for step in steps {
        let mine = step.from_higher == higher;
        let Some(it) = as_tcp(step) else {
            spoke |= mine;
            continue;
        };
        if !mine && it.syn && it.ack && !spoke && of.syn.is_none() {
            of.syn = Some(it.acknowledgement.wrapping_sub(1));
        }
        if mine {
            if it.syn && of.syn != Some(it.sequence) {
                of = Numbers { syn: Some(it.sequence), sent: None };
            }
            if !it.rst && (it.syn || it.ack || it.len > 0) {
                of.send(it);
            }
            spoke = true;
        }
    }
    of
}

impl Numbers {
    fn send(&mut self, it: Tcp) {
        let start = (i64::from(it.sequence) + i64::from(it.syn)) % ALL_NUMBERS;
        let end = (start + i64::from(it.len)) % ALL_NUMBERS;
        self.sent = Some(match self.sent {
            None => (self.syn.map_or(start, i64::from), end),
            Some((first, next)) => {
                let back = (next - end).rem_euclid(ALL_NUMBERS);
                let again = back <= bytes_between(first, next) + 65_535;
                (first, if again { next } else { end })
            }
        });
    }
}

impl Talk {
    fn from(&self, higher: bool) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| step.from_higher == higher)
    }

    fn last(&self) -> u64 {
        self.steps.iter().map(|step| step.time.as_nanos()).max().unwrap()
    }

    fn is_over_at(&self, step: &Step) -> bool {
        let me = step.from_higher;
        let quiet = step.time.as_nanos() >= self.last().saturating_add(FIVE_MINUTES);
        match step.kind {
            Kind::Datagram => quiet,
            Kind::HostStream { begins, .. } => {
                begins && (quiet || self.from(me).any(is_piece))
            }
            Kind::Tcp { .. } => {
                let it = as_tcp(step).unwrap();
                let mine = numbers(&self.steps, me).syn;
                let theirs = numbers(&self.steps, !me).syn;
                let asks = |it: Tcp| it.syn && !it.ack;
                let both_ask = !it.ack
                    && mine.is_none()
                    && self.from(me).next().is_none()
                    && self.from(!me).filter_map(as_tcp).any(asks);
                let answers = it.ack
                    && theirs.is_some_and(|number| {
                        let first = i64::from(number) + 1;
                        let away = distance(i64::from(it.acknowledgement), first);
                        (0..=65_535).contains(&away)
                    });
                let same = mine == Some(it.sequence) || answers || both_ask;
                it.syn && (quiet || !same)
            }
        }
    }

    fn is_midstream(&self) -> bool {
        match self.steps[0].kind {
            Kind::Datagram => false,
            Kind::HostStream { begins, .. } => !begins,
            Kind::Tcp { .. } => !as_tcp(&self.steps[0]).unwrap().syn,
        }
    }

    /// Who began, if that was seen: whether it is the higher end.
    fn initiator(&self) -> Option<bool> {
        let first = &self.steps[0];
        match as_tcp(first) {
            Some(it) => it.syn.then_some(first.from_higher != it.ack),
            None => {
                let known = first.kind == Kind::Datagram && !self.doubtful;
                known.then_some(first.from_higher)
            }
        }
    }

    /// Judges the steps of a side one after the other.
    fn handshake(&self, higher: bool) -> Handshake {
        let mut verdict = Handshake::Unknown;
        for (at, step) in self.steps.iter().enumerate() {
            if step.from_higher != higher || verdict == Gets {
                continue;
            }
            let said = match step.kind {
                Kind::Datagram => Handshake::Unknown,
                Kind::HostStream { handshake, .. } => handshake,
                Kind::Tcp { .. } => self.judge(at),
            };
            if said != Handshake::Unknown {
                verdict = said;
            }
        }
        verdict
    }

    /// What a segment says by itself.
    fn judge(&self, at: usize) -> Handshake {
        let it = as_tcp(&self.steps[at]).unwrap();
        let (me, before) = (self.steps[at].from_higher, &self.steps[..at]);
        let taken_up = self.doubtful || self.is_midstream();
        let other = numbers(before, !me).sent;
        let number = i64::from(it.acknowledgement);
        if let Some((first, next)) = other.filter(|_| it.ack) {
            let range = next - bytes_between(first, next) - 65_535..=next + 65_535;
            let fits = |round| range.contains(&(number + round));
            if [-ALL_NUMBERS, 0, ALL_NUMBERS].into_iter().any(fits) {
                return Gets;
            }
        }
        if it.rst || it.syn && it.len == 0 {
            return Handshake::Unknown;
        }
        let asked = self.steps[..=at].iter().any(|step| {
            let asks = as_tcp(step).is_some_and(|it| it.syn && !it.ack);
            step.from_higher == me && asks
        });
        let should = match other {
            Some((_, next)) if taken_up && it.ack => {
                distance(number, next).abs() > LARGEST_WINDOW
            }
            Some(_) => true,
            None => asked && !taken_up || refused(before, me),
        };
        if should { GetsNone } else { Handshake::Unknown }
    }

    fn age(&self) -> Age {
        if self.doubtful || self.is_midstream() {
            return Age::default();
        }
        let unit = |nanos: u64| nanos / 15_625_000;
        let units = unit(self.last()) - unit(self.steps[0].time.as_nanos());
        Age::of_units(u16::try_from(units).unwrap_or(u16::MAX))
    }

    fn facts(&self, higher: bool) -> Facts {
        let role = match self.initiator() {
            None => Role::Unknown,
            Some(initiator) if initiator == higher => Initiator,
            Some(_) => Responder,
        };
        let implied = |it: Tcp| it.syn && it.ack;
        let answered = if self.from(!higher).next().is_some() {
            Yes
        } else if self.doubtful
            || self.is_midstream()
            || self.from(higher).filter_map(as_tcp).any(implied)
        {
            Answered::Unknown
        } else {
            No
        };
        Facts {
            role,
            answered,
            handshake: self.handshake(higher),
            new_pair: self.new_pair,
            midstream: self.is_midstream(),
            age: self.age(),
            acquaintance: self.acquaintance,
            untrusted: false,
        }
    }
}

/// Whether the other side sent a RST that says that it knows nothing of what this side
/// sent just before.
fn refused(steps: &[Step], me: bool) -> bool {
    steps.iter().enumerate().any(|(at, step)| {
        let Some(it) = as_tcp(step).filter(|it| it.rst) else { return false };
        let mut mine = steps[..at].iter().rev().filter(|step| step.from_higher == me);
        let answered = mine.next().map(|step| as_tcp(step).is_none_or(|it| it.ack));
        step.from_higher != me && answered == Some(!it.ack)
    })
}

/// Everything that was ever seen.
pub(super) struct Twin {
    window: u64,
    now: u64,
    talks: HashMap<u64, Talk>,
    /// Pairs and windows in which they talked, and in which they did for the first time.
    talked: HashSet<(u64, u64)>,
    met: HashSet<(u64, u64)>,
    /// The last time at which a pair was new.
    met_at: HashMap<u64, u64>,
    /// By set and whether of datagrams: until when a conversation that was forgotten may
    /// go on.
    gone: HashMap<(usize, bool), u64>,
}

impl Twin {
    pub(super) fn new(window: u64) -> Self {
        Self {
            window,
            now: 0,
            talks: HashMap::new(),
            talked: HashSet::new(),
            met: HashSet::new(),
            met_at: HashMap::new(),
            gone: HashMap::new(),
        }
    }

    /// Whether the pair talked in one of so many windows, that of `time` included.
    pub(super) fn talked_at(&self, pair: u64, time: u64, windows: u64) -> bool {
        within(&self.talked, pair, self.now.max(time) / self.window, windows)
    }

    /// Takes a step; `set` is where a table would look for its conversation.
    pub(super) fn observe(&mut self, step: Step, set: usize) -> Facts {
        self.now = self.now.max(step.time.as_nanos());
        let over = self.talks.get(&step.connection).is_none_or(|it| it.is_over_at(&step));
        if over {
            let mut talk = Talk { steps: vec![step], ..Talk::default() };
            let of_datagrams = step.kind == Kind::Datagram;
            let gone = self.gone.get(&(set, of_datagrams)).copied().unwrap_or(0);
            talk.doubtful = !talk.is_midstream() && step.time.as_nanos() < gone;
            talk.new_pair = self.new_pair(&talk, gone > 0);
            if talk.new_pair == NewPair::Yes {
                self.met.insert((step.pair, self.now / self.window));
                self.met_at.insert(step.pair, step.time.as_nanos());
            }
            let met_at = self.met_at.get(&step.pair).copied();
            let since = (self.now / self.window).saturating_sub(1) * self.window;
            let met_at =
                met_at.filter(|at| talk.new_pair == NewPair::Lately && *at >= since);
            if let Some(met_at) = met_at {
                let unit = |nanos: u64| nanos / 15_625_000;
                let units = unit(step.time.as_nanos()).saturating_sub(unit(met_at));
                talk.acquaintance = Acquaintance::of_units(units);
            }
            talk.steps.clear();
            self.talks.insert(step.connection, talk);
        }
        self.talked.insert((step.pair, self.now / self.window));
        let talk = self.talks.get_mut(&step.connection).unwrap();
        talk.steps.push(step);
        talk.facts(step.from_higher)
    }

    fn new_pair(&self, talk: &Talk, forgot: bool) -> NewPair {
        let first = &talk.steps[0];
        let talked = self.talked_at(first.pair, self.now, 2);
        if talk.is_midstream() {
            let goes_on = as_tcp(first).is_none_or(|it| it.ack && !it.rst);
            return if goes_on && !talked && !forgot {
                NewPair::No
            } else {
                NewPair::Unknown
            };
        }
        if talk.doubtful && (talked || self.window < FIVE_MINUTES) {
            NewPair::Unknown
        } else if !talked {
            NewPair::Yes
        } else if within(&self.met, first.pair, self.now / self.window, 2) {
            NewPair::Lately
        } else {
            NewPair::No
        }
    }

    /// Whether the last step of this connection began a conversation.
    pub(super) fn has_begun(&self, connection: u64) -> bool {
        self.talks[&connection].steps.len() == 1
    }

    /// Whether the last step of this connection is the first answer, and no refusal.
    pub(super) fn has_answered(&self, connection: u64) -> bool {
        let talk = &self.talks[&connection];
        let last = talk.steps.last().unwrap();
        let is_first = talk.from(last.from_higher).count() == 1;
        let refuses = as_tcp(last).is_some_and(|it| it.rst);
        is_first && !refuses && talk.facts(last.from_higher).role == Role::Responder
    }

    /// Connections that are known.
    pub(super) fn known(&self) -> Vec<u64> {
        self.talks.keys().copied().collect()
    }

    /// Forgets a conversation, as a table does with one of this set.
    pub(super) fn forget(&mut self, connection: u64, set: usize) {
        let talk = self.talks.remove(&connection).unwrap();
        let of_datagrams = talk.steps[0].kind == Kind::Datagram;
        let until = self.gone.entry((set, of_datagrams)).or_default();
        *until = (*until).max(talk.last() + FIVE_MINUTES);
    }
}

fn within(set: &HashSet<(u64, u64)>, pair: u64, now: u64, windows: u64) -> bool {
    let since = (now + 1).saturating_sub(windows);
    (since..=now).any(|window| set.contains(&(pair, window)))
}
