//! Networks as people write them (`192.0.2.0/24`, `2001:db8::/32`, or one address), and
//! which of them are ours.

use super::Host;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// The addresses that share a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

impl Network {
    /// The network of `prefix` bits that an address lies in; its own 32 or 128 bits at
    /// most.
    pub fn around(address: IpAddr, prefix: u8) -> Self {
        let prefix = prefix.min(bits(address));
        Self(IpNet::new(address, prefix).expect("no longer than the address").trunc())
    }

    /// Its first address and how many leading bits are fixed.
    pub fn parts(&self) -> (IpAddr, u8) {
        (self.0.addr(), self.0.prefix_len())
    }

    /// Whether an address lies in it; never for one of the other IP version.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

/// Bits of an address of its version.
fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("expected a network such as 192.0.2.0/24, found `{text}`");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| expected())?;
        let bits = bits(address);
        let prefix = match prefix {
            None => bits,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(|| {
                    format!("expected a prefix of 0 to {bits} bits, found `{text}`")
                })?
            }
            Some(_) => return Err(expected()),
        };
        let network = Self::around(address, prefix);
        if network.0.addr() == address {
            Ok(network)
        } else {
            Err(format!("`{text}` has bits after its prefix; did you mean {network}?"))
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The networks that are ours, if that was said. It describes hosts and selects nothing.
/// Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Network>", into = "Vec<Network>")]
pub struct HomeNet(Option<Arc<[Network]>>);

impl HomeNet {
    /// The networks; none where nothing was said.
    pub fn networks(&self) -> &[Network] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether nothing was said.
    pub fn is_unset(&self) -> bool {
        self.0.is_none()
    }

    /// Whether an address is ours; `None` where nothing was said.
    pub fn inside(&self, address: IpAddr) -> Option<bool> {
        let networks = self.0.as_deref()?;
        Some(networks.iter().any(|network| network.contains(address)))
    }

    /// Whether a host is known to be ours.
    pub(crate) fn holds(&self, host: Host) -> bool {
        self.inside(host.address()) == Some(true)
    }
}

impl From<Vec<Network>> for HomeNet {
    /// No network at all says nothing.
    fn from(networks: Vec<Network>) -> Self {
        Self((!networks.is_empty()).then(|| networks.into()))
    }
}

impl From<HomeNet> for Vec<Network> {
    fn from(home: HomeNet) -> Self {
        home.networks().to_vec()
    }
}

/// What a sensor's settings say of the hosts in its findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPlan {
    /// Bits of an IPv6 address that make a host.
    pub v6_prefix: u8,
    /// Which networks are ours.
    pub home_net: HomeNet,
}

impl Default for AddressPlan {
    fn default() -> Self {
        Self { v6_prefix: 64, home_net: HomeNet::default() }
    }
}

impl AddressPlan {
    /// The network that a host stands for: one IPv4 address, or an IPv6 prefix.
    pub fn network(&self, host: Host) -> Network {
        Network::around(
            host.address(),
            if host.address().is_ipv4() { 32 } else { self.v6_prefix },
        )
    }

    /// Whether a host is ours; `None` where that was not said.
    pub fn inside(&self, host: Host) -> Option<bool> {
        self.home_net.inside(host.address())
    }

    /// How many of these hosts are ours; `None` where that was not said.
    pub fn count_inside(&self, hosts: &[Host]) -> Option<usize> {
        let inside = |host: &&Host| self.home_net.holds(**host);
        (!self.home_net.is_unset()).then(|| hosts.iter().filter(inside).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, address: &str) -> bool {
        let network: Network = network.parse().unwrap();
        network.contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_holds_its_prefix_and_no_other_ip_version() {
        assert!(holds("192.0.2.0/24", "192.0.2.255"));
        assert!(!holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("192.0.2.7", "192.0.2.7"));
        assert!(!holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("0.0.0.0/0", "203.0.113.9"));
        assert!(!holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("::/0", "2001:db8::1"));
        assert!(holds("::/0", "::ffff:192.0.2.7"));
        assert!(!holds("192.0.2.0/24", "::ffff:192.0.2.7"));
        assert!(!holds("::ffff:0:0/96", "192.0.2.7"));
    }

    #[test]
    fn inside_is_unknown_until_a_network_is_named() {
        let host = |text: &str| Host::of(text.parse().unwrap(), 64);
        let plan = AddressPlan::default();
        assert_eq!(plan.inside(host("10.0.0.1")), None);
        assert_eq!(plan.count_inside(&[host("10.0.0.1")]), None);
        let networks = ["10.0.0.0/8", "2001:db8::/32"].map(|it| it.parse().unwrap());
        let plan = AddressPlan { v6_prefix: 56, home_net: networks.to_vec().into() };
        let hosts = ["10.9.9.9", "11.0.0.1", "2001:db8:1:2::3", "2001:db9::1"].map(host);
        let inside = hosts.map(|host| plan.inside(host));
        assert_eq!(inside, [Some(true), Some(false), Some(true), Some(false)]);
        assert_eq!(plan.count_inside(&hosts), Some(2));
        assert_eq!(plan.network(hosts[0]).to_string(), "10.9.9.9/32");
        assert_eq!(plan.network(hosts[2]).to_string(), "2001:db8:1::/56");
        let all: HomeNet = vec!["0.0.0.0/0".parse().unwrap()].into();
        assert_eq!(all.inside(hosts[1].address()), Some(true));
        assert_eq!(all.inside(hosts[2].address()), Some(false));
    }

    #[test]
    fn what_is_no_network_is_refused_with_the_reason() {
        for (text, reason) in [
            ("192.0.2.0/33", "0 to 32 bits"),
            ("::/129", "0 to 128 bits"),
            ("192.0.2.1/24", "did you mean 192.0.2.0/24?"),
            ("192.0.2/24", "expected a network"),
            ("192.0.2.0/", "0 to 32 bits"),
            ("192.0.2.0/+8", "expected a network"),
            ("", "expected a network"),
        ] {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
