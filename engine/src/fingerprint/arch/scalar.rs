//! The path of processors without vectors that we know: the rolling residue,
//! byte by byte. All other paths give its bits.

use super::{Path, count_ones, write_positions};
use crate::fingerprint::period::{ends_of_runs, longest_period};
use crate::fingerprint::plan::Plan;
use crate::fingerprint::winnow::{Runs, largest_minima};

pub(super) fn path(_beta: usize) -> Path {
    Path { select, values, minima, positions: write_positions, count: count_ones }
}

fn select(plan: &Plan, bytes: &[u8], words: &mut [u64]) {
    let mut residues = plan.secrets.first.rolled(bytes, plan.beta);
    for word in words {
        *word = 0;
        for (bit, residue) in residues.by_ref().take(64).enumerate() {
            *word |= u64::from(residue & plan.mask == plan.target) << bit;
        }
    }
}

fn values(plan: &Plan, bytes: &[u8], values: &mut [u16]) {
    let high = plan.secrets.first.rolled(bytes, plan.beta);
    let low = plan.secrets.second.rolled(bytes, plan.beta);
    for ((value, high), low) in values.iter_mut().zip(high).zip(low) {
        *value = u16::from_be_bytes([high, low]) ^ plan.secrets.constant;
    }
    for unit in 1..=longest_period(plan.beta) {
        lift_periodic(bytes, unit, plan.beta, values);
    }
}

/// Gives 65535 to all windows of this period.
fn lift_periodic(bytes: &[u8], unit: usize, beta: usize, values: &mut [u16]) {
    let mut before = 0;
    for (index, values) in values.chunks_mut(64).enumerate() {
        let mut equal = 0;
        for end in (index * 64).max(unit)..bytes.len().min(index * 64 + 64) {
            equal |= u64::from(bytes[end] == bytes[end - unit]) << (end % 64);
        }
        let ends = ends_of_runs(before, equal, beta - unit);
        for (bit, value) in values.iter_mut().enumerate() {
            if ends >> bit & 1 == 1 {
                *value = u16::MAX;
            }
        }
        before = equal;
    }
}

fn minima(values: &[u16], width: usize, runs: &mut Runs, words: &mut [u64]) {
    let windows = values.len() - 64;
    let largest = largest_minima(values, windows, width, runs);
    for ((word, values), largest) in
        words.iter_mut().zip(values.chunks(64)).zip(largest.chunks(64))
    {
        *word = 0;
        for (bit, (value, largest)) in values.iter().zip(largest).enumerate() {
            *word |= u64::from(value == largest) << bit;
        }
    }
}
