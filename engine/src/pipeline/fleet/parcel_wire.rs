//! A parcel as bytes.
//!
//! Hosts and flows stand once and are referred to by their places; times and numbers are
//! differences. Every list is read only as far as the message can hold it, every place is
//! checked against the list that it refers to.

use super::ParcelError;
use super::parcel::{Contents, END, Parcel};
use super::wire::{Kind, MOST_COUNTED, Reader, Writer};
use crate::dark::{Arrival, DarkClass, Tool};
use crate::decode::Stop;
use crate::packet::Host;
use crate::pipeline::batch::{Chunk, PayloadAt, Record, Sighting};
use crate::pipeline::clock::TICK;
use crate::pipeline::coverage::StopAt;
use crate::pipeline::record_at::{RecordAt, SeamSighting};
use crate::pipeline::sizing::{CONTENT_SHARDS, FLOW_SHARDS};
use crate::time::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;

/// The prefix of IPv4 addresses, which are written as four bytes.
const MAPPED: u128 = 0xffff << 32;

/// The last tick of all.
const LAST_TICK: u64 = u64::MAX / TICK.0;

/// What a record's first byte says.
const VACANT: u8 = 1;
const UNTIMED: u8 = 2;
/// It belongs to a conversation that is followed.
const FOLLOWED: u8 = 4;
/// The tap's time is another than the latest that its packets claimed.
const STAMPED: u8 = 8;
const HAS_PAYLOAD: u8 = 16;
const HAS_IDENTITY: u8 = 32;
const FLAGS: u8 = 63;

/// What the packets of one flow share.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Flow {
    source: u32,
    destination: u32,
    source_port: u16,
    destination_port: u16,
    protocol: u8,
    flow_shard: u8,
    direction: u64,
    /// Its place: what protocol and port add to keys is the same for many flows.
    salt: u32,
}

/// Values, each once.
struct Table<T> {
    values: Vec<T>,
    places: HashMap<T, u32>,
}

impl<T: Copy + Eq + Hash> Table<T> {
    fn new() -> Self {
        Self { values: Vec::new(), places: HashMap::new() }
    }

    fn place(&mut self, value: T) -> u32 {
        let next = self.values.len() as u32;
        *self.places.entry(value).or_insert_with(|| {
            self.values.push(value);
            next
        })
    }
}

pub(super) fn encode(parcel: &Parcel) -> Vec<u8> {
    let Contents { frames, unrecorded, stamps, chunk, seams, drops, totals } =
        &parcel.contents;
    let mut to = Writer::new(Kind::Parcel, &parcel.binding, parcel.tap);
    to.number(parcel.sequence);
    // The end is written as 0, a tick as one more.
    to.number(parcel.tick.wrapping_add(1));
    to.byte(parcel.completes.into());
    to.byte(parcel.is_gated.into());
    to.byte(parcel.withholds.into());
    to.number(*frames);
    to.counters(&chunk.packets);
    to.counters(&chunk.windows);
    to.counters(&chunk.coverage);
    to.counters(drops);
    to.counters(totals);
    to.number(unrecorded.len() as u64);
    let mut last = (0, 0);
    for (number, time) in unrecorded {
        last = differences(&mut to, (*number, time.as_nanos()), last);
    }
    write_records(&mut to, chunk, stamps);
    to.sparse(chunk.sightings.iter().map(|of_shard| of_shard.len() as u64));
    for sightings in &chunk.sightings {
        let mut last = 0;
        for sighting in sightings {
            to.number(u64::from(sighting.record - last));
            to.signed(sighting.offset.into());
            to.word(sighting.key);
            last = sighting.record;
        }
    }
    to.number(seams.len() as u64);
    for seam in seams {
        to.number(seam.at.record.into());
        to.signed(seam.offset.into());
        to.word(seam.key);
    }
    to.number(chunk.arrivals.len() as u64);
    chunk.arrivals.iter().for_each(|arrival| write_arrival(&mut to, arrival));
    to.number(chunk.stops.len() as u64);
    for stop in &chunk.stops {
        let (number, key, frames, flow) = stop.parts();
        to.number(number);
        to.number(key);
        to.number(frames);
        to.byte(flow.is_some().into());
        flow.into_iter().for_each(|flow| to.word(flow));
    }
    to.finish()
}

