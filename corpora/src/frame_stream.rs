//! The frames of a running scenario, merged from its sources of traffic.
//!
//! A [`FrameStream`] merges a scenario's own traffic and its background in order of time,
//! numbers the packets, and records the [`GroundTruth`]. Memory holds the conversations
//! under way, so that a capture may be of any length.

use crate::ground_truth::{
    Carriers, ContentTruth, GroundTruth, InfectionTruth, SCHEMA, Span, hexadecimal,
};
use crate::time::rfc3339;
use crate::traffic::{Mark, Tally, Traffic};

/// A small capture in memory.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Time in nanoseconds since the epoch, and the frame.
    pub frames: Vec<(u64, Vec<u8>)>,
    /// The answer.
    pub truth: GroundTruth,
}

/// What is known of a frame as it crosses the tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameInfo {
    /// Place in the capture, counted from 1.
    pub number: u64,
    /// Time in nanoseconds since the epoch.
    pub time_ns: u64,
    /// Whether it holds planted bytes.
    pub carries_content: bool,
    /// Which of the scenarios that were joined it is of, from 0.
    pub part: usize,
}

/// Where a [`FrameStream`] ends, whichever comes first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// The last moment, in nanoseconds since the epoch.
    pub(crate) until_ns: Option<u64>,
    /// The most packets.
    pub(crate) packets: Option<u64>,
}

impl Limits {
    /// Ends at `end` at the latest.
    fn end_by(&mut self, end: Option<u64>) {
        self.until_ns = self.until_ns.into_iter().chain(end).min();
    }
}

/// The frames of a running scenario, in order of time.
pub struct FrameStream {
    scenario: &'static str,
    seed: u64,
    limits: Limits,
    list_carriers: bool,
    sources: Vec<Source>,
    packets: u64,
    /// Packets of a given capture, counted in between.
    foreign: u64,
    /// Time of the first and last packet, those of the given capture included.
    ends_ns: Option<(u64, u64)>,
    /// Time of the last packet of its own.
    last_ns: u64,
}

struct Source {
    traffic: Box<dyn Traffic>,
    part: usize,
    next_time: Option<u64>,
    carriers: Vec<Carriers>,
    /// Packet number by infection; 0 for none yet.
    infecting: Vec<u64>,
    /// By the number of what is counted.
    tallies: Vec<Tally>,
}

impl FrameStream {
    /// Merges these sources. Of frames of one time, that of the earlier source comes first.
    pub(crate) fn new(
        scenario: &'static str,
        seed: u64,
        traffic: Vec<Box<dyn Traffic>>,
        limits: Limits,
        list_carriers: bool,
    ) -> Self {
        let mut limits = limits;
        let mut open = |mut traffic: Box<dyn Traffic>| {
            let next_time = traffic.next_time();
            limits.end_by(traffic.ends_at());
            Source {
                next_time,
                traffic,
                part: 0,
                carriers: Vec::new(),
                infecting: Vec::new(),
                tallies: Vec::new(),
            }
        };
        let sources = traffic.into_iter().map(&mut open).collect();
        Self {
            scenario,
            seed,
            limits,
            list_carriers,
            sources,
            packets: 0,
            foreign: 0,
            ends_ns: None,
            last_ns: 0,
        }
    }

    /// The frames of both, as long as the first one goes on; the other's are of the next part.
    pub(crate) fn join(mut self, other: Self) -> Self {
        let parts = self.sources.iter().map(|source| source.part + 1).max().unwrap_or(0);
        let others = other.sources.into_iter();
        self.sources.extend(others.map(|it| Source { part: it.part + parts, ..it }));
        self
    }

    /// When the next frame comes; `None` at the end.
    pub fn next_time(&self) -> Option<u64> {
        let within = self.limits.packets.is_none_or(|most| self.packets < most);
        let next = self.sources.iter().filter_map(|source| source.next_time).min()?;
        let in_time = self.limits.until_ns.is_none_or(|end| next <= end);
        (within && in_time).then_some(next)
    }

    /// Counts a packet of the capture that the frames are put into: it takes the next
    /// number, and the truth is that of both together.
    pub(crate) fn count_foreign(&mut self, time_ns: u64) {
        self.foreign += 1;
        self.note_time(time_ns);
    }

    fn note_time(&mut self, time_ns: u64) {
        let (first, last) = self.ends_ns.unwrap_or((time_ns, time_ns));
        self.ends_ns = Some((first.min(time_ns), last.max(time_ns)));
    }

