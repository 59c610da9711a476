//! Records of chunks in another order, with all that refers to them: chunks are cut, merged,
//! and pieces of datagrams put where they belong.

use super::batch::{Chunk, FragmentAt, Record, Sighting};
use crate::dark::Arrival;

impl Chunk {
    /// Takes out the first `count` records, with all that belongs to them and the counts
    /// of all.
    pub(crate) fn split_front(&mut self, count: usize) -> Self {
        let at = count as u32;
        let mut back = Self::new();
        back.records = self.records.split_off(count);
        back.own = self.split_own(&mut back.records);
        for (front, back) in self.sightings.iter_mut().zip(&mut back.sightings) {
            *back = front.split_off(front.partition_point(|it| it.record < at));
            back.iter_mut().for_each(|it| it.record -= at);
        }
        for (front, back) in self.flows.iter_mut().zip(&mut back.flows) {
            *back = front.split_off(front.partition_point(|it| *it < at));
            back.iter_mut().for_each(|it| *it -= at);
        }
        self.arrivals.sort_by_key(|it| it.record);
        let arrivals = self.arrivals.partition_point(|it| it.record < at);
        back.arrivals = self.arrivals.split_off(arrivals);
        back.arrivals.iter_mut().for_each(|it| it.record -= at);
        let kept = self.fragments.partition_point(|it| it.record < at);
        back.fragments = self.fragments.split_off(kept);
        for it in &mut back.fragments {
            *it = FragmentAt { frame: it.frame - kept as u32, record: it.record - at };
        }
        back.kept = self.kept.split_off(kept);
        std::mem::replace(self, back)
    }

    /// Takes out the payloads of the last records, which are taken out already.
    fn split_own(&mut self, last: &mut [Record]) -> Vec<u8> {
        let payloads = self.records.iter().chain(&*last).filter(|record| !record.vacant);
        // Datagrams that were put together have theirs at the end.
        if !payloads.is_sorted_by_key(|record| record.payload.start) {
            return self.own.clone();
        }
        let own = last.iter().find(|record| !record.vacant);
        let own = own.map_or(self.own.len() as u64, |record| record.payload.start);
        for record in last.iter_mut().filter(|record| !record.vacant) {
            record.payload.start -= own;
        }
        self.own.split_off(own as usize)
    }

    /// Puts each of the last records right before the one that `before` says for it, in
    /// ascending order, and what refers to records with them.
    pub(crate) fn move_last_before(&mut self, before: &[u32]) {
        if before.is_empty() {
            return;
        }
        let last = self.records.len() - before.len();
        let mut order = Vec::with_capacity(self.records.len());
        let mut moved = before.iter().zip(last..).peekable();
        for old in 0..last {
            while let Some((_, piece)) = moved.next_if(|(at, _)| **at as usize == old) {
                order.push(piece);
            }
            order.push(old);
        }
        order.extend(moved.map(|(_, piece)| piece));
        let mut places = vec![0; order.len()];
        for (new, &old) in (0..).zip(&order) {
            places[old] = new;
        }
        self.records = order.iter().map(|&old| self.records[old]).collect();
        for sighting in self.sightings.iter_mut().flatten() {
            sighting.record = places[sighting.record as usize];
        }
        for record in self.flows.iter_mut().flatten() {
            *record = places[*record as usize];
        }
        for arrival in &mut self.arrivals {
            arrival.record = places[arrival.record as usize];
        }
    }

    /// Several workers' chunks as one, in order of packet numbers.
    pub(crate) fn merge(chunks: &mut [Self]) -> Self {
        let mut order: Vec<(u64, usize, u32)> = Vec::new();
        for (c, chunk) in chunks.iter().enumerate() {
            order.extend(chunk.records.iter().zip(0..).map(|(r, i)| (r.number, c, i)));
        }
        order.sort_unstable();
        let places: Vec<(usize, u32)> = order.iter().map(|it| (it.1, it.2)).collect();
        Self::merge_in(chunks, &places).0
    }

    /// Chunks as one, in an order that says of each record its chunk and its place there; and
    /// where the records of each chunk are now.
    pub(crate) fn merge_in(
        chunks: &mut [Self],
        order: &[(usize, u32)],
    ) -> (Self, Vec<Vec<u32>>) {
        let mut merged = Self::new();
        let mut places: Vec<Vec<u32>> =
            chunks.iter().map(|chunk| vec![0; chunk.records.len()]).collect();
        // At once: what grows by and by is copied again and again.
        merged.own.reserve_exact(chunks.iter().map(|chunk| chunk.own.len()).sum());
        merged.records.reserve_exact(order.len());
        let mut starts = Vec::with_capacity(chunks.len());
        for chunk in &*chunks {
            starts.push(merged.own.len() as u64);
            merged.own.extend_from_slice(&chunk.own);
            merged.packets += chunk.packets;
            merged.by_tap.resize(merged.by_tap.len().max(chunk.by_tap.len()), 0);
            merged
                .by_tap
                .iter_mut()
                .zip(&chunk.by_tap)
                .for_each(|(all, one)| *all += one);
            merged.windows += chunk.windows;
            merged.nanos = [0, 1].map(|stage| merged.nanos[stage] + chunk.nanos[stage]);
            merged.coverage.add(&chunk.coverage);
            merged.stops.extend_from_slice(&chunk.stops);
        }
        merged.stops.sort_by_key(|at| at.number);
        for (new, &(c, old)) in (0..).zip(order) {
            let mut record = chunks[c].records[old as usize];
            record.payload.start += starts[c];
            merged.records.push(record);
            places[c][old as usize] = new;
        }
        for (chunk, places) in chunks.iter().zip(&places) {
            for (all, part) in merged.sightings.iter_mut().zip(&chunk.sightings) {
                all.extend(part.iter().map(|sighting| Sighting {
                    record: places[sighting.record as usize],
                    ..*sighting
                }));
            }
            for (all, part) in merged.flows.iter_mut().zip(&chunk.flows) {
                all.extend(part.iter().map(|&record| places[record as usize]));
            }
            merged.arrivals.extend(chunk.arrivals.iter().map(|arrival| Arrival {
                record: places[arrival.record as usize],
                ..*arrival
            }));
        }
        for (chunk, places) in chunks.iter_mut().zip(&places) {
            let kept = merged.kept.len() as u32;
            merged.kept.append(&mut chunk.kept);
            merged.fragments.extend(chunk.fragments.iter().map(|at| FragmentAt {
                frame: at.frame + kept,
                record: places[at.record as usize],
            }));
        }
        merged.fragments.sort_unstable_by_key(|at| at.record);
        for list in &mut merged.sightings {
            list.sort_by_key(|sighting| (sighting.record, sighting.offset));
        }
        for list in &mut merged.flows {
            list.sort_unstable();
        }
        (merged, places)
    }
}
