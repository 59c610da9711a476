//! What the merger asks of a tap, and what the tap answers.
//!
//! Each tick has one round of asks at its end, and two more if it has alarms: which samples
//! hold the windows that alarmed and which ordinary ones there are, then the ordinary ones
//! that were chosen. An ask is known by tap, tick and round, and so is its answer; the same
//! parcels and pieces lead to the same asks.

use super::ParcelError;
use super::gate::Change;
use super::wire::{Binding, Kind, Reader, Writer};
use crate::pipeline::streams::{Found, Rank, Wanted};
use crate::signature::SampleRequest;
use crate::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// What the merger asks of a tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub(super) binding: Binding,
    pub(super) tap: u16,
    pub(super) tick: u64,
    pub(super) round: u32,
    /// The tap needs the payloads of its parcels before this one no more, once it has done
    /// what is requested.
    pub(super) settles: u64,
    /// In packet order.
    pub(super) requests: Vec<Request>,
    pub(super) wanted: Vec<Wanted>,
    pub(super) ordinary: Ordinary,
    /// To a tap that has a gate: what is followed since the ask before this one.
    pub(super) followed: Change,
}

/// What is asked about samples of other traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Ordinary {
    #[default]
    Nothing,
    /// Which there are.
    Ranks,
    /// The bytes of these, by flow shard and id.
    Samples(Vec<(u8, u64)>),
}

/// A sample is to be kept, or to be let go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The parcel and the record during which it is made; `None` before the first of the tick.
    pub(super) at: Option<(u64, u32)>,
    /// The content key that a sample is to be taken for.
    pub(super) key: u64,
    /// When the packet counts.
    pub(super) time: Timestamp,
    pub(super) sample: SampleRequest,
}

impl Ask {
    /// The number of the tap that is asked.
    pub fn tap(&self) -> u16 {
        self.tap
    }

    /// Its tick and round: with the tap's number an identity of it and of its answer.
    pub fn id(&self) -> (u64, u32) {
        (self.tick, self.round)
    }

    /// Whether the merger waits for an answer.
    pub fn needs_piece(&self) -> bool {
        !self.wanted.is_empty() || self.ordinary != Ordinary::Nothing
    }

    /// The tap must have made its parcels before this one to do what is asked, and needs their
    /// payloads no more afterwards.
    pub fn settles(&self) -> u64 {
        self.settles
    }

    /// The message that [`decode`](Self::decode) reads.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::new(Kind::Ask, &self.binding, self.tap);
        to.number(self.tick);
        to.number(self.round.into());
        to.number(self.settles);
        to.number(self.requests.len() as u64);
        for Request { at, key, time, sample } in &self.requests {
            to.byte(at.is_some().into());
            if let Some((sequence, record)) = at {
                to.number(*sequence);
                to.number((*record).into());
            }
            to.word(*key);
            to.number(time.as_nanos());
            let (priority, flow_shard, packet, offset) = match *sample {
                SampleRequest::Take { flow_shard, packet, offset, priority } => {
                    (u64::from(priority) + 1, flow_shard, packet, offset)
                }
                SampleRequest::Release { flow_shard, packet, offset } => {
                    (0, flow_shard, packet, offset)
                }
            };
            to.number(priority);
            to.byte(flow_shard);
            to.number(packet);
            to.signed(offset.into());
        }
        to.number(self.wanted.len() as u64);
        for it in &self.wanted {
            to.byte(it.flow_shard);
            to.number(it.packet);
            to.signed(it.offset.into());
            to.word(it.key);
            to.byte(it.protocol);
            to.number(it.port.map_or(0, |port| u64::from(port) + 1));
        }
        match &self.ordinary {
            Ordinary::Nothing => to.byte(0),
            Ordinary::Ranks => to.byte(1),
            Ordinary::Samples(samples) => {
                to.byte(2);
                to.number(samples.len() as u64);
                for (flow_shard, id) in samples {
                    to.byte(*flow_shard);
                    to.number(*id);
                }
            }
        }
        for keys in [&self.followed.begun, &self.followed.ended] {
            to.number(keys.len() as u64);
            keys.iter().for_each(|key| to.word(*key));
        }
        to.finish()
    }

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// It is cut, damaged, or of another version.
    pub fn decode(message: &[u8]) -> Result<Self, ParcelError> {
        let (binding, tap, mut reader) = Reader::new(Kind::Ask, message)?;
        let from = &mut reader;
        let (tick, round, settles) = (from.number()?, from.narrow()?, from.number()?);
        let mut requests = Vec::new();
        for _ in 0..from.count(14)? {
            requests.push(read_request(from)?);
        }
        let mut wanted = Vec::new();
        for _ in 0..from.count(13)? {
            wanted.push(Wanted {
                flow_shard: from.byte()?,
                packet: from.number()?,
                offset: read_offset(from)?,
                key: from.word()?,
                protocol: from.byte()?,
                port: match from.number()? {
                    0 => None,
                    port => Some(
                        u16::try_from(port - 1)
                            .map_err(|_| ParcelError::Damaged("port"))?,
                    ),
                },
            });
        }
        let ordinary = match from.byte()? {
            0 => Ordinary::Nothing,
            1 => Ordinary::Ranks,
            2 => {
                let mut samples = Vec::new();
                for _ in 0..from.count(2)? {
                    samples.push((from.byte()?, from.number()?));
                }
                Ordinary::Samples(samples)
            }
            _ => return Err(ParcelError::Damaged("ordinary")),
        };
        let followed = Change { begun: read_keys(from)?, ended: read_keys(from)? };
        reader.finish()?;
        Ok(Self {
            binding,
            tap,
            tick,
            round,
            settles,
            requests,
            wanted,
            ordinary,
            followed,
        })
    }
}