    /// Puts the next frame in place of what `frame` holds; `None` at the end.
    pub fn next_frame(&mut self, frame: &mut Vec<u8>) -> Option<FrameInfo> {
        if self.limits.packets.is_some_and(|most| self.packets >= most) {
            return None;
        }
        let first = self
            .sources
            .iter_mut()
            .filter(|source| source.next_time.is_some())
            .min_by_key(|source| source.next_time)?;
        let (time_ns, mark) = first.traffic.next_frame(frame)?;
        let part = first.part;
        first.next_time = first.traffic.next_time();
        self.limits.end_by(first.traffic.ends_at());
        if self.limits.until_ns.is_some_and(|end| time_ns > end) {
            self.limits.packets = Some(self.packets);
            return None;
        }
        self.packets += 1;
        self.last_ns = time_ns;
        let number = self.packets + self.foreign;
        match mark {
            Mark::Ordinary => {}
            Mark::Content { content, infects } => {
                first.add_carrier(content, infects, number, time_ns, self.list_carriers);
            }
            Mark::Counted(counted) => first.count(counted, number, time_ns),
        }
        self.note_time(time_ns);
        let carries_content = matches!(mark, Mark::Content { .. });
        Some(FrameInfo { number, time_ns, carries_content, part })
    }

    /// The answer to the frames so far.
    pub fn into_truth(self) -> GroundTruth {
        let (first_ns, last_ns) = self.ends_ns.unwrap_or_default();
        let mut truth = GroundTruth {
            schema: SCHEMA.to_owned(),
            scenario: self.scenario.to_owned(),
            seed: self.seed,
            packets: self.packets + self.foreign,
            first_packet: rfc3339(first_ns),
            first_packet_ns: first_ns,
            last_packet: rfc3339(last_ns),
            last_packet_ns: last_ns,
            ..GroundTruth::default()
        };
        for source in self.sources {
            source.add_to(&mut truth, self.last_ns);
        }
        truth.infections.sort_by_key(|infection| infection.time_ns);
        truth
    }

    /// All remaining frames at once, for small captures.
    pub fn into_trace(mut self) -> Trace {
        let mut frames = Vec::new();
        let mut frame = Vec::new();
        while let Some(stamp) = self.next_frame(&mut frame) {
            frames.push((stamp.time_ns, frame.clone()));
        }
        Trace { frames, truth: self.into_truth() }
    }
}

impl std::fmt::Debug for FrameStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameStream")
            .field("scenario", &self.scenario)
            .field("seed", &self.seed)
            .field("packets", &self.packets)
            .finish_non_exhaustive()
    }
}

impl Source {
    fn add_carrier(
        &mut self,
        content: u16,
        infects: Option<u32>,
        number: u64,
        time_ns: u64,
        list: bool,
    ) {
        let content = usize::from(content);
        if self.carriers.len() <= content {
            self.carriers.resize(content + 1, Carriers::default());
        }
        self.carriers[content].add(number, time_ns, list);
        if let Some(infection) = infects {
            let infection = infection as usize;
            if self.infecting.len() <= infection {
                self.infecting.resize(infection + 1, 0);
            }
            self.infecting[infection] = number;
        }
    }

    fn count(&mut self, counted: u16, number: u64, time_ns: u64) {
        let counted = usize::from(counted);
        if self.tallies.len() <= counted {
            self.tallies.resize(counted + 1, Tally::default());
        }
        self.tallies[counted].add(number, time_ns);
    }

    /// Adds what this source planted. An infection whose last packet would come after the
    /// end has not happened.
    fn add_to(mut self, truth: &mut GroundTruth, end_ns: u64) {
        let planted = self.traffic.planted();
        let named = planted.parameters.into_iter();
        truth.parameters.extend(named.map(|(name, value)| (name.to_owned(), value)));
        truth.vulnerable_hosts += planted.vulnerable_hosts;
        truth.incidents.extend(planted.incidents);
        if let Some(dark) = planted.dark {
            let probes = self.carriers.iter().map(|carriers| carriers.count).sum();
            let part = dark.truth(&self.tallies, probes, end_ns);
            truth.dark.get_or_insert_default().add(part);
        }
        if let Some(decoys) = planted.decoys {
            let part = decoys.truth(&self.tallies);
            truth.decoys.get_or_insert_default().add(part);
        }
        truth.churn = truth.churn.take().or(planted.churn.map(|it| it.truth(end_ns)));
        self.carriers.resize(planted.contents.len(), Carriers::default());
        for (content, carriers) in planted.contents.into_iter().zip(self.carriers) {
            let spans = content.body.invariant().into_iter();
            truth.contents.push(ContentTruth {
                name: content.name.to_owned(),
                content_hex: hexadecimal(&content.body.template()),
                length: content.body.length(),
                invariant: spans
                    .map(|range| Span { start: range.start, end: range.end })
                    .collect(),
                protocol: content.protocol,
                destination_port: content.destination_port,
                carriers,
            });
        }
        for (index, infection) in planted.infections.into_iter().enumerate() {
            let packet = self.infecting.get(index).copied().filter(|&number| number > 0);
            let happened = if infection.seen {
                packet.is_some()
            } else {
                infection.time_ns <= end_ns
            };
            if happened {
                truth.infections.push(InfectionTruth {
                    host: infection.host,
                    time: rfc3339(infection.time_ns),
                    time_ns: infection.time_ns,
                    by: infection.by,
                    packet,
                });
            }
        }
    }
}