/// Writes a number and a time as differences from the last ones.
fn differences(to: &mut Writer, now: (u64, u64), last: (u64, u64)) -> (u64, u64) {
    to.signed(now.0.wrapping_sub(last.0) as i64);
    to.signed(now.1.wrapping_sub(last.1) as i64);
    now
}

fn read_differences(
    from: &mut Reader<'_>,
    last: &mut (u64, u64),
) -> Result<(u64, Timestamp), ParcelError> {
    last.0 = last.0.wrapping_add(from.signed()? as u64);
    last.1 = last.1.wrapping_add(from.signed()? as u64);
    Ok((last.0, Timestamp::from_nanos(last.1)))
}

fn write_records(to: &mut Writer, chunk: &Chunk, stamps: &[Timestamp]) {
    let (mut hosts, mut flows, mut salts) = (Table::new(), Table::new(), Table::new());
    let places: Vec<u32> = chunk
        .records
        .iter()
        .map(|it| {
            flows.place(Flow {
                source: hosts.place(it.source),
                destination: hosts.place(it.destination),
                source_port: it.source_port,
                destination_port: it.destination_port,
                protocol: it.protocol,
                flow_shard: it.flow_shard,
                direction: it.direction,
                salt: salts.place(it.salt),
            })
        })
        .collect();
    to.number(hosts.values.len() as u64);
    hosts.values.iter().for_each(|host| write_host(to, *host));
    to.number(salts.values.len() as u64);
    salts.values.iter().for_each(|salt| to.word(*salt));
    to.number(flows.values.len() as u64);
    for flow in &flows.values {
        to.number(flow.source.into());
        to.number(flow.destination.into());
        to.number(flow.source_port.into());
        to.number(flow.destination_port.into());
        to.byte(flow.protocol);
        to.byte(flow.flow_shard);
        to.word(flow.direction);
        to.number(flow.salt.into());
    }
    let mut followed = vec![false; chunk.records.len()];
    let all = chunk.flows.iter().flatten();
    all.for_each(|record| followed[*record as usize] = true);
    to.number(chunk.records.len() as u64);
    let (mut last, mut latest) = ((0, 0), Timestamp::default());
    for (i, record) in chunk.records.iter().enumerate() {
        latest = latest.max(record.time);
        let is_stamped = stamps[i] != latest;
        latest = stamps[i];
        let payload = chunk.beginning(record);
        let flags = [
            (record.vacant, VACANT),
            (record.untimed, UNTIMED),
            (followed[i], FOLLOWED),
            (is_stamped, STAMPED),
            (!payload.is_empty(), HAS_PAYLOAD),
            (record.identity != 0, HAS_IDENTITY),
        ];
        to.byte(flags.iter().filter(|it| it.0).fold(0, |sum, it| sum | it.1));
        last = differences(to, (record.number, record.time.as_nanos()), last);
        if is_stamped {
            to.number(stamps[i].as_nanos());
        }
        to.number(places[i].into());
        to.number(record.sequence.into());
        to.number(record.acknowledgement.into());
        to.byte(record.flags);
        to.number(record.payload.len.into());
        if record.identity != 0 {
            to.word(record.identity);
        }
        if !payload.is_empty() {
            to.bytes(payload);
        }
    }
}

fn write_host(to: &mut Writer, host: Host) {
    match host.0 >> 32 == MAPPED >> 32 {
        true => {
            to.byte(4);
            to.row(&(host.0 as u32).to_be_bytes());
        }
        false => {
            to.byte(16);
            to.row(&host.0.to_be_bytes());
        }
    }
}

fn read_host(from: &mut Reader<'_>) -> Result<Host, ParcelError> {
    match from.byte()? {
        4 => Ok(Host(MAPPED | u128::from(u32::from_be_bytes(from.row()?)))),
        16 => match u128::from_be_bytes(from.row()?) {
            host if host >> 32 == MAPPED >> 32 => Err(ParcelError::Damaged("host")),
            host => Ok(Host(host)),
        },
        _ => Err(ParcelError::Damaged("host")),
    }
}