fn read_keys(from: &mut Reader<'_>) -> Result<Vec<u64>, ParcelError> {
    (0..from.count(8)?).map(|_| from.word()).collect()
}

fn read_offset(from: &mut Reader<'_>) -> Result<i32, ParcelError> {
    i32::try_from(from.signed()?).map_err(|_| ParcelError::Damaged("range"))
}

fn read_request(from: &mut Reader<'_>) -> Result<Request, ParcelError> {
    let at = match from.flag()? {
        true => Some((from.number()?, from.narrow()?)),
        false => None,
    };
    let key = from.word()?;
    let time = Timestamp::from_nanos(from.number()?);
    let priority = from.number()?;
    let (flow_shard, packet) = (from.byte()?, from.number()?);
    let offset = read_offset(from)?;
    let sample = match priority {
        0 => SampleRequest::Release { flow_shard, packet, offset },
        priority => {
            let priority = u8::try_from(priority - 1);
            let priority = priority.map_err(|_| ParcelError::Damaged("priority"))?;
            SampleRequest::Take { flow_shard, packet, offset, priority }
        }
    };
    Ok(Request { at, key, time, sample })
}

/// What a tap answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub(super) binding: Binding,
    pub(super) tap: u16,
    pub(super) tick: u64,
    pub(super) round: u32,
    /// For each sample that was wanted.
    pub(super) found: Vec<Option<Found>>,
    /// By flow shard.
    pub(super) ranks: Vec<(u8, Rank)>,
    /// For each ordinary sample that was chosen.
    pub(super) ordinary: Vec<Option<Arc<[u8]>>>,
}

impl Piece {
    /// The number of the tap that answers.
    pub fn tap(&self) -> u16 {
        self.tap
    }

    /// Tick and round of the [`Ask`].
    pub fn id(&self) -> (u64, u32) {
        (self.tick, self.round)
    }

    /// The message that [`decode`](Self::decode) reads.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::new(Kind::Piece, &self.binding, self.tap);
        to.number(self.tick);
        to.number(self.round.into());
        // Windows of one sample share its bytes.
        let (mut places, mut pieces) = (HashMap::new(), Vec::new());
        for found in self.found.iter().flatten() {
            places.entry(Arc::as_ptr(&found.bytes).addr()).or_insert_with(|| {
                pieces.push(&found.bytes);
                pieces.len() as u64
            });
        }
        to.number(pieces.len() as u64);
        pieces.iter().for_each(|bytes| to.bytes(bytes));
        to.number(self.found.len() as u64);
        for found in &self.found {
            let Some(found) = found else {
                to.number(0);
                continue;
            };
            to.number(places[&Arc::as_ptr(&found.bytes).addr()]);
            to.number(found.id);
            to.number(found.window.start as u64);
            to.number(found.window.end as u64);
            to.number(found.time.as_nanos());
            to.number(found.payload_length.map_or(0, |length| u64::from(length) + 1));
            to.number(found.source_port.into());
            to.number(found.destination_port.into());
        }
        to.number(self.ranks.len() as u64);
        for (flow_shard, rank) in &self.ranks {
            to.byte(*flow_shard);
            to.byte(rank.priority);
            to.number(rank.packet);
            to.number(rank.born);
            to.number(rank.id);
        }
        to.number(self.ordinary.len() as u64);
        for bytes in &self.ordinary {
            to.byte(bytes.is_some().into());
            bytes.iter().for_each(|bytes| to.bytes(bytes));
        }
        to.finish()
    }

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// It is cut, damaged, or of another version.
    pub fn decode(message: &[u8]) -> Result<Self, ParcelError> {
        let (binding, tap, mut reader) = Reader::new(Kind::Piece, message)?;
        let from = &mut reader;
        let (tick, round) = (from.number()?, from.narrow()?);
        let mut pieces: Vec<Arc<[u8]>> = Vec::new();
        for _ in 0..from.count(1)? {
            pieces.push(from.bytes()?.into());
        }
        let mut found = Vec::new();
        for _ in 0..from.count(1)? {
            found.push(read_found(from, &pieces)?);
        }
        let mut ranks = Vec::new();
        for _ in 0..from.count(5)? {
            let flow_shard = from.byte()?;
            let (priority, packet) = (from.byte()?, from.number()?);
            let (born, id) = (from.number()?, from.number()?);
            ranks.push((flow_shard, Rank { priority, packet, born, id }));
        }
        let mut ordinary = Vec::new();
        for _ in 0..from.count(1)? {
            ordinary.push(match from.flag()? {
                true => Some(from.bytes()?.into()),
                false => None,
            });
        }
        reader.finish()?;
        Ok(Self { binding, tap, tick, round, found, ranks, ordinary })
    }
}

fn read_found(
    from: &mut Reader<'_>,
    pieces: &[Arc<[u8]>],
) -> Result<Option<Found>, ParcelError> {
    let bytes = match from.narrow::<usize>()? {
        0 => return Ok(None),
        place => pieces.get(place - 1).ok_or(ParcelError::Damaged("place"))?,
    };
    let id = from.number()?;
    let window = from.narrow()?..from.narrow()?;
    if window.start > window.end || window.end > bytes.len() {
        return Err(ParcelError::Damaged("window"));
    }
    Ok(Some(Found {
        id,
        bytes: bytes.clone(),
        window,
        time: Timestamp::from_nanos(from.number()?),
        payload_length: match from.number()? {
            0 => None,
            length => Some(
                u32::try_from(length - 1).map_err(|_| ParcelError::Damaged("length"))?,
            ),
        },
        source_port: from.narrow()?,
        destination_port: from.narrow()?,
    }))
}
