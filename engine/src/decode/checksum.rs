//! The Internet checksum (RFC 1071).

use super::{Ends, Network};

/// Whether `bytes`, their checksum field included, sum to all ones.
pub(super) fn holds(bytes: &[u8]) -> bool {
    fold(sum(bytes)) == 0xffff
}

/// The same with the pseudo header of TCP, UDP and ICMPv6 before it (RFC 9293,
/// 3.1; RFC 8200, 8.1).
pub(super) fn holds_with_pseudo_header(
    network: &Network,
    protocol: u8,
    bytes: &[u8],
) -> bool {
    let ends = match network.ends {
        Ends::V4(source, destination) => u64::from(source) + u64::from(destination),
        Ends::V6(source, destination) => {
            sum(&source.to_be_bytes()) + sum(&destination.to_be_bytes())
        }
    };
    fold(ends + u64::from(protocol) + bytes.len() as u64 + sum(bytes)) == 0xffff
}

/// The sum in words of 32 bits: 2^16 = 1 modulo 2^16 - 1, so that they fold to
/// the sum of 16-bit words. No overflow below 2^32 words.
fn sum(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(4);
    let mut sum = 0;
    for word in &mut words {
        sum += word.first_chunk().map_or(0, |word| u64::from(u32::from_be_bytes(*word)));
    }
    let mut last = [0; 4];
    for (to, from) in last.iter_mut().zip(words.remainder()) {
        *to = *from;
    }
    sum + u64::from(u32::from_be_bytes(last))
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Word by word with the end-around carry at once, as RFC 1071 tells it.
    fn plain_sum(bytes: &[u8]) -> u16 {
        let mut sum = 0_u16;
        for pair in bytes.chunks(2) {
            let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
            let (added, carry) = sum.overflowing_add(word);
            sum = added + u16::from(carry);
        }
        sum
    }

    #[test]
    fn wide_words_fold_to_the_plain_sum() {
        let bytes: Vec<u8> = (0..200_u32).map(|i| (i * i * 37 + 255) as u8).collect();
        for start in 0..8 {
            for end in start..bytes.len() {
                let part = &bytes[start..end];
                assert_eq!(fold(sum(part)), plain_sum(part), "{start}..{end}");
            }
        }
        assert_eq!(fold(sum(&[0xff; 65_535])), plain_sum(&[0xff; 65_535]));
    }

    #[test]
    fn the_example_of_rfc_1071_holds_with_its_complement() {
        let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(fold(sum(&data)), 0xddf2);
        assert!(holds(&[&data[..], &(!0xddf2_u16).to_be_bytes()].concat()));
        assert!(!holds(&[&data[..], &(!0xddf3_u16).to_be_bytes()].concat()));
    }
}