fn write_arrival(to: &mut Writer, arrival: &Arrival) {
    to.number(arrival.record.into());
    to.byte(arrival.class as u8);
    to.byte(arrival.tool.map_or(0, |tool| tool as u8 + 1));
    write_host(to, arrival.host);
    write_host(to, arrival.destination);
    to.byte(arrival.protocol);
    to.number(arrival.port.map_or(0, |port| u64::from(port) + 1));
    to.byte(arrival.quotes_foreign.into());
    to.byte(arrival.is_named.into());
}

fn read_arrival(from: &mut Reader<'_>, records: usize) -> Result<Arrival, ParcelError> {
    let record = place(from, records)?;
    let class = usize::from(from.byte()?);
    let class = *DarkClass::ALL.get(class).ok_or(ParcelError::Damaged("class"))?;
    let tool = match usize::from(from.byte()?) {
        0 => None,
        tool => Some(*Tool::ALL.get(tool - 1).ok_or(ParcelError::Damaged("tool"))?),
    };
    let (host, destination) = (read_host(from)?, read_host(from)?);
    let protocol = from.byte()?;
    let port = match from.number()? {
        0 => None,
        port => Some(u16::try_from(port - 1).map_err(|_| ParcelError::Damaged("port"))?),
    };
    Ok(Arrival {
        record,
        class,
        tool,
        host,
        protocol,
        port,
        destination,
        quotes_foreign: from.flag()?,
        is_named: from.flag()?,
    })
}

/// A place in a list of so many.
fn place(from: &mut Reader<'_>, count: usize) -> Result<u32, ParcelError> {
    let place: u32 = from.narrow()?;
    match (place as usize) < count {
        true => Ok(place),
        false => Err(ParcelError::Damaged("place")),
    }
}

pub(super) fn decode(message: &[u8]) -> Result<Parcel, ParcelError> {
    let (binding, tap, mut reader) = Reader::new(Kind::Parcel, message)?;
    let from = &mut reader;
    let sequence = from.number()?;
    let tick = from.number()?.wrapping_sub(1);
    let completes = from.flag()?;
    let is_gated = from.flag()?;
    let withholds = from.flag()?;
    if tick == END && !completes || tick != END && tick > LAST_TICK {
        return Err(ParcelError::Damaged("tick"));
    }
    let mut contents = Contents::empty();
    contents.frames = from.number()?;
    if contents.frames > MOST_COUNTED {
        return Err(ParcelError::Damaged("counters"));
    }
    let chunk = &mut contents.chunk;
    chunk.packets = from.counters()?;
    chunk.windows = from.counters()?;
    chunk.coverage = from.differences()?;
    contents.drops = from.counters()?;
    contents.totals = from.counters()?;
    let mut last = (0, 0);
    for _ in 0..from.count(2)? {
        contents.unrecorded.push(read_differences(from, &mut last)?);
    }
    contents.stamps = read_records(from, chunk, tap)?;
    let records = chunk.records.len();
    for (shard, count) in from.sparse(CONTENT_SHARDS)?.into_iter().enumerate() {
        let mut before = (0, i32::MIN);
        for _ in 0..count {
            let record = u64::from(before.0) + from.number()?;
            let offset: i32 = signed(from)?;
            let key = from.word()?;
            let now = (record as u32, offset);
            let is_known = record < records as u64 && now >= before;
            if !is_known || super::content_shard(key) != shard {
                return Err(ParcelError::Damaged("sighting"));
            }
            chunk.sightings[shard].push(Sighting { key, record: now.0, offset });
            before = now;
        }
    }
    for _ in 0..from.count(10)? {
        let at = RecordAt { chunk: 0, record: place(from, records)? };
        let offset = signed(from)?;
        contents.seams.push(SeamSighting { at, key: from.word()?, offset });
    }
    let mut before = None;
    for _ in 0..from.count(16)? {
        let arrival = read_arrival(from, records)?;
        if before >= Some(arrival.record) {
            return Err(ParcelError::Damaged("arrival"));
        }
        before = Some(arrival.record);
        chunk.arrivals.push(arrival);
    }
    for _ in 0..from.count(4)? {
        let (number, key, frames) = (from.number()?, from.number()?, from.number()?);
        let stop = Stop::of_key(key);
        if stop.key() != key {
            return Err(ParcelError::Damaged("stop"));
        }
        let flow = if from.flag()? { Some(from.word()?) } else { None };
        chunk.stops.push(StopAt::new(number, stop, frames, flow));
    }
    chunk.by_tap = vec![0; usize::from(tap)];
    chunk.by_tap.push(contents.frames);
    reader.finish()?;
    Ok(Parcel { binding, tap, sequence, tick, completes, is_gated, withholds, contents })
}

