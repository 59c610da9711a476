//! Where the way down through the headers of a frame ended, and for which reason.
//!
//! A [`Stop`] is noted beside the result of a decode: a frame whose payload was reached
//! has none. Noting one costs a store at a place that is not on the way of a plain packet.

use super::Drop;
use super::names;
use crate::packet::LinkType;

/// What could not be passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Nothing: the payload was reached.
    #[default]
    None,
    /// A link type, by its libpcap number.
    LinkType,
    /// An Ethernet type.
    Ethertype,
    /// An LLC frame, by its destination service access point.
    Llc,
    /// An IP protocol that has no ports and is not ICMP.
    IpProtocol,
    /// A PPP protocol.
    Ppp,
    /// The next protocol of a tunnel header, by the tunnel's `names::TUNNELS` place.
    Tunnel,
    /// A UDP port whose datagrams look like VXLAN, but is not set as a port of VXLAN.
    VxlanPort,
    /// An IP packet inside an ICMP echo.
    IcmpEcho,
    /// Content that is encrypted or compressed, by its `names::SEALS` place.
    Sealed,
    /// A message between the ends of a tunnel, about the tunnel.
    Control,
    /// A fragment, alone until its datagram is complete.
    Fragment,
    /// The capture ends inside a header.
    Truncated,
    /// A header is not what its standard allows, or a checksum is wrong; by the place of
    /// the reason in [`Drop::ALL`].
    Damaged,
    /// More tunnels in tunnels than are followed.
    TooDeep,
}

/// Where a decode ended before a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stop {
    /// What could not be passed.
    pub layer: Layer,
    /// Its number there.
    pub code: u32,
}

impl Stop {
    /// The payload was reached.
    pub const NONE: Self = Self { layer: Layer::None, code: 0 };

    pub(super) const fn new(layer: Layer, code: u32) -> Self {
        Self { layer, code }
    }

    /// Whether the payload was reached.
    #[inline]
    pub const fn is_none(self) -> bool {
        matches!(self.layer, Layer::None)
    }

    /// The stop of a dropped frame for which no closer one was noted.
    ///
    /// `cut`: whether the capture kept less of the frame than there was.
    pub(super) fn of_drop(reason: Drop, link: u32, cut: bool) -> Self {
        match reason {
            Drop::UnknownLinkType | Drop::NotIp => Self::new(Layer::LinkType, link),
            Drop::Llc => Self::new(Layer::Llc, 0),
            Drop::Arp => Self::new(Layer::Ethertype, names::ARP.into()),
            Drop::LinkControl => Self::new(Layer::Control, 0),
            Drop::LinkEncrypted | Drop::LinkCompressed => {
                Self::new(Layer::Sealed, names::Seal::Link as u32)
            }
            Drop::LinkAggregate => {
                Self::new(Layer::Tunnel, names::Tunnel::Aggregate as u32)
            }
            Drop::FragmentCut | Drop::LinkFragment => Self::new(Layer::Fragment, 0),
            Drop::TunnelTooDeep => Self::new(Layer::TooDeep, 0),
            reason if reason.is_short() && cut => Self::new(Layer::Truncated, 0),
            reason => Self::new(Layer::Damaged, reason as u32),
        }
    }
}

/// Kinds of frames by how far they were read, for a count in which each frame has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// To a payload.
    Payload,
    /// To a transport header, and there was no payload behind it.
    NoPayload,
    /// To the link type.
    LinkType,
    /// To an Ethernet type, or LLC.
    Ethertype,
    /// To an IP protocol.
    IpProtocol,
    /// To a tunnel whose inside is not read.
    Tunnel,
    /// To what is encrypted or compressed.
    Encrypted,
    /// A protocol that keeps networks running and carries nothing for their users.
    Control,
    /// To a fragment whose datagram was not put together.
    Fragment,
    /// To where the capture cut it.
    Truncated,
    /// To a header that is not as its standard says, or a wrong checksum.
    Damaged,
}

impl Reach {
    /// Every kind, in the order in which reports list them.
    pub const ALL: [Self; 11] = [
        Self::Payload,
        Self::NoPayload,
        Self::LinkType,
        Self::Ethertype,
        Self::IpProtocol,
        Self::Tunnel,
        Self::Encrypted,
        Self::Control,
        Self::Fragment,
        Self::Truncated,
        Self::Damaged,
    ];

