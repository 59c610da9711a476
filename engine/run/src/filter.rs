//! Filter expressions over packets.
//!
//! ```text
//! any   = all { ("or" | "||") all }
//! all   = one { ("and" | "&&") one }
//! one   = ("not" | "!") one | "(" any ")" | test
//! test  = [side] "host" ADDRESS | [side] "net" NETWORK | [side] "port" N ["-" M]
//!       | "proto" (NAME | NUMBER) | NAME | "vlan" [ID]
//! side  = "src" | "dst"          without one: either side
//! NAME  = "tcp" | "udp" | "icmp" | "icmpv6" | ...
//! ```
//!
//! The names are those of libpcap's filters, where both have them; addresses and ports
//! are those of the innermost IP header.

mod parser;

use std::net::IpAddr;
use std::str::FromStr;
use wormsift::packet::Network;
use wormsift::packet::protocol;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Expression);

/// What a filter looks at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who sent it.
    pub source: IpAddr,
    /// Whom it was sent to.
    pub destination: IpAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// Source and destination port; `None` where the packet does not say: a fragment.
    pub ports: Option<(u16, u16)>,
    /// The outer VLAN ids, in the order of their tags.
    pub vlans: &'a [u16],
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Net(Side, Network),
    /// First and last port.
    Port(Side, u16, u16),
    Protocol(u8),
    Vlan(Option<u16>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Either,
    Source,
    Destination,
}

/// Protocols by name. ICMP and the others below have no ports.
const PROTOCOLS: [(&str, u8); 12] = [
    ("icmp", protocol::ICMP),
    ("igmp", 2),
    ("tcp", protocol::TCP),
    ("udp", protocol::UDP),
    ("dccp", 33),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmpv6", protocol::ICMPV6),
    ("icmp6", protocol::ICMPV6),
    ("sctp", 132),
    ("udplite", 136),
];

impl Filter {
    /// Whether a packet may be one that is wanted. What a fragment does not say counts
    /// in its favour, so that wanted datagrams stay whole.
    pub fn admits(&self, facts: &Facts<'_>) -> bool {
        self.0.holds(facts) != Some(false)
    }
}

impl Expression {
    /// Three-valued: `None` where the facts do not tell.
    fn holds(&self, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Self::Any(parts) => decide(parts, facts, true),
            Self::All(parts) => decide(parts, facts, false),
            Self::Not(part) => part.holds(facts).map(|holds| !holds),
            Self::Net(side, network) => {
                Some(side.test(facts.source, facts.destination, |address| {
                    network.contains(address)
                }))
            }
            Self::Port(..) if !protocol::has_ports(facts.protocol) => Some(false),
            Self::Port(side, first, last) => facts.ports.map(|(source, destination)| {
                side.test(source, destination, |port| (*first..=*last).contains(&port))
            }),
            Self::Protocol(number) => Some(facts.protocol == *number),
            Self::Vlan(None) => Some(!facts.vlans.is_empty()),
            Self::Vlan(Some(id)) => Some(facts.vlans.contains(id)),
        }
    }
}

