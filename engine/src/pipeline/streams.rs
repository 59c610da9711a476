//! The payload side of the pipeline: what the merger of several taps cannot have, since it
//! has no payloads.
//!
//! Seams of TCP segments, and samples of contents, by flow shard. The stages that hold the
//! payloads answer what others ask of them by a place in packet order.

use super::affinity::for_each_with_affinity;
use super::batch::{Chunk, Frames};
use super::record_at::{PlacedRequest, SeamSighting};
use super::seeds::Seeds;
use super::sizing::{FLOW_SHARDS, Plan};
use super::stage_times::StageTimer;
use super::stream_shard::StreamShard;
use super::worker::Sifter;
use crate::fingerprint::Windows;
use crate::signature::{AlarmedCandidate, Sample, SampleReference};
use crate::state::{Exchange, Persist, persist};
pub(crate) use crate::stream::SampleRank as Rank;
use crate::stream::{SampleCounters, StreamCounters};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::ops::{AddAssign, Range};
use std::sync::Arc;

/// Samples of each flow shard that a tick's tokens are held against: about a thousand
/// in all, two megabytes.
pub(crate) const ORDINARY: usize = 16;

/// All flow shards' tails and samples.
pub(crate) enum Streams {
    Here(Vec<StreamShard>),
    /// At taps, from which comes what they have seen, and which answer.
    Away(Away),
}

/// What comes from taps and goes to them.
#[derive(Debug, Default)]
pub(crate) struct Away {
    /// What was seen across seams, of the batch that begins.
    pub(crate) seams: Vec<SeamSighting>,
    /// What content shards asked for, each with the number of the shard.
    pub(crate) requests: Vec<(u8, PlacedRequest)>,
    pub(crate) stream: StreamCounters,
    pub(crate) samples: SampleCounters,
    pub(crate) windows: Windows,
}

/// A sample that is wanted: where it was taken, and the key of the window it must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) flow_shard: u8,
    pub(crate) packet: u64,
    pub(crate) offset: i32,
    pub(crate) key: u64,
    pub(crate) protocol: u8,
    pub(crate) port: Option<u16>,
}

/// A sample that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Unique in its flow shard.
    pub(crate) id: u64,
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) window: Range<usize>,
    pub(crate) time: Timestamp,
    pub(crate) payload_length: Option<u32>,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
}

/// The bytes that the alarms of one tick are judged by.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// For each sample that was wanted, in order.
    pub(crate) found: Vec<Option<Found>>,
    /// Other traffic.
    pub(crate) ordinary: Vec<Arc<[u8]>>,
}

/// The samples that the alarms of a tick refer to, in order.
pub(crate) fn wanted(alarms: &[AlarmedCandidate]) -> Vec<Wanted> {
    let of_alarm = |alarm: &AlarmedCandidate| {
        let (key, protocol, port) = (alarm.key, alarm.protocol, alarm.port);
        let want = move |sample: &SampleReference| Wanted {
            flow_shard: sample.flow_shard,
            packet: sample.packet,
            offset: sample.offset,
            key,
            protocol,
            port,
        };
        alarm.candidate.samples.iter().map(want).collect::<Vec<_>>()
    };
    alarms.iter().flat_map(of_alarm).collect()
}

impl Evidence {
    /// Gives each alarm the samples that it referred to, as far as they were found.
    pub(crate) fn give_to(self, alarms: &mut [AlarmedCandidate]) -> Vec<Arc<[u8]>> {
        let mut found = self.found.into_iter();
        for alarm in alarms {
            let references = alarm.candidate.samples.iter();
            let samples = references.zip(found.by_ref()).filter_map(|(reference, it)| {
                let it = it?;
                Some(Sample {
                    flow_shard: reference.flow_shard,
                    id: it.id,
                    bytes: it.bytes,
                    window: it.window,
                    packet: reference.packet,
                    time: it.time,
                    payload_length: it.payload_length,
                    source: reference.source,
                    destination: reference.destination,
                    source_port: it.source_port,
                    destination_port: it.destination_port,
                })
            });
            alarm.samples = samples.collect();
        }
        self.ordinary
    }
}

impl Streams {
    /// Those that are here, with `context` bytes of tails.
    pub(crate) fn new(plan: &Plan, seeds: &Seeds, context: usize) -> Self {
        let shard = |shard| StreamShard::new(shard, plan, seeds, context);
        Self::Here((0..FLOW_SHARDS).map(shard).collect())
    }

    /// The shards that are here.
    pub(crate) fn shards(&mut self) -> &mut [StreamShard] {
        match self {
            Self::Here(shards) => shards,
            Self::Away(_) => &mut [],
        }
    }

    /// First pass: sifts across the seams of the batch's segments.
    pub(crate) fn join(
        &mut self,
        chunks: &[Chunk],
        frames: &dyn Frames,
        sifter: &Sifter,
        timer: StageTimer,
    ) {
        for_each_with_affinity(self.shards(), |number, shard| {
            let begin = timer.start();
            shard.join(number, chunks, frames, sifter);
            timer.add(begin, &mut shard.nanos[0]);
        });
    }

