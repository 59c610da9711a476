//! What counts as one source or destination.

use super::Site;
use crate::state::persist;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What counts as one source or destination: an IPv4 address, or an IPv6
/// address cut to a prefix. Kept as 128 bits, IPv4 in its mapped form.
///
/// An address that is not unique, since every network may use it, belongs to a [`Site`] where
/// there are any: private and shared ones of IPv4 (RFC 1918, RFC 6598), and those of the link,
/// of IPv4 and IPv6. Unique local addresses of IPv6 (RFC 4193) are unique as they stand. As text
/// it is `10.0.0.1%berlin`.
///
/// Addresses of 4000::/7, which are not assigned, stand for those of sites; a packet that has one
/// counts as of 4200::/7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(pub u128);

/// The prefix of IPv4-mapped IPv6 addresses.
const MAPPED: u128 = 0xffff_0000_0000;
/// IPv6 link-local unicast (RFC 4291, section 2.5.6), whose next 54 bits are zero.
const LINK_LOCAL: u128 = 0xfe80 << 112;

/// Where the site stands in an address of one, between the address and the tag.
const SITE_SHIFT: u32 = 64;
const TAG_SHIFT: u32 = SITE_SHIFT + Site::BITS;
/// The tags of addresses of a site, and the bit that other addresses get that begin so.
const V4_OF_SITE: u128 = 0x40;
const LINK_OF_SITE: u128 = 0x41;
const OTHER: u128 = 0x02 << TAG_SHIFT;

impl Host {
    /// The host of an address; `v6_prefix` is 0 to 128 bits.
    pub fn of(address: IpAddr, v6_prefix: u8) -> Self {
        match address {
            IpAddr::V4(v4) => Self(MAPPED | u128::from(u32::from(v4))),
            // A mapped address is that of an IPv4 host.
            IpAddr::V6(v6) => {
                let host = Self(u128::from(v6));
                let is_taken = host.is_of_site();
                Self(if is_taken { host.0 | OTHER } else { host.0 }).cut(v6_prefix)
            }
        }
    }

    /// The same, of a site: another one where the address is not unique.
    pub fn at(self, site: Option<Site>) -> Self {
        let Some(site) = site else { return self };
        let site = u128::from(site.number()) << SITE_SHIFT;
        if self.0 >> 32 == MAPPED >> 32 && is_shared(Ipv4Addr::from(self.0 as u32)) {
            Self(V4_OF_SITE << TAG_SHIFT | site | self.0)
        } else if self.0 >> 64 == LINK_LOCAL >> 64 {
            Self(LINK_OF_SITE << TAG_SHIFT | site | u128::from(self.0 as u64))
        } else {
            self
        }
    }

    /// The site that the address belongs to, if it does.
    pub fn site(self) -> Option<Site> {
        let number = (self.0 >> SITE_SHIFT) as u64 & ((1 << Site::BITS) - 1);
        Site::of(number).filter(|_| self.is_of_site())
    }

    /// The same without a site.
    pub(crate) fn without_site(self) -> Self {
        let address = u128::from(self.0 as u64);
        match self.0 >> TAG_SHIFT {
            V4_OF_SITE => Self(address),
            LINK_OF_SITE => Self(LINK_LOCAL | address),
            _ => self,
        }
    }

    /// Whether the bits are those of an address of a site.
    fn is_of_site(self) -> bool {
        matches!(self.0 >> TAG_SHIFT, V4_OF_SITE | LINK_OF_SITE)
    }

    /// The address, an IPv6 one with zeros after the prefix, without its site.
    pub fn address(self) -> IpAddr {
        let Self(bits) = self.without_site();
        if bits >> 32 == MAPPED >> 32 {
            IpAddr::V4(Ipv4Addr::from(bits as u32))
        } else {
            IpAddr::V6(Ipv6Addr::from(bits))
        }
    }

    /// All hosts of a link: the limited broadcast address of IPv4.
    pub const BROADCAST: Self = Self(MAPPED | 0xffff_ffff);

    /// Whether it stands for an IPv6 address.
    pub(crate) const fn is_v6(self) -> bool {
        self.0 >> 32 != MAPPED >> 32 && self.0 >> TAG_SHIFT != V4_OF_SITE
    }

    /// Whether it stands for an IPv6 address of the link.
    pub(crate) const fn is_link_local(self) -> bool {
        self.0 >> 118 == LINK_LOCAL >> 118 || self.0 >> TAG_SHIFT == LINK_OF_SITE
    }

    /// The same, an IPv6 address cut to a prefix; not one of a site.
    pub(crate) fn cut(self, v6_prefix: u8) -> Self {
        match v6_prefix {
            _ if !self.is_v6() || self.is_of_site() => self,
            0 => Self(0),
            n => Self(self.0 & (u128::MAX << (128 - u32::from(n.min(128))))),
        }
    }