    /// The names under which frames and their bytes are counted, in snake case.
    pub const fn names(self) -> (&'static str, &'static str) {
        macro_rules! both {
            ($name:literal) => {
                (concat!($name, "_frames"), concat!($name, "_bytes"))
            };
        }
        match self {
            Self::Payload => both!("payload"),
            Self::NoPayload => both!("no_payload"),
            Self::LinkType => both!("link_type"),
            Self::Ethertype => both!("ethertype"),
            Self::IpProtocol => both!("ip_protocol"),
            Self::Tunnel => both!("tunnel"),
            Self::Encrypted => both!("encrypted"),
            Self::Control => both!("control"),
            Self::Fragment => both!("fragment"),
            Self::Truncated => both!("truncated"),
            Self::Damaged => both!("damaged"),
        }
    }
}

impl Stop {
    /// How far the frame was read.
    pub fn reach(self) -> Reach {
        match self.layer {
            Layer::None => Reach::Payload,
            _ if self.is_control() => Reach::Control,
            Layer::LinkType => Reach::LinkType,
            Layer::Ethertype | Layer::Llc => Reach::Ethertype,
            Layer::IpProtocol => Reach::IpProtocol,
            Layer::Ppp
            | Layer::Tunnel
            | Layer::VxlanPort
            | Layer::IcmpEcho
            | Layer::TooDeep => Reach::Tunnel,
            Layer::Sealed => Reach::Encrypted,
            Layer::Control => Reach::Control,
            Layer::Fragment => Reach::Fragment,
            Layer::Truncated => Reach::Truncated,
            Layer::Damaged => Reach::Damaged,
        }
    }

    fn is_control(self) -> bool {
        let control = |table| {
            matches!(names::find(table, self.code), Some((_, names::Role::Control)))
        };
        match self.layer {
            Layer::Control => true,
            Layer::Ethertype => control(names::ETHERTYPES),
            Layer::Llc => control(names::SAPS),
            Layer::IpProtocol => control(names::IP_PROTOCOLS),
            Layer::Ppp => self.code >= names::FIRST_PPP_CONTROL.into(),
            _ => false,
        }
    }

    /// One number for it, and back.
    pub(crate) fn key(self) -> u64 {
        (self.layer as u64) << 32 | u64::from(self.code)
    }

    /// The stop of a [`key`](Self::key); none where there is no such layer.
    pub(crate) fn of_key(key: u64) -> Self {
        let layer = Layer::ALL.get((key >> 32) as usize).copied().unwrap_or_default();
        Self::new(layer, key as u32)
    }

    /// Whether people should be told when many frames end there: content may go by
    /// unseen, and something can be done about it.
    pub(crate) fn hides_content(self) -> bool {
        match self.layer {
            Layer::None | Layer::Damaged => false,
            Layer::Sealed => self.seal().is_some_and(|(_, _, tunnel)| tunnel),
            _ => !self.is_control(),
        }
    }

    fn seal(self) -> Option<(names::Unread, &'static str, bool)> {
        names::SEALS.get(self.code as usize).copied()
    }

    /// What it is, for people: layer, number and name.
    pub fn describe(self) -> String {
        let code = self.code;
        let named = |what: &str, number: String, table| match names::find(table, code) {
            Some((name, _)) => format!("{what} {number} ({name})"),
            None => format!("{what} {number}"),
        };
        match self.layer {
            Layer::None => "payload".to_owned(),
            Layer::LinkType => format!("link type {}", LinkType(code)),
            Layer::Ethertype => {
                named("Ethernet type", format!("{code:#06x}"), names::ETHERTYPES)
            }
            Layer::Llc => named("LLC access point", format!("{code:#04x}"), names::SAPS),
            Layer::IpProtocol => {
                named("IP protocol", code.to_string(), names::IP_PROTOCOLS)
            }
            Layer::Ppp => {
                named("PPP protocol", format!("{code:#06x}"), names::PPP_PROTOCOLS)
            }
            Layer::Tunnel => {
                let tunnel = names::TUNNELS.get(code as usize);
                format!("the inside of {}", tunnel.copied().unwrap_or("a tunnel"))
            }
            Layer::VxlanPort => format!("UDP port {code} (looks like VXLAN)"),
            Layer::IcmpEcho => "IP packets in ICMP echoes".to_owned(),
            Layer::Sealed => {
                self.seal().map_or("encrypted", |(_, name, _)| name).to_owned()
            }
            Layer::Control => "control messages of tunnels".to_owned(),
            Layer::Fragment => {
                "fragments of datagrams that were never complete, of which only pieces \
                 are sifted"
                    .to_owned()
            }
            Layer::Truncated => "frames that the capture cut inside a header".to_owned(),
            Layer::Damaged => {
                let reason = Drop::ALL.get(code as usize);
                reason.map_or("damaged headers", |reason| reason.name()).to_owned()
            }
            Layer::TooDeep => {
                format!("more than {} tunnels in each other", super::MAX_DEPTH)
            }
        }
    }