/// `decisive` if any part is; the opposite if all parts are; else unknown.
fn decide(parts: &[Expression], facts: &Facts<'_>, decisive: bool) -> Option<bool> {
    let mut result = Some(!decisive);
    for part in parts {
        match part.holds(facts) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

impl Side {
    fn test<T>(self, source: T, destination: T, test: impl Fn(T) -> bool) -> bool {
        match self {
            Self::Either => test(source) || test(destination),
            Self::Source => test(source),
            Self::Destination => test(destination),
        }
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parser::parse(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(
        source: &str,
        destination: &str,
        protocol: u8,
        ports: (u16, u16),
    ) -> Facts<'static> {
        Facts {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            protocol,
            ports: Some(ports),
            vlans: &[],
        }
    }

    fn admits(filter: &str, facts: &Facts<'_>) -> bool {
        filter.parse::<Filter>().unwrap().admits(facts)
    }

    #[test]
    fn each_test_looks_at_its_own_field() {
        let packet = facts("10.0.0.1", "192.0.2.7", protocol::TCP, (40_000, 445));
        for filter in [
            "host 10.0.0.1",
            "host 192.0.2.7",
            "src host 10.0.0.1",
            "dst net 192.0.2.0/24",
            "port 445",
            "dst port 440-450",
            "src port 40000",
            "tcp",
            "proto tcp",
            "proto 6",
            "not vlan",
            "tcp and (port 80 or port 445) and not net 172.16.0.0/12",
            "udp or tcp && !(icmp || port 1)",
        ] {
            assert!(admits(filter, &packet), "{filter}");
        }
        for filter in [
            "dst host 10.0.0.1",
            "src net 192.0.2.0/24",
            "net ::/0",
            "port 444",
            "src port 445",
            "udp",
            "vlan",
            "vlan 7",
            "not tcp",
        ] {
            assert!(!admits(filter, &packet), "{filter}");
        }
    }

    #[test]
    fn and_binds_before_or_and_not_before_both() {
        let packet = facts("10.0.0.1", "10.0.0.2", protocol::TCP, (1, 2));
        assert!(admits("tcp or udp and udp", &packet));
        assert!(!admits("(tcp or udp) and udp", &packet));
        assert!(!admits("not tcp or udp", &packet));
        assert!(!admits("not (tcp or udp)", &packet));
    }

    #[test]
    fn icmp_has_no_ports() {
        let echo = facts("10.0.0.1", "10.0.0.2", protocol::ICMP, (0, 2_048));
        assert!(!admits("port 2048", &echo));
        assert!(admits("not port 2048", &echo));
    }

    #[test]
    fn a_fragment_is_admitted_unless_it_is_surely_not_wanted() {
        let fragment =
            Facts { ports: None, ..facts("10.0.0.1", "10.0.0.2", protocol::UDP, (0, 0)) };
        for filter in ["port 53", "not port 53", "udp and port 53", "tcp or port 53"] {
            assert!(admits(filter, &fragment), "{filter}");
        }
        for filter in ["tcp and port 53", "host 10.0.0.9 and not port 53"] {
            assert!(!admits(filter, &fragment), "{filter}");
        }
    }

    #[test]
    fn vlan_ids_are_those_of_any_tag() {
        let tagged = Facts {
            vlans: &[100, 7],
            ..facts("10.0.0.1", "10.0.0.2", protocol::UDP, (1, 2))
        };
        assert!(admits("vlan", &tagged) && admits("vlan 7", &tagged));
        assert!(!admits("vlan 8", &tagged));
    }

    /// The expression as text, fully in parentheses.
    fn written(expression: &Expression) -> String {
        let joined = |parts: &[Expression], word: &str| {
            let parts: Vec<String> = parts.iter().map(written).collect();
            format!("({})", parts.join(word))
        };
        let side = |side: &Side| match side {
            Side::Either => "",
            Side::Source => "src ",
            Side::Destination => "dst ",
        };
        match expression {
            Expression::Any(parts) => joined(parts, " or "),
            Expression::All(parts) => joined(parts, " and "),
            Expression::Not(part) => format!("not {}", written(part)),
            Expression::Net(s, network) => format!("{}net {network}", side(s)),
            Expression::Port(s, first, last) => format!("{}port {first}-{last}", side(s)),
            Expression::Protocol(number) => format!("proto {number}"),
            Expression::Vlan(None) => "vlan".to_owned(),
            Expression::Vlan(Some(id)) => format!("vlan {id}"),
        }
    }

    fn expressions() -> impl Strategy<Value = Expression> {
        let side =
            || prop::sample::select(vec![Side::Either, Side::Source, Side::Destination]);
        // Few values, so that tests hold about as often as not.
        let leaf = prop_oneof![
            (side(), 0_u8..4, 24_u8..=32).prop_map(|(side, host, prefix)| {
                Expression::Net(side, Network::around([10, 0, 0, host].into(), prefix))
            }),
            (side(), 0_u16..4, 0_u16..4).prop_map(|(side, a, b)| Expression::Port(
                side,
                a.min(b),
                a.max(b)
            )),
            prop::sample::select(vec![6_u8, 17, 1]).prop_map(Expression::Protocol),
            prop::option::of(0_u16..3).prop_map(Expression::Vlan),
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::Any),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::All),
                inner.prop_map(|part| Expression::Not(Box::new(part))),
            ]
        })
    }

    /// The obvious twin for whole packets: plain two-valued logic.
    fn twin(expression: &Expression, facts: &Facts<'_>) -> bool {
        let sides = |side: &Side, source: bool, destination: bool| match side {
            Side::Either => source || destination,
            Side::Source => source,
            Side::Destination => destination,
        };
        match expression {
            Expression::Any(parts) => parts.iter().any(|part| twin(part, facts)),
            Expression::All(parts) => parts.iter().all(|part| twin(part, facts)),
            Expression::Not(part) => !twin(part, facts),
            Expression::Net(side, network) => {
                let inside = |address| network.contains(address);
                sides(side, inside(facts.source), inside(facts.destination))
            }
            Expression::Port(side, first, last) => {
                let (source, destination) = facts.ports.unwrap();
                let inside = |port: u16| *first <= port && port <= *last;
                facts.protocol != 1 && sides(side, inside(source), inside(destination))
            }
            Expression::Protocol(number) => facts.protocol == *number,
            Expression::Vlan(None) => !facts.vlans.is_empty(),
            Expression::Vlan(Some(id)) => facts.vlans.contains(id),
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(expression in expressions()) {
            let text = written(&expression);
            prop_assert_eq!(text.parse::<Filter>(), Ok(Filter(expression)), "{}", text);
        }

        #[test]
        fn it_agrees_with_plain_logic_and_fragments_err_towards_yes(
            expression in expressions(),
            hosts: (u8, u8),
            protocol in prop::sample::select(vec![6_u8, 17, 1]),
            ports in (0_u16..4, 0_u16..4),
            vlans in prop::collection::vec(0_u16..3, 0..3),
        ) {
            let whole = Facts {
                source: [10, 0, 0, hosts.0 % 4].into(),
                destination: [10, 0, 0, hosts.1 % 4].into(),
                protocol,
                ports: Some(ports),
                vlans: &vlans,
            };
            let wanted = twin(&expression, &whole);
            let filter = Filter(expression);
            prop_assert_eq!(filter.admits(&whole), wanted);
            let fragment = Facts { ports: None, ..whole };
            prop_assert!(!wanted || filter.admits(&fragment));
        }
    }
}
