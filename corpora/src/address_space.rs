//! Address space: what a worm scans, and what is behind the tap.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::CorpusError;

/// An IPv4 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Its first address.
    pub network: Ipv4Addr,
    /// How many leading bits are fixed, 0 to 32.
    pub bits: u8,
}

impl Prefix {
    /// The network of `bits` leading bits that holds `address`. More than 32
    /// bits count as 32.
    pub fn new(address: Ipv4Addr, bits: u8) -> Self {
        let bits = bits.min(32);
        let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
        Self { network: Ipv4Addr::from(u32::from(address) & mask), bits }
    }

    /// How many addresses it has.
    pub(crate) fn size(self) -> u64 {
        1 << (32 - u32::from(self.bits.min(32)))
    }

    /// Whether it holds the address.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u64::from(u32::from(address).wrapping_sub(self.network.into())) < self.size()
    }

    /// The address at this place, counted around.
    pub fn address(self, index: u64) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network).wrapping_add((index % self.size()) as u32))
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.network, self.bits)
    }
}

/// The addresses that a worm scans, and the part of them behind the tap. The
/// tap sees what goes from one part to the other, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressSpace {
    /// Everything that is scanned.
    pub scanned: Prefix,
    /// What is behind the tap.
    pub inside: Prefix,
}

/// 10.20.0.0/16 with 10.20.16.0/20 behind the tap: private addresses, few
/// enough for an epidemic of minutes at a few scans a second.
impl Default for AddressSpace {
    fn default() -> Self {
        Self {
            scanned: Prefix::new(Ipv4Addr::new(10, 20, 0, 0), 16),
            inside: Prefix::new(Ipv4Addr::new(10, 20, 16, 0), 20),
        }
    }
}

impl AddressSpace {
    /// Refuses an inside that is not a proper part of what is scanned: nothing
    /// would ever cross the tap.
    pub(crate) fn validate(self) -> Result<(), CorpusError> {
        let proper = self.scanned.contains(self.inside.network)
            && self.inside.bits > self.scanned.bits
            && self.inside.bits <= 32;
        if proper {
            return Ok(());
        }
        let expected = format!(
            "a network inside {} and smaller, found {}",
            self.scanned, self.inside
        );
        Err(CorpusError::setting("inside", expected))
    }

    /// How many scanned addresses are outside.
    pub(crate) fn outside_size(self) -> u64 {
        self.scanned.size() - self.inside.size().min(self.scanned.size())
    }

    /// The outside address at this place; the inside is skipped.
    pub(crate) fn outside_address(self, index: u64) -> Ipv4Addr {
        let skipped = u64::from(
            u32::from(self.inside.network).wrapping_sub(self.scanned.network.into()),
        );
        let index = index % self.outside_size().max(1);
        let step = if index < skipped { 0 } else { self.inside.size() };
        self.scanned.address(index + step)
    }
}

/// An IPv6 address for an IPv4 one, each in a /64 of its own under the
/// documentation prefix 2001:db8::/32, since a /64 counts as one host.
pub(crate) fn as_ipv6(address: Ipv4Addr) -> IpAddr {
    let [a, b, c, d] = address.octets();
    let segments = [
        0x2001,
        0x0db8,
        u16::from_be_bytes([a, b]),
        u16::from_be_bytes([c, d]),
        0,
        0,
        0,
        1,
    ];
    Ipv6Addr::from(segments).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_addresses_are_all_but_the_inside() {
        let space = AddressSpace {
            scanned: Prefix::new(Ipv4Addr::new(10, 0, 0, 77), 24),
            inside: Prefix::new(Ipv4Addr::new(10, 0, 0, 65), 28),
        };
        assert_eq!(space.inside.network, Ipv4Addr::new(10, 0, 0, 64));
        let outside: Vec<_> =
            (0..space.outside_size()).map(|index| space.outside_address(index)).collect();
        let expected: Vec<_> = (0..=255)
            .filter(|last| !(64..80).contains(last))
            .map(|last| Ipv4Addr::new(10, 0, 0, last))
            .collect();
        assert_eq!(outside, expected);
    }

    #[test]
    fn the_whole_internet_can_be_scanned() {
        let all = Prefix::new(Ipv4Addr::UNSPECIFIED, 0);
        assert_eq!(all.size(), 1 << 32);
        assert!(all.contains(Ipv4Addr::BROADCAST));
        assert_eq!(all.address((1 << 32) - 1), Ipv4Addr::BROADCAST);
        assert_eq!(Prefix::new(Ipv4Addr::BROADCAST, 32).size(), 1);
    }

    #[test]
    fn an_inside_that_sees_nothing_cross_is_refused() {
        let scanned = Prefix::new(Ipv4Addr::new(10, 0, 0, 0), 16);
        for inside in [scanned, Prefix::new(Ipv4Addr::new(11, 0, 0, 0), 24)] {
            assert!(AddressSpace { scanned, inside }.validate().is_err());
        }
        assert!(AddressSpace::default().validate().is_ok());
    }
}