    /// What can be done about it.
    pub(crate) fn advice(self) -> &'static str {
        match self.layer {
            Layer::LinkType => "capture with one of the link types in docs/decoders.md",
            Layer::Sealed => "mirror the traffic where it is not encrypted",
            Layer::VxlanPort => "add the port to vxlan_ports",
            Layer::Fragment => "mirror all paths of the fragments",
            Layer::Truncated => "capture with a longer snapshot length",
            _ => "let the mirror remove this header, or mirror the traffic without it",
        }
    }

    /// Under which names packets of this kind, and the conversations that they belong
    /// to, are counted as unread; none for what is read or carries nothing for users.
    pub(crate) fn unread(self) -> Option<names::Unread> {
        match self.layer {
            _ if self.is_control() => None,
            Layer::Sealed => self.seal().map(|(unread, ..)| unread),
            Layer::IpProtocol => Some(names::Unread::IpProtocol),
            Layer::Ethertype | Layer::Llc => Some(names::Unread::InnerEthertype),
            Layer::Ppp => Some(names::Unread::InnerPpp),
            Layer::Tunnel => Some(names::Unread::InnerOther),
            Layer::VxlanPort => Some(names::Unread::VxlanSuspected),
            Layer::IcmpEcho => Some(names::Unread::IpInIcmp),
            _ => None,
        }
    }
}

impl Layer {
    /// Every layer, in the order of declaration.
    const ALL: [Self; 15] = [
        Self::None,
        Self::LinkType,
        Self::Ethertype,
        Self::Llc,
        Self::IpProtocol,
        Self::Ppp,
        Self::Tunnel,
        Self::VxlanPort,
        Self::IcmpEcho,
        Self::Sealed,
        Self::Control,
        Self::Fragment,
        Self::Truncated,
        Self::Damaged,
        Self::TooDeep,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_and_a_kind_stand_at_their_places() {
        for (place, layer) in Layer::ALL.into_iter().enumerate() {
            assert_eq!(layer as usize, place);
            let stop = Stop::new(layer, 0xfedc_ba98);
            assert_eq!(Stop::of_key(stop.key()), stop);
        }
        assert_eq!(Layer::TooDeep as usize + 1, Layer::ALL.len());
        for (place, reach) in Reach::ALL.into_iter().enumerate() {
            assert_eq!(reach as usize, place);
        }
        assert_eq!(Reach::Damaged as usize + 1, Reach::ALL.len());
        assert_eq!(Stop::of_key(u64::MAX).layer, Layer::None);
    }

    #[test]
    fn people_are_told_of_what_hides_content_and_not_of_control_traffic() {
        let stop = Stop::new;
        assert!(stop(Layer::Ethertype, 0x8926).hides_content());
        assert!(!stop(Layer::Ethertype, 0x0806).hides_content());
        assert!(!stop(Layer::IpProtocol, 89).hides_content());
        assert!(!stop(Layer::Ppp, 0xc021).hides_content());
        assert!(stop(Layer::Ppp, 0x003d).hides_content());
        assert!(stop(Layer::Sealed, names::Seal::Esp as u32).hides_content());
        assert!(!stop(Layer::Sealed, names::Seal::Quic as u32).hides_content());
        let text = stop(Layer::Ethertype, 0x8926).describe();
        assert_eq!(text, "Ethernet type 0x8926 (VN-Tag)");
        assert_eq!(stop(Layer::Ethertype, 0x1234).describe(), "Ethernet type 0x1234");
        assert_eq!(stop(Layer::LinkType, 147).describe(), "link type USER0 (147)");
        assert_eq!(stop(Layer::IpProtocol, 200).describe(), "IP protocol 200");
    }
}
