//! What a kernel needs to know, worked out once at construction.

use super::Sampling;
use super::byte_map::ByteMap;
use super::rolling_hash::Residue;
use super::secrets::Secrets;

/// The windows of a buffer that are looked at in one go: their words, positions
/// and winnowing values stay in the first-level cache.
pub(super) const BLOCK: usize = 4_096;

/// Words of 64 positions for a block and what it needs around it: a window's
/// bytes, or, when winnowing, runs of up to 1,024 on either side.
pub(super) const MAX_WORDS: usize = (BLOCK + 2 * 1_024) / 64;

/// The most blocks of 64 bytes that a kernel takes side by side: so many words may be
/// written on top of those that are asked for, less one.
pub(super) const MAX_GROUP: usize = 4;

/// The secrets of one key, prepared for every kernel.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) beta: usize,
    pub(super) secrets: Secrets,
    /// A window is sampled when `residue & mask == target`.
    pub(super) mask: u8,
    pub(super) target: u8,
    pub(super) first: Digits,
    pub(super) second: Digits,
}

impl Plan {
    pub(super) fn new(key: u128, beta: usize, sampling: Sampling) -> Self {
        let mask = match sampling {
            Sampling::Value(n) => (n - 1) as u8,
            Sampling::Winnow(_) => 0,
        };
        let secrets = Secrets::new(key, beta);
        Self {
            beta,
            mask,
            target: secrets.target_under(mask),
            first: Digits::new(&secrets.first),
            second: Digits::new(&secrets.second),
            secrets,
        }
    }
}

/// The maps that build a residue over beta bytes from beta's binary digits.
#[derive(Clone, Debug)]
pub(super) struct Digits {
    /// `A^k B`: what a byte that stands `k` bytes back is mapped by.
    pub(super) input: [MapForms; 4],
    /// `A^(2^k)`: what a residue is mapped by that stands `2^k` bytes back.
    pub(super) step: [MapForms; 6],
    /// `A^24`, likewise.
    pub(super) step_24: MapForms,
}

impl Digits {
    fn new(residue: &Residue) -> Self {
        let power = |exponent| residue.step.power(exponent);
        Self {
            input: std::array::from_fn(|k| {
                MapForms::new(&power(k).after(&residue.input))
            }),
            step: std::array::from_fn(|digit| MapForms::new(&power(1 << digit))),
            step_24: MapForms::new(&power(24)),
        }
    }
}

/// A byte map in the forms that vector instructions apply.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))]
pub(super) struct MapForms {
    /// Operand of `GF2P8AFFINEQB`.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(super) affine: u64,
    /// Images of the low and of the high nibbles, for byte shuffles.
    pub(super) nibbles: [[u8; 16]; 2],
}

impl MapForms {
    fn new(map: &ByteMap) -> Self {
        Self { affine: map.affine_operand(), nibbles: map.nibble_tables() }
    }
}