    /// Takes out what was seen across seams.
    pub(crate) fn take_seams(&mut self, mut take: impl FnMut(SeamSighting)) {
        match self {
            Self::Here(shards) => {
                let seams = shards.iter_mut().flat_map(|shard| shard.seams.drain(..));
                seams.for_each(take);
            }
            Self::Away(away) => away.seams.drain(..).for_each(&mut take),
        }
    }

    /// Takes what a content shard asks of the samples.
    pub(crate) fn ask(&mut self, shard: u8, placed: PlacedRequest) {
        match self {
            Self::Here(shards) => {
                let flow = usize::from(placed.request.flow_shard());
                shards[flow].requests.push((shard, placed));
            }
            Self::Away(away) => away.requests.push((shard, placed)),
        }
    }

    /// Puts what was asked for into packet order.
    pub(crate) fn begin_collecting(&mut self) {
        self.shards().iter_mut().for_each(StreamShard::begin_collecting);
    }

    /// Second pass: feeds samples with the batch's packets of time before `until`.
    pub(crate) fn collect(
        &mut self,
        chunks: &[Chunk],
        frames: &dyn Frames,
        sifter: &Sifter,
        timer: StageTimer,
        until: Timestamp,
    ) {
        for_each_with_affinity(self.shards(), |_, shard| {
            let begin = timer.start();
            shard.collect(chunks, frames, sifter, until);
            timer.add(begin, &mut shard.nanos[1]);
        });
    }

    /// Ends the batch.
    pub(crate) fn end_collecting(&mut self) {
        self.shards().iter_mut().for_each(StreamShard::end_collecting);
    }

    /// The bytes that alarms are judged by, where they are here.
    pub(crate) fn evidence(&mut self, wanted: &[Wanted], sifter: &Sifter) -> Evidence {
        let found = self.find(wanted, sifter);
        let ordinary = self.ordinary().map(|(_, _, bytes)| Arc::from(bytes)).collect();
        Evidence { found, ordinary }
    }

    /// What is wanted, as it is now. Windows of one piece of stream share its bytes.
    pub(crate) fn find(
        &mut self,
        wanted: &[Wanted],
        sifter: &Sifter,
    ) -> Vec<Option<Found>> {
        let shards = self.shards();
        let mut pieces: BTreeMap<(u8, u64), Arc<[u8]>> = BTreeMap::new();
        let find = |want: &Wanted| {
            let Wanted { flow_shard, packet, offset, key, protocol, port } = *want;
            let samples = &mut shards.get_mut(usize::from(flow_shard))?.samples;
            let beta = sifter.fingerprinter.beta();
            let view = samples.sample(packet, offset, beta, |window| {
                sifter.has_key(window, key, protocol, port)
            })?;
            Some(Found {
                id: view.id,
                bytes: pieces
                    .entry((flow_shard, view.id))
                    .or_insert(view.bytes.into())
                    .clone(),
                window: view.window..view.window + view.window_len,
                time: view.time,
                payload_length: view.payload_length,
                source_port: view.source_port,
                destination_port: view.destination_port,
            })
        };
        wanted.iter().map(find).collect()
    }

    /// Samples of other traffic, with their flow shards and ranks.
    pub(crate) fn ordinary(&mut self) -> impl Iterator<Item = (u8, Rank, &[u8])> {
        (0..).zip(&*self.shards()).flat_map(|(number, shard)| {
            let ranked = shard.samples.ordinary(ORDINARY);
            ranked.map(move |(rank, bytes)| (number, rank, bytes))
        })
    }

    pub(crate) fn stream_counters(&self) -> StreamCounters {
        match self {
            Self::Here(shards) => sum(shards.iter().map(|it| *it.tails.counters())),
            Self::Away(away) => away.stream,
        }
    }

    pub(crate) fn sample_counters(&self) -> SampleCounters {
        match self {
            Self::Here(shards) => sum(shards.iter().map(|it| *it.samples.counters())),
            Self::Away(away) => away.samples,
        }
    }

    /// Windows across seams.
    pub(crate) fn windows(&self) -> Windows {
        match self {
            Self::Here(shards) => sum(shards.iter().map(|it| it.windows)),
            Self::Away(away) => away.windows,
        }
    }

    /// Bytes of tails and of samples.
    pub(crate) fn memory_bytes(&self) -> [usize; 2] {
        let Self::Here(shards) = self else { return [0; 2] };
        let of = |shard: &StreamShard| {
            [shard.tails.memory_bytes(), shard.samples.memory_bytes()]
        };
        shards.iter().map(of).fold([0; 2], |sum, it| [sum[0] + it[0], sum[1] + it[1]])
    }
}

fn sum<T: AddAssign + Default>(parts: impl Iterator<Item = T>) -> T {
    parts.fold(T::default(), |mut sum, part| {
        sum += part;
        sum
    })
}

impl Persist for Streams {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        match self {
            Self::Here(shards) => {
                shards.iter_mut().try_for_each(|shard| shard.persist(file))
            }
            Self::Away(away) => away.persist(file),
        }
    }
}

// Between ticks no seams and no requests are left.
persist!(Away { stream, samples, windows; seams, requests });
