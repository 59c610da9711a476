#![allow(missing_docs, dead_code)]
#[path = "goals/engine.rs"]
mod engine;
use baseline::measure::second_level_cache;
use baseline::{EarlyBird, Packets};
use engine::{Rooms, Whole};
use std::time::Instant;
use wormsift::fingerprint::*;
fn main() {
    let captures: Vec<String> = std::env::args().skip(1).collect();
    let mut packets = Packets::open(&captures);
    let l2 = second_level_cache();
    let small = (l2 / 4, l2 / 8);
    let large = Whole::new(64).tables();
    let n = packets.len() as f64;
    let mut best = [f64::MAX; 8];
    let mut rooms = [Rooms::new(small), Rooms::new(large)];
    let mut eb = [EarlyBird::new(small.0), EarlyBird::new(large.0)];
    let fp = Fingerprinter::new(1, 40, Sampling::Value(64), Kernel::best());
    let mut scratch = Scratch::default();
    let bytes = packets.payload().len();
    let mut copy = vec![1u8; bytes];
    let mut kept = 0u64;
    let mut pv: Vec<_> = (0..4)
        .map(|_| wormsift::prevalence::Prevalence::new(small.0, 60_000_000_000, 3, 2))
        .collect();
    let mut disp =
        wormsift::dispersion::Dispersion::new(small.1, 64, 240 * 60_000_000_000, 3);
    let (mut vb, mut tm, mut nk, mut promoted) = ([f64::MAX; 4], 0u64, 0.0, 0u64);
    for _ in 0..25 {
        for i in 0..2 {
            let t = [small, large][i];
            packets.advance();
            let b = Instant::now();
            rooms[i].sift(&packets, Packets::bytes_per_window(t.0));
            best[i] = best[i].min(b.elapsed().as_secs_f64());
            packets.advance();
            let b = Instant::now();
            packets.iter(Packets::bytes_per_window(t.0)).for_each(|p| eb[i].observe(&p));
            best[2 + i] = best[2 + i].min(b.elapsed().as_secs_f64());
        }
        packets.advance();
        let b = Instant::now();
        let mut it = packets.iter(1).peekable();
        let mut payloads = Vec::new();
        while it.peek().is_some() {
            payloads.clear();
            payloads.extend(it.by_ref().take(64).map(|p| p.payload));
            kept += fp
                .for_each_of(&mut scratch, &payloads, |_, _, p| {
                    std::hint::black_box(p);
                })
                .kept;
        }
        best[4] = best[4].min(b.elapsed().as_secs_f64());
        let b = Instant::now();
        let mut at = 0;
        for p in packets.iter(1) {
            let l = p.payload.len();
            copy[at..at + l].copy_from_slice(p.payload);
            at += l;
        }
        std::hint::black_box(&copy);
        best[5] = best[5].min(b.elapsed().as_secs_f64());
        // variants on a list of keys
        let mut keys: Vec<u64> = Vec::new();
        for p in packets.iter(1) {
            fp.for_each(&mut scratch, p.payload, |_, f| keys.push(f.0));
        }
        for v in 0..4 {
            let pr = &mut pv[v];
            let b = Instant::now();
            let mut acc = 0u64;
            // a turn every 43k keys
            for (i, ks) in keys.chunks(256).enumerate() {
                let t = wormsift::packet::Timestamp::from_nanos(
                    tm + (i as u64 / 170) * 60_000_000_000,
                );
                match v {
                    0 => {
                        for k in ks {
                            acc = acc.wrapping_add(pr.hash(*k));
                        }
                    }
                    1 => {
                        for k in ks {
                            acc = acc.wrapping_add(u64::from(pr.observe_hashed(*k, t)));
                        }
                    }
                    2 => {
                        for k in ks {
                            prefetch(pr.places(*k));
                        }
                        for k in ks {
                            acc = acc.wrapping_add(u64::from(pr.observe_hashed(*k, t)));
                        }
                    }
                    _ => {
                        for k in ks {
                            let h = pr.hash(*k);
                            let e = pr.observe_hashed(h, t);
                            if pr.is_prevalent(e) {
                                promoted += 1;
                                disp.observe(
                                    *k,
                                    t,
                                    wormsift::packet::Host(*k as u128 & 7),
                                    wormsift::packet::Host(3),
                                );
                            }
                        }
                    }
                }
            }
            std::hint::black_box(acc);
            vb[v] = vb[v].min(b.elapsed().as_secs_f64());
        }
        tm += (keys.len() as u64 / 256 / 170 + 1) * 60_000_000_000;
        nk = keys.len() as f64;
        let b = Instant::now();
        let mut sum = 0;
        for p in packets.iter(1) {
            sum += p.payload.len();
            std::hint::black_box(&p);
        }
        std::hint::black_box(sum);
        best[6] = best[6].min(b.elapsed().as_secs_f64());
    }
    for (i, name) in
        ["rooms L2", "rooms 64", "eb L2", "eb 64", "fingerprint", "copy", "iterate"]
            .iter()
            .enumerate()
    {
        println!(
            "{name:12} {:7.1} ns/packet {:6.2} GB/s",
            best[i] / n * 1e9,
            bytes as f64 / best[i] / 1e9
        );
    }
    println!(
        "per key: hash {:.2} observe {:.2} prefetched {:.2} all {:.2} ns; promoted {:.3}",
        vb[0] / nk * 1e9,
        vb[1] / nk * 1e9,
        vb[2] / nk * 1e9,
        vb[3] / nk * 1e9,
        promoted as f64 / nk / 25.0
    );
    println!(
        "ratios: L2 {:.2} 64 {:.2} copy {:.3}; kept/packet {:.2}",
        best[2] / best[0],
        best[3] / best[1],
        best[5] / best[0],
        kept as f64 / 25.0 / n
    );
}
