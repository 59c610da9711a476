//! What a decoy may start itself: `udp/53 10.0.0.1`, `udp/123`, `icmp`.
//!
//! A protocol, a port unless any will do, and a network unless it is to anybody.

use crate::packet::{Network, protocol};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Conversations that a decoy may start: `udp/53 10.0.0.1`, `udp/123`, `tcp`, `icmp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MayStart {
    protocol: u8,
    port: Option<u16>,
    to: Option<Network>,
}

/// Protocols that have conversations.
const PROTOCOLS: [(&str, u8); 4] = [
    ("tcp", protocol::TCP),
    ("udp", protocol::UDP),
    ("icmp", protocol::ICMP),
    ("icmpv6", protocol::ICMPV6),
];

impl MayStart {
    /// Whether a conversation of this protocol with this address is one of them; `port` is
    /// `None` without ports.
    pub fn allows(&self, protocol: u8, port: Option<u16>, to: IpAddr) -> bool {
        self.protocol == protocol
            && self.port.is_none_or(|it| port == Some(it))
            && self.to.is_none_or(|network| network.contains(to))
    }
}

impl FromStr for MayStart {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "expected tcp/PORT, udp/PORT, icmp or icmpv6, and a network where it matters, \
                 such as `udp/53 192.0.2.1`; found `{text}`"
            )
        };
        let mut words = text.split_whitespace();
        let what = words.next().ok_or_else(expected)?;
        let to = words.next().map(str::parse).transpose()?;
        if words.next().is_some() {
            return Err(expected());
        }
        let (name, port) = match what.split_once('/') {
            Some((name, port)) => (name, Some(port)),
            None => (what, None),
        };
        let known = PROTOCOLS.iter().find(|(known, _)| *known == name);
        let (_, number) = *known.ok_or_else(expected)?;
        let port = match port {
            None => None,
            Some(digits)
                if matches!(number, protocol::TCP | protocol::UDP)
                    && digits.bytes().all(|b| b.is_ascii_digit()) =>
            {
                let port = digits.parse().map_err(|_| {
                    format!("expected a port of 0 to 65535, found `{digits}`")
                })?;
                Some(port)
            }
            Some(_) => return Err(expected()),
        };
        Ok(Self { protocol: number, port, to })
    }
}

impl fmt::Display for MayStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = PROTOCOLS.iter().find(|(_, number)| *number == self.protocol);
        f.write_str(known.map_or("", |(name, _)| name))?;
        if let Some(port) = self.port {
            write!(f, "/{port}")?;
        }
        self.to.map_or(Ok(()), |network| write!(f, " {network}"))
    }
}

impl Serialize for MayStart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MayStart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_allows_what_it_says_and_no_more() {
        let may = |text: &str| text.parse::<MayStart>().unwrap();
        let resolver: IpAddr = [10, 0, 0, 1].into();
        let other: IpAddr = [10, 0, 0, 2].into();
        let dns = may("udp/53 10.0.0.1");
        assert!(dns.allows(17, Some(53), resolver));
        assert!(!dns.allows(17, Some(53), other));
        assert!(!dns.allows(6, Some(53), resolver));
        assert!(!dns.allows(17, Some(54), resolver));
        assert!(may("udp/123").allows(17, Some(123), other));
        assert!(may("tcp").allows(6, Some(9), other));
        assert!(may("tcp 10.0.0.0/31").allows(6, Some(9), resolver));
        assert!(may("icmp").allows(1, None, other));
        for text in ["udp/53 10.0.0.1/32", "udp/123", "tcp", "icmpv6 2001:db8::/32"] {
            assert_eq!(may(text).to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "expected tcp/PORT"),
            ("53/udp", "expected tcp/PORT"),
            ("udp/", "port of 0 to 65535, found ``"),
            ("udp/65536", "port of 0 to 65535, found `65536`"),
            ("udp/+5", "expected tcp/PORT"),
            ("icmp/8", "expected tcp/PORT"),
            ("udp/53 10.0.0", "expected a network"),
            ("udp/53 10.0.0.1 10.0.0.2", "expected tcp/PORT"),
        ] {
            let error = text.parse::<MayStart>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
