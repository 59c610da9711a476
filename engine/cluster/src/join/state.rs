//! What a merger's run needs to go on, as bytes of a checkpoint.

use super::cut::Joined;
use super::merger_end::{Asking, MergerEnd, Waiting};
use crate::closing::{Blind, Tick};
use crate::codec::{Malformed, Reader, Writer};
use crate::message::{read_parcel, write_parcel};
use crate::private::private;
use crate::{Error, TapName};
use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::Path;

/// What was read.
pub(super) struct Found {
    pub(super) is_finished: bool,
    pub(super) asking: Vec<Asking>,
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) host: Vec<u8>,
}

/// `merger` is the file that the merger is saved in; a finished one is in none.
pub(super) fn write(
    run: &MergerEnd,
    host: &[u8],
    merger: Option<&Path>,
) -> Result<Vec<u8>, Error> {
    let mut out = Writer::default();
    out.u8(u8::from(merger.is_none()));
    out.count(run.asking.len());
    for Asking { next, open, joined, end, is_strange: _ } in &run.asking {
        out.u64(*next);
        out.count(open.len());
        for (number, bytes) in open {
            out.u64(*number);
            out.bytes(bytes);
        }
        out.bytes(&joined.0);
        out.u8(u8::from(end.is_some()));
        out.bytes(end.as_deref().unwrap_or_default());
    }
    out.count(run.waiting.len());
    for it in &run.waiting {
        match it {
            Waiting::Late(parcel) => {
                out.u8(0);
                write_parcel(&mut out, parcel);
            }
            Waiting::Tick(tick) => {
                out.u8(1);
                out.u64(tick.tick);
                out.count(tick.parcels.len());
                tick.parcels.iter().for_each(|parcel| write_parcel(&mut out, parcel));
                out.count(tick.behind.len());
                tick.behind.iter().for_each(|tap| out.name(tap.as_str()));
                out.count(tick.blind.len());
                for blind in &tick.blind {
                    out.name(blind.tap.as_str());
                    out.u64(blind.from);
                    out.u64(blind.to);
                }
            }
        }
    }
    out.bytes(host);
    if let Some(path) = merger {
        let saved = fs::read(path).map_err(Error::io("read the saved merger", path))?;
        out.bytes(&saved);
    }
    Ok(out.0)
}

/// Reads it; the merger goes to its file.
pub(super) fn read(bytes: &[u8], taps: usize, merger: &Path) -> Result<Found, Error> {
    let mut from = Reader(bytes);
    let found = read_found(&mut from).and_then(|found| {
        let saved = if found.is_finished { None } else { Some(from.bytes()?) };
        from.end()?;
        Ok((found, saved))
    });
    let (found, saved) =
        found.map_err(|_| refuse(merger, "its contents make no sense"))?;
    if found.asking.len() != taps {
        return Err(refuse(merger, "it is that of other taps"));
    }
    if let Some(saved) = saved {
        let mut options = private();
        let file = options.create(true).write(true).truncate(true).open(merger);
        let written = file.and_then(|mut file| file.write_all(saved));
        written.map_err(Error::io("write the saved merger", merger))?;
    }
    Ok(found)
}

fn refuse(path: &Path, why: &str) -> Error {
    let folder = path.parent().unwrap_or(path);
    Error::file("go on from the checkpoint", folder, why)
}

fn read_found(from: &mut Reader<'_>) -> Result<Found, Malformed> {
    let is_finished = from.flag()?;
    let mut asking = Vec::new();
    for _ in 0..from.count(33)? {
        let next = from.u64()?;
        let open = 0..from.count(16)?;
        let open = open.map(|_| Ok((from.u64()?, from.bytes()?.to_vec())));
        let open = open.collect::<Result<_, Malformed>>()?;
        let joined = Joined(from.bytes()?.to_vec());
        let (has_ended, end) = (from.flag()?, from.bytes()?.to_vec());
        let end = has_ended.then_some(end);
        asking.push(Asking { next, open, joined, end, is_strange: false });
    }
    let mut waiting = VecDeque::new();
    for _ in 0..from.count(9)? {
        waiting.push_back(match from.flag()? {
            false => Waiting::Late(read_parcel(from)?),
            true => Waiting::Tick(read_tick(from)?),
        });
    }
    Ok(Found { is_finished, asking, waiting, host: from.bytes()?.to_vec() })
}

fn read_tick(from: &mut Reader<'_>) -> Result<Tick, Malformed> {
    let tick = from.u64()?;
    let parcels = 0..from.count(37)?;
    let parcels = parcels.map(|_| read_parcel(from)).collect::<Result<_, _>>()?;
    let behind = 0..from.count(8)?;
    let behind = behind.map(|_| from.tap()).collect::<Result<Vec<TapName>, _>>()?;
    let blind = 0..from.count(24)?;
    let read = |_| Ok(Blind { tap: from.tap()?, from: from.u64()?, to: from.u64()? });
    let blind = blind.map(read).collect::<Result<_, Malformed>>()?;
    Ok(Tick { tick, parcels, blind, behind })
}
