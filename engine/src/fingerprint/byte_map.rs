//! Linear maps of a byte over GF(2): 8x8 bit matrices, and the field GF(2^8) as
//! a set of them.

/// A linear map of bytes over GF(2), by the images of the eight unit bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteMap {
    columns: [u8; 8],
}

impl ByteMap {
    pub(super) const IDENTITY: Self = Self { columns: [1, 2, 4, 8, 16, 32, 64, 128] };

    /// Multiplication by `x` in `GF(2)[x]` modulo `x^8 + low`, where `low` holds
    /// the terms below `x^8`. It generates the whole multiplicative group (order
    /// 255) when the polynomial is primitive.
    pub(super) const fn times_x(low: u8) -> Self {
        Self { columns: [2, 4, 8, 16, 32, 64, 128, low] }
    }

    /// The map whose matrix has these eight bytes as columns.
    pub(super) const fn from_columns(columns: [u8; 8]) -> Self {
        Self { columns }
    }

    pub(super) fn apply(&self, byte: u8) -> u8 {
        let mut image = 0;
        for (bit, column) in self.columns.iter().enumerate() {
            if byte >> bit & 1 == 1 {
                image ^= column;
            }
        }
        image
    }

    /// First `inner`, then `self`.
    pub(super) fn after(&self, inner: &Self) -> Self {
        Self { columns: inner.columns.map(|column| self.apply(column)) }
    }

    /// `self` applied `exponent` times.
    pub(super) fn power(&self, exponent: usize) -> Self {
        (0..exponent).fold(Self::IDENTITY, |power, _| self.after(&power))
    }

    /// No byte but 0 goes to 0.
    pub(super) fn is_invertible(&self) -> bool {
        (1..=u8::MAX).all(|byte| self.apply(byte) != 0)
    }

    /// The images of all bytes.
    pub(super) fn table(&self) -> [u8; 256] {
        std::array::from_fn(|byte| self.apply(byte as u8))
    }

    /// The images of the 16 low nibbles, and of the 16 high ones: their sum is
    /// the image of a byte.
    #[cfg_attr(
        not(any(target_arch = "x86_64", target_arch = "aarch64")),
        allow(dead_code)
    )]
    pub(super) fn nibble_tables(&self) -> [[u8; 16]; 2] {
        [
            std::array::from_fn(|nibble| self.apply(nibble as u8)),
            std::array::from_fn(|nibble| self.apply((nibble as u8) << 4)),
        ]
    }

    /// The matrix as `GF2P8AFFINEQB` wants it: the row of output bit `i` is byte
    /// `7 - i`.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(super) fn affine_operand(&self) -> u64 {
        let row = |output: usize| {
            (0..8).fold(0u8, |row, input| {
                row | (self.columns[input] >> output & 1) << input
            })
        };
        u64::from_be_bytes(std::array::from_fn(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplication_by_x_generates_all_non_zero_bytes() {
        for low in [0x1D, 0x2B] {
            let times_x = ByteMap::times_x(low);
            let mut seen = [false; 256];
            let mut byte = 1;
            for _ in 0..255 {
                assert!(!seen[usize::from(byte)]);
                seen[usize::from(byte)] = true;
                byte = times_x.apply(byte);
            }
            assert_eq!(byte, 1);
            assert_eq!(times_x.power(255), ByteMap::IDENTITY);
        }
    }

    #[test]
    fn all_forms_of_a_map_agree() {
        let map = ByteMap::from_columns([0x31, 0x5A, 0x07, 0xEE, 0x90, 0x44, 0xC3, 0x1F]);
        let [low, high] = map.nibble_tables();
        let rows = map.affine_operand().to_be_bytes();
        for byte in 0..=u8::MAX {
            let image = map.apply(byte);
            assert_eq!(map.table()[usize::from(byte)], image);
            assert_eq!(low[usize::from(byte & 15)] ^ high[usize::from(byte >> 4)], image);
            for (bit, row) in rows.iter().enumerate() {
                assert_eq!((row & byte).count_ones() & 1, u32::from(image >> bit & 1));
            }
        }
    }

    #[test]
    fn a_matrix_with_two_equal_columns_is_singular() {
        assert!(ByteMap::IDENTITY.is_invertible());
        assert!(!ByteMap::from_columns([1, 2, 4, 8, 16, 32, 64, 1]).is_invertible());
    }
}
