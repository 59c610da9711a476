//! Winnowing's guarantee along a TCP direction: two streams that share beta + w - 1
//! bytes keep a window of them in common, however they are cut into segments.

use crate::common::Random;
use crate::common::environment::sample;
use std::collections::HashSet;
use wormsift::fingerprint::{Fingerprinter, Kernel, Sampling, Scratch};
use wormsift::stream::{Segment, StreamTails};

const BETA: usize = 40;
const W: u16 = 128;
const SEGMENT: usize = 100;

/// Fingerprints kept from a stream in order: of each payload, and across each seam.
fn kept(
    sampler: &Fingerprinter,
    scratch: &mut Scratch,
    tails: &mut StreamTails,
    direction: u64,
    stream: &[u8],
) -> HashSet<u64> {
    let mut prints = HashSet::new();
    let mut sequence = 1;
    for payload in stream.chunks(SEGMENT) {
        sampler.for_each(scratch, payload, |_, print| {
            prints.insert(print.0);
        });
        let segment = Segment { direction, sequence, syn: false, payload };
        tails.advance(segment, |buffer, _, _| {
            sampler.for_each(scratch, buffer, |_, print| {
                prints.insert(print.0);
            });
        });
        sequence += payload.len() as u32;
    }
    prints
}

#[test]
fn no_shared_run_is_missed_across_segments() {
    let pairs = sample(10_000, 100_000);
    let random = &mut Random(11);
    let shared_len = BETA + usize::from(W) - 1;
    let mut scratch = Scratch::default();
    let mut missed = 0;
    for round in 0..10 {
        let sampler =
            Fingerprinter::new(round, BETA, Sampling::Winnow(W), Kernel::best());
        let mut tails = StreamTails::new(1 << 20, sampler.context(), 3);
        for pair in 0..pairs / 10 {
            let shared = random.bytes(shared_len);
            let mut stream = || {
                let (before, after) =
                    (random.below(230) as usize, random.below(230) as usize);
                [random.bytes(before), shared.clone(), random.bytes(after)].concat()
            };
            let (one, two) = (stream(), stream());
            // Directions are keyed hashes: a table looks at their upper bits.
            let direction = |n: u64| Random(2 * pair + n).next();
            let one = kept(&sampler, &mut scratch, &mut tails, direction(0), &one);
            let two = kept(&sampler, &mut scratch, &mut tails, direction(1), &two);
            // Windows outside the run are random: they are never common.
            missed += u32::from(one.is_disjoint(&two));
        }
    }
    assert_eq!(missed, 0, "of {pairs} pairs");
}
