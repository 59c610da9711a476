//! The windows of a payload that are kept, and their fingerprints.
//!
//! Content that spreads keeps some of its bytes, at offsets that change. So every
//! window of beta bytes is looked at, and the window's own bytes decide whether
//! it is kept: every copy is then kept, or dropped, wherever it stands (EarlyBird,
//! section 5.2). A keyed residue decides ([`Sampling`]); only a kept window is
//! hashed, to a [`Fingerprint`] of 64 bits.
//!
//! - `rolling_hash` defines the residue and is the scalar truth; `arch` computes
//!   it for 64 windows at once;
//! - `walk` goes from the bits of sampled windows to the windows, many payloads at
//!   a time;
//! - `winnow` keeps minima of runs, for who must not miss any shared run of
//!   beta + w - 1 bytes; vector kernels look for them among few candidates
//!   (`arch::candidates`);
//! - `period` finds the windows that only repeat a unit of 8 bytes or less:
//!   padding recurs everywhere and is dropped;
//! - `secrets` derives all that an attacker must not know from one 128-bit key.
//!
//! Windows are named by the offset of their first byte.

#[allow(unsafe_code)] // Vector instructions; the only unsafe on the packet path.
mod arch;
mod byte_map;
mod kernel;
// Parts of it are for vector kernels only.
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))]
mod period;
// Parts of it are for vector kernels only.
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))]
mod plan;
mod rolling_hash;
mod sampling;
mod secrets;
mod walk;
mod winnow;

pub use arch::prefetch;
pub use kernel::Kernel;
pub use sampling::Sampling;
pub use walk::Scratch;

use crate::state::persist;
use arch::Path;
use plan::{BLOCK, Plan};
use std::ops::AddAssign;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

/// A keyed 64-bit hash of a window, or of a short datagram as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u64);

/// Numbers of windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// Windows looked at: a payload of n bytes has n - beta + 1.
    pub total: u64,
    /// Sampled and handed over.
    pub kept: u64,
    /// Sampled, but dropped: the window has a period of 8 bytes or less.
    pub periodic: u64,
}

impl AddAssign for Windows {
    fn add_assign(&mut self, other: Self) {
        self.total += other.total;
        self.kept += other.kept;
        self.periodic += other.periodic;
    }
}

/// What became of a short datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Short {
    /// Sampled.
    Kept(Fingerprint),
    /// It has a period of 8 bytes or less.
    Periodic,
    /// Its hash does not sample it.
    NotSampled,
}

/// Keeps the windows that one key samples. Immutable: one serves all threads.
#[derive(Clone, Debug)]
pub struct Fingerprinter {
    plan: Plan,
    sampling: Sampling,
    kernel: Kernel,
    path: Path,
}

impl Fingerprinter {
    /// The shortest window, in bytes.
    pub const MIN_BETA: usize = 8;
    /// The longest window, in bytes.
    pub const MAX_BETA: usize = 64;
    /// The shortest datagram that is worth a fingerprint as a whole, in bytes.
    pub const MIN_SHORT: usize = 16;

    /// Windows of `beta` bytes (EarlyBird: 40), sampled under `key`. Every key is
    /// as good as another.
    ///
    /// A kernel that this processor cannot run is replaced by [`Kernel::best`];
    /// a sampling out of range by the nearest in range.
    ///
    /// # Panics
    ///
    /// If `beta` is not 8 to 64.
    pub fn new(key: u128, beta: usize, sampling: Sampling, kernel: Kernel) -> Self {
        assert!(
            (Self::MIN_BETA..=Self::MAX_BETA).contains(&beta),
            "windows have 8 to 64 bytes, not {beta}"
        );
        let sampling = match sampling {
            Sampling::Value(n) => Sampling::Value(n.clamp(1, 256).next_power_of_two()),
            Sampling::Winnow(width) => Sampling::Winnow(width.clamp(2, 1_024)),
        };
        let kernel = if kernel.is_available() { kernel } else { Kernel::best() };
        Self {
            plan: Plan::new(key, beta, sampling),
            sampling,
            kernel,
            path: Path::new(kernel, beta),
        }
    }

