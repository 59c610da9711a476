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
            first: Digits::new(&secrets.first, beta),
            second: Digits::new(&secrets.second, beta),
            secrets,
        }
    }
}

/// The maps that build a residue over beta bytes from beta's binary digits,
/// lowest first.
#[derive(Clone, Debug)]
pub(super) struct Digits {
    /// `B`.
    pub(super) input: MapForms,
    /// `A^(2^k)`: from residues over `2^k` bytes to those over `2^(k+1)`.
    pub(super) double: [MapForms; 6],
    /// What to do with the residues over `2^k` bytes.
    pub(super) join: [Join; 7],
}

/// How the residues over `2^k` bytes enter those over beta bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Join {
    /// Beta's digit `k` is 0.
    Skip,
    /// Its lowest 1: they are the last bytes of the window.
    First,
    /// They stand in front of the bytes of the lower digits, which reach over
    /// `distance`; `map` is `A^distance`.
    InFront { distance: Distance, map: MapForms },
}

/// A distance of 1 to 31 bytes in the forms that vector instructions shift by.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))]
pub(super) struct Distance {
    pub(super) bytes: usize,
    /// For each byte of 16, where it comes from in the same 16 bytes and in those
    /// before, once whole 16 bytes are done; 255 where from the other.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(super) sources: [[u8; 16]; 2],
}

impl Distance {
    fn new(bytes: usize) -> Self {
        let part = bytes % 16;
        let near = |lane| if lane >= part { (lane - part) as u8 } else { u8::MAX };
        let far = |lane| if lane < part { (16 + lane - part) as u8 } else { u8::MAX };
        Self { bytes, sources: [std::array::from_fn(near), std::array::from_fn(far)] }
    }
}

impl Digits {
    fn new(residue: &Residue, beta: usize) -> Self {
        let power = |exponent| MapForms::new(&residue.step.power(exponent));
        let join =
            |digit: usize| match (beta >> digit & 1, beta & ((1usize << digit) - 1)) {
                (0, _) => Join::Skip,
                (_, 0) => Join::First,
                (_, length) => {
                    Join::InFront { distance: Distance::new(length), map: power(length) }
                }
            };
        Self {
            input: MapForms::new(&residue.input),
            double: std::array::from_fn(|digit| power(1 << digit)),
            join: std::array::from_fn(join),
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