fn signed(from: &mut Reader<'_>) -> Result<i32, ParcelError> {
    i32::try_from(from.signed()?).map_err(|_| ParcelError::Damaged("range"))
}

/// Reads records into a chunk; their stamps.
fn read_records(
    from: &mut Reader<'_>,
    chunk: &mut Chunk,
    tap: u16,
) -> Result<Vec<Timestamp>, ParcelError> {
    let mut hosts = Vec::new();
    for _ in 0..from.count(5)? {
        hosts.push(read_host(from)?);
    }
    let mut salts = Vec::new();
    for _ in 0..from.count(8)? {
        salts.push(from.word()?);
    }
    let mut flows = Vec::new();
    for _ in 0..from.count(15)? {
        let flow = Flow {
            source: place(from, hosts.len())?,
            destination: place(from, hosts.len())?,
            source_port: from.narrow()?,
            destination_port: from.narrow()?,
            protocol: from.byte()?,
            flow_shard: from.byte()?,
            direction: from.word()?,
            salt: place(from, salts.len())?,
        };
        if usize::from(flow.flow_shard) >= FLOW_SHARDS {
            return Err(ParcelError::Damaged("flow shard"));
        }
        flows.push(flow);
    }
    let mut stamps = Vec::new();
    let (mut last, mut latest) = ((0, 0), Timestamp::default());
    for index in 0..from.count(8)? as u32 {
        let flags = from.byte()?;
        if flags & !FLAGS != 0 {
            return Err(ParcelError::Damaged("record"));
        }
        let has = |flag| flags & flag != 0;
        let (number, time) = read_differences(from, &mut last)?;
        latest = latest.max(time);
        if has(STAMPED) {
            let stamp = Timestamp::from_nanos(from.number()?);
            if std::mem::replace(&mut latest, stamp) == stamp {
                return Err(ParcelError::Damaged("time"));
            }
        }
        stamps.push(latest);
        let flow = flows[place(from, flows.len())? as usize];
        if has(FOLLOWED) {
            chunk.flows[usize::from(flow.flow_shard)].push(index);
        }
        let mut record = Record {
            number,
            time,
            source: hosts[flow.source as usize],
            destination: hosts[flow.destination as usize],
            direction: flow.direction,
            salt: salts[flow.salt as usize],
            sequence: from.narrow()?,
            acknowledgement: from.narrow()?,
            source_port: flow.source_port,
            destination_port: flow.destination_port,
            protocol: flow.protocol,
            flags: from.byte()?,
            tap: tap as u8,
            flow_shard: flow.flow_shard,
            vacant: has(VACANT),
            untimed: has(UNTIMED),
            payload: PayloadAt {
                origin: PayloadAt::AWAY,
                len: from.narrow()?,
                start: chunk.own.len() as u64,
            },
            ..Record::vacant(number)
        };
        if has(HAS_IDENTITY) {
            record.identity = from.word()?;
            if record.identity == 0 {
                return Err(ParcelError::Damaged("identity"));
            }
        }
        if has(HAS_PAYLOAD) {
            let payload = from.bytes()?;
            let most = PayloadAt::BEGINNING.min(record.payload.len as usize);
            if payload.len() != most || most == 0 {
                return Err(ParcelError::Damaged("payload"));
            }
            record.payload.origin = PayloadAt::AWAY_BEGINNING;
            chunk.own.extend_from_slice(payload);
        }
        chunk.records.push(record);
    }
    Ok(stamps)
}