    /// Bytes of a window.
    pub fn beta(&self) -> usize {
        self.plan.beta
    }

    /// The kernel in use.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// The sampling in use.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Bytes that a seam between two pieces needs on either side, so that no
    /// window across it is missed: beta - 1, or beta + w - 2 when winnowing.
    pub fn context(&self) -> usize {
        match self.sampling {
            Sampling::Value(_) => self.plan.beta - 1,
            Sampling::Winnow(width) => self.plan.beta + usize::from(width) - 2,
        }
    }

    /// Calls `keep` with the offset and the fingerprint of each kept window, in
    /// order of offset. A payload shorter than a window has none.
    #[inline]
    pub fn for_each(
        &self,
        scratch: &mut Scratch,
        bytes: &[u8],
        mut keep: impl FnMut(usize, Fingerprint),
    ) -> Windows {
        self.for_each_of(scratch, &[bytes], |_, offset, print| keep(offset, print))
    }

    /// The same for many payloads, in order; `keep` is called with the payload's
    /// index first. Faster than one by one where payloads are short: what a
    /// processor guesses wrongly at the end of each is guessed once for several.
    #[inline]
    pub fn for_each_of(
        &self,
        scratch: &mut Scratch,
        payloads: &[&[u8]],
        mut keep: impl FnMut(usize, usize, Fingerprint),
    ) -> Windows {
        let seed = self.plan.secrets.window_seed;
        self.walk(scratch, payloads, |index, offset, window| {
            keep(index, offset, Fingerprint(xxh3_64_with_seed(window, seed)));
        })
    }

    /// The offset and the bytes of each kept window, not hashed.
    #[inline]
    pub fn for_each_window<'b>(
        &self,
        scratch: &mut Scratch,
        bytes: &'b [u8],
        mut keep: impl FnMut(usize, &'b [u8]),
    ) -> Windows {
        self.walk(scratch, &[bytes], |_, offset, window| keep(offset, window))
    }

    /// How many windows are sampled, periodic ones included.
    pub fn count_sampled(&self, scratch: &mut Scratch, bytes: &[u8]) -> u64 {
        scratch.reserve();
        let total = self.total(bytes);
        let mut sampled = 0;
        let mut first = 0;
        while (first as u64) < total {
            let block = self.sample(scratch, 0, bytes, first);
            sampled += self.path.count(&scratch.words[..block.words]);
            first += BLOCK;
        }
        sampled
    }

    /// The fingerprint that a window has where it is kept.
    pub fn window(&self, window: &[u8]) -> Fingerprint {
        Fingerprint(xxh3_64_with_seed(window, self.plan.secrets.window_seed))
    }

    /// The fingerprint of a datagram that is shorter than a window, as a whole:
    /// 16 to beta - 1 bytes; the caller sees to that. It is in a domain of its
    /// own and meets no window's. Value sampling keeps the same share as of
    /// windows, winnowing keeps all: each is a run of its own.
    pub fn short(&self, datagram: &[u8]) -> Short {
        if period::period(datagram).is_some() {
            return Short::Periodic;
        }
        let hash = xxh3_128_with_seed(datagram, self.plan.secrets.short_seed);
        // The other half decides, so that the fingerprint keeps all its bits.
        match (hash >> 64) as u8 & self.plan.mask {
            0 => Short::Kept(Fingerprint(hash as u64)),
            _ => Short::NotSampled,
        }
    }

    /// Windows of a payload.
    fn total(&self, bytes: &[u8]) -> u64 {
        (bytes.len() + 1).saturating_sub(self.plan.beta) as u64
    }
}

persist!(Windows { total, kept, periodic });

#[cfg(test)]
mod minima_tests;
#[cfg(test)]
mod tests;
