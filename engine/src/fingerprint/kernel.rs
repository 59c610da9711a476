//! The choice of the kernel that samples.

use super::arch;
use std::fmt;

/// The instructions that the sampling kernel uses. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// x86-64 with AVX-512 (F, BW, VL, VBMI, VBMI2) and GFNI: 64 positions a register.
    Avx512,
    /// x86-64 with AVX2: 32 positions a register.
    Avx2,
    /// 64-bit ARM: 16 positions a register.
    Neon,
    /// Any processor: one position after the other.
    Scalar,
}

impl Kernel {
    /// All kernels, fastest first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Scalar];

    /// The fastest kernel that this processor can run.
    pub fn best() -> Self {
        Self::ALL.into_iter().find(|kernel| kernel.is_available()).unwrap_or(Self::Scalar)
    }

    /// Whether this processor can run it.
    pub fn is_available(self) -> bool {
        arch::is_available(self)
    }

    /// `avx512`, `avx2`, `neon` or `scalar`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Scalar => "scalar",
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
