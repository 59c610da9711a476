//! The packets that the rules of signatures would alert on.
//!
//! Payloads are scanned on all threads, then streams joined in order, so that the answer does not
//! depend on threads or batches.

use rayon::ThreadPool;
use rayon::prelude::*;
use serde::Serialize;
use wormsift::config::{Config, Size};
use wormsift::decode::{Decoded, Decoder, Fragments};
use wormsift::error::Error;
use wormsift::packet::{Packet, Timestamp};
use wormsift::pipeline::FrameList;
use wormsift::signature::Signature;
use wormsift_capture::FrameBatch;
#[cfg(feature = "schema")]
use wormsift_export::json_lines::Id;
use wormsift_export::json_lines::{Address, Time};
use wormsift_export::matching::{Found, Matcher};
use wormsift_export::{Rule, RuleOptions, Sid};

/// Frames that one task scans.
const PART: usize = 512;

/// Looks for signatures in captures, batch by batch.
pub struct Search {
    matcher: Matcher,
    decoder: Decoder,
    fragments: Fragments,
    counts: Counts,
    not_looked_for: Vec<String>,
}

/// What is counted while packets come by.
struct Counts {
    matches: Vec<Matches>,
    holding: Vec<usize>,
}

/// A frame of a batch, and what its own payload holds.
type Scanned<'b> = (Decoded<'b>, Vec<Found>);

impl Search {
    /// Longest part of a content that is looked for, in bytes, unless told otherwise.
    pub const MOST_BYTES: u16 = 256;
    /// Memory for the ends of TCP segments, unless told otherwise.
    pub const TAIL_MEMORY: Size = Size(64 << 20);

    /// A search for these, in packets as a sensor of these settings decodes tunnels.
    ///
    /// # Errors
    ///
    /// When there are too many bytes to look for.
    pub fn new(
        signatures: &[Signature],
        most_bytes: u16,
        tail_memory: usize,
        config: &Config,
    ) -> Result<Self, Error> {
        let options =
            RuleOptions { most_bytes: most_bytes.into(), ..RuleOptions::default() };
        let (mut rules, mut not_looked_for) = (Vec::new(), Vec::new());
        for signature in signatures {
            match Rule::new(signature, Sid { sid: 1, rev: 1 }, &options) {
                Ok(rule) => rules.push(rule),
                Err(reason) => not_looked_for
                    .push(format!("{}: not looked for: {reason}", signature.id)),
            }
        }
        let decoder = Decoder::new(true, false).with_vxlan_ports(&config.vxlan_ports);
        let matches = rules.iter().map(|rule| Matches::new(rule.signature)).collect();
        Ok(Self {
            matcher: Matcher::new(&rules, tail_memory)?,
            fragments: Fragments::new(decoder.clone()),
            decoder,
            counts: Counts { matches, holding: Vec::new() },
            not_looked_for,
        })
    }

    /// The signatures that are too weak to look for, a line each.
    pub fn not_looked_for(&self) -> &[String] {
        &self.not_looked_for
    }

    /// Looks at the next frames; `each` is told every packet that a signature matches, in order.
    ///
    /// # Errors
    ///
    /// The first of `each`.
    pub fn batch<E>(
        &mut self,
        batch: &FrameBatch,
        pool: &ThreadPool,
        mut each: impl FnMut(&Hit<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { matcher, decoder, fragments, counts, .. } = self;
        let (shared, decoder) = (&*matcher, &*decoder);
        let scanned: Vec<Scanned<'_>> = pool.install(|| {
            (0..FrameList::len(batch))
                .into_par_iter()
                .with_min_len(PART)
                .map(|index| {
                    let decoded = decoder.frame(&batch.frame(index));
                    let mut found = Vec::new();
                    if let Decoded::Packet(packet) = &decoded {
                        shared.scan(packet, &mut found);
                    }
                    (decoded, found)
                })
                .collect()
        });
        for (decoded, found) in scanned {
            match decoded {
                Decoded::Packet(packet) => {
                    counts.complete(matcher, &packet, &found, &mut each)?;
                }
                Decoded::Fragment(fragment) => fragments.insert(&fragment, |packet| {
                    let mut found = Vec::new();
                    matcher.scan(packet, &mut found);
                    counts.complete(matcher, packet, &found, &mut each)
                })?,
                Decoded::Drop(_) => {}
            }
        }
        Ok(())
    }

    /// What each signature matched, the most frequent first, and what was looked at.
    pub fn finish(self) -> (Vec<Matches>, MatchStats) {
        let mut matches = self.counts.matches;
        matches.sort_by_key(|matches| std::cmp::Reverse(matches.packets));
        let counters = self.matcher.counters();
        let stats = MatchStats {
            forgotten: counters.forgotten,
            matched: counters.matched,
            packets: counters.packets,
            payload_bytes: counters.payload_bytes,
        };
        (matches, stats)
    }
}

impl Counts {
    fn complete<E>(
        &mut self,
        matcher: &mut Matcher,
        packet: &Packet<'_>,
        found: &[Found],
        each: &mut impl FnMut(&Hit<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        matcher.complete(packet, found, &mut self.holding);
        for &rule in &self.holding {
            let matches = &mut self.matches[rule];
            matches.enter(packet.number, packet.time);
            each(&Hit {
                id: &matches.id,
                packet: packet.number,
                time: packet.time.into(),
                source: Address(packet.source.to_string()),
                destination: Address(packet.destination.to_string()),
                source_port: packet.source_port,
                destination_port: packet.destination_port,
                at: packet.time,
            })?;
        }
        Ok(())
    }
}

/// What one signature matched.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "matches")
)]
#[allow(missing_docs, reason = "the schema copies these texts")]
pub struct Matches {
    #[cfg_attr(feature = "schema", schemars(with = "Id"))]
    pub id: String,
    /// Protocol and port.
    pub service: String,
    pub length: usize,
    pub packets: u64,
    pub first_packet: Option<u64>,
    pub last_packet: Option<u64>,
    pub first_seen: Option<Time>,
    pub last_seen: Option<Time>,
    /// The same two times as numbers.
    #[serde(skip)]
    pub span: Option<[Timestamp; 2]>,
}

impl Matches {
    fn new(signature: &Signature) -> Self {
        Self {
            id: signature.id.clone(),
            service: wormsift_export::text::service(signature),
            length: signature.content.len(),
            packets: 0,
            first_packet: None,
            last_packet: None,
            first_seen: None,
            last_seen: None,
            span: None,
        }
    }

    fn enter(&mut self, number: u64, time: Timestamp) {
        self.packets += 1;
        self.first_packet.get_or_insert(number);
        self.last_packet = Some(number);
        self.first_seen.get_or_insert_with(|| time.into());
        self.last_seen = Some(time.into());
        self.span.get_or_insert([time; 2])[1] = time;
    }
}

/// One packet that one signature matches.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "hit"))]
#[allow(missing_docs, reason = "the schema copies these texts")]
pub struct Hit<'a> {
    #[cfg_attr(feature = "schema", schemars(with = "Id"))]
    pub id: &'a str,
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub packet: u64,
    pub time: Time,
    pub source: Address,
    pub destination: Address,
    pub source_port: u16,
    pub destination_port: u16,
    /// The time as a number.
    #[serde(skip)]
    pub at: Timestamp,
}

/// What was looked at.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "match_stats")
)]
#[allow(missing_docs, reason = "the schema copies these texts")]
pub struct MatchStats {
    /// Streams whose ends were given up.
    pub forgotten: u64,
    /// Packets that some signature matches.
    pub matched: u64,
    pub packets: u64,
    pub payload_bytes: u64,
}