    /// Whether it stands for a group of receivers: multicast, or IPv4 broadcast.
    pub fn is_group(self) -> bool {
        match self.address() {
            IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast(),
            IpAddr::V6(v6) => v6.is_multicast(),
        }
    }
}

/// Whether many networks use an address.
fn is_shared(v4: Ipv4Addr) -> bool {
    // 100.64.0.0/10 is shared by the customers of a carrier, 0.0.0.0/8 is who has none yet.
    let [a, b, ..] = v4.octets();
    v4.is_private()
        || v4.is_link_local()
        || v4.is_loopback()
        || a == 0
        || (a, b >> 6) == (100, 1)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.site() {
            None => self.address().fmt(f),
            Some(site) => f.pad(&format!("{}%{site}", self.address())),
        }
    }
}

/// An address, as a host of its own, with its site after `%`.
impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, site) = match text.split_once('%') {
            Some((address, site)) => (address, Some(site.parse()?)),
            None => (text, None),
        };
        let parsed = address
            .parse()
            .map_err(|_| format!("expected an address, found `{address}`"))?;
        let host = Self::of(parsed, 128);
        let of_site = host.at(site);
        match site {
            Some(site) if of_site == host => Err(format!(
                "expected an address that is not unique before the site `{site}`, found `{address}`"
            )),
            _ => Ok(of_site),
        }
    }
}

persist!(Host { 0 });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_keep_ipv4_whole_and_cut_ipv6() {
        let v4: IpAddr = "192.0.2.7".parse().unwrap();
        assert_eq!(Host::of(v4, 64).address(), v4);
        let v6: IpAddr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
        assert_eq!(Host::of(v6, 64).to_string(), "2001:db8:1:2::");
        assert_eq!(Host::of(v6, 128).address(), v6);
        assert_eq!(Host::of(v6, 0).0, 0);
        assert!(Host::of("224.0.0.1".parse().unwrap(), 64).is_group());
        assert!(Host::of("255.255.255.255".parse().unwrap(), 64).is_group());
        assert!(Host::of("ff02::1".parse().unwrap(), 64).is_group());
        assert!(!Host::of(v4, 64).is_group());
    }

    #[test]
    fn shared_addresses_alone_belong_to_a_site() {
        let of_sites = [
            "10.0.0.1",
            "172.31.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "100.127.0.1",
            "169.254.0.1",
            "127.0.0.1",
            "0.0.0.0",
            "fe80::1",
        ];
        let unique = [
            "192.0.2.7",
            "172.32.0.1",
            "100.128.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "2001:db8::1",
            "fd00::1",
            "ff02::1",
            "fe80:0:0:1::1",
        ];
        let [berlin, paris] = ["berlin", "paris"].map(|it| it.parse::<Site>().unwrap());
        let hosts = |texts: &[&str]| -> Vec<Host> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        for host in hosts(&of_sites) {
            let [here, there] = [berlin, paris].map(|site| host.at(Some(site)));
            assert!(here != there && here != host && host.at(None) == host);
            assert_eq!((here.site(), there.site()), (Some(berlin), Some(paris)));
            assert_eq!((here.address(), here.without_site()), (host.address(), host));
            assert_eq!(
                (here.is_v6(), here.is_link_local()),
                (host.is_v6(), host.is_link_local())
            );
            assert_eq!((here.cut(64), here.is_group()), (here, false));
        }
        for host in hosts(&unique) {
            assert_eq!((host.at(Some(berlin)), host.site()), (host, None));
        }
    }

    #[test]
    fn an_address_of_a_site_is_written_after_a_percent_sign() {
        let host: Host = "10.0.0.1%berlin".parse().unwrap();
        assert_eq!(host.to_string(), "10.0.0.1%berlin");
        let error = "192.0.2.1%berlin".parse::<Host>().unwrap_err();
        assert_eq!(
            error,
            "expected an address that is not unique before the site `berlin`, found `192.0.2.1`"
        );
        for text in ["10.0.0.1%", "10.0.0.1%Berlin", "10.0.0%berlin", "%berlin", ""] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }

    proptest! {
        /// No packet's address is taken for one of a site.
        #[test]
        fn hosts_are_written_as_they_were_read(bits: u128, tag in 0x3f_u128..0x44, site: bool) {
            let bits = bits & (u128::MAX >> 8) | tag << 120;
            let host = Host::of(Ipv6Addr::from(bits).into(), 128);
            prop_assert_eq!(host.site(), None);
            let v4 = Host::of(Ipv4Addr::from(bits as u32).into(), 128);
            let v4 = v4.at(site.then(|| "a".parse().unwrap()));
            for host in [host, v4] {
                prop_assert_eq!(host.to_string().parse::<Host>(), Ok(host));
            }
        }
    }
}
