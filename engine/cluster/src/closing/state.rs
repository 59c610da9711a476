//! A [`Closing`] as bytes, the parcels of open ticks included: what was read goes on exactly
//! where it was written.

use super::tap::{Tap, TapCounters};
use super::{Closing, ClosingCounters, Rules};
use crate::TapName;
use crate::codec::{Malformed, Reader, Writer};
use crate::message::{read_parcel, write_parcel};

fn write_pairs(out: &mut Writer, pairs: impl ExactSizeIterator<Item = (u64, u64)>) {
    out.count(pairs.len());
    for (from, to) in pairs {
        out.u64(from);
        out.u64(to);
    }
}

fn read_pairs<T: FromIterator<(u64, u64)>>(
    from: &mut Reader<'_>,
) -> Result<T, Malformed> {
    (0..from.count(16)?).map(|_| Ok((from.u64()?, from.u64()?))).collect()
}

fn write_tap(out: &mut Writer, tap: &Tap) {
    out.option(tap.spool);
    out.count(tap.old_spools.len());
    for spool in &tap.old_spools {
        out.u64(*spool);
    }
    out.u64(tap.expected);
    out.option(tap.last.map(|(tick, _)| tick));
    out.u32(tap.last.map_or(0, |(_, part)| part));
    for parcels in [tap.open.len(), tap.held.len()] {
        out.count(parcels);
    }
    for parcel in tap.open.iter().chain(tap.held.values()) {
        write_parcel(out, parcel);
    }
    write_pairs(out, tap.missing.iter().map(|(from, to)| (*from, *to)));
    write_pairs(out, tap.torn.iter().copied());
    write_pairs(out, tap.excused.iter().copied());
    out.u8(u8::from(tap.is_torn));
    out.u8(u8::from(tap.has_left));
    let TapCounters { came, bytes, duplicates, late, missing, renumbered, blind } =
        tap.counters;
    for counter in [came, bytes, duplicates, late, missing, renumbered, blind] {
        out.u64(counter);
    }
}

fn read_tap(from: &mut Reader<'_>) -> Result<Tap, Malformed> {
    let spool = from.option()?;
    let old_spools = (0..from.count(8)?).map(|_| from.u64()).collect::<Result<_, _>>()?;
    let expected = from.u64()?;
    let tick = from.option()?;
    let part = from.u32()?;
    let (open, held) = (from.u64()?, from.u64()?);
    let last = tick.map(|tick| (tick, part));
    let mut tap = Tap { spool, old_spools, expected, last, ..Tap::default() };
    for _ in 0..open {
        tap.open.push_back(read_parcel(from)?);
    }
    for _ in 0..held {
        let parcel = read_parcel(from)?;
        tap.held.insert(parcel.sequence, parcel);
    }
    tap.waiting = tap.open.iter().chain(tap.held.values()).map(super::cost).sum();
    tap.missing = read_pairs(from)?;
    tap.torn = read_pairs(from)?;
    tap.excused = read_pairs(from)?;
    tap.is_torn = from.flag()?;
    tap.has_left = from.flag()?;
    let counters = &mut tap.counters;
    for counter in [
        &mut counters.came,
        &mut counters.bytes,
        &mut counters.duplicates,
        &mut counters.late,
        &mut counters.missing,
        &mut counters.renumbered,
        &mut counters.blind,
    ] {
        *counter = from.u64()?;
    }
    Ok(tap)
}

impl Closing {
    /// As bytes.
    pub(crate) fn save(&self, out: &mut Writer) {
        for tick in [self.latest, self.closed, self.emitted] {
            out.option(tick);
        }
        let ClosingCounters { closed_by_lateness, closed_by_memory, taps_refused } =
            self.counters;
        for counter in [closed_by_lateness, closed_by_memory, taps_refused] {
            out.u64(counter);
        }
        out.count(self.taps.len());
        for (name, tap) in &self.taps {
            out.name(name.as_str());
            write_tap(out, tap);
        }
    }

    /// Goes on under `rules`, with `declared` taps beside those that were known.
    pub(crate) fn restore(
        from: &mut Reader<'_>,
        rules: Rules,
        declared: &[TapName],
    ) -> Result<Self, Malformed> {
        let mut new = Self::new(rules, &[]);
        for tick in [&mut new.latest, &mut new.closed, &mut new.emitted] {
            *tick = from.option()?;
        }
        let counters = &mut new.counters;
        for counter in [
            &mut counters.closed_by_lateness,
            &mut counters.closed_by_memory,
            &mut counters.taps_refused,
        ] {
            *counter = from.u64()?;
        }
        for _ in 0..from.count(9)? {
            new.taps.insert(from.tap()?, read_tap(from)?);
        }
        new.declare(declared);
        Ok(new)
    }
}
