//! Why a frame gave no packet.

macro_rules! drops {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Why a frame, or a datagram put together again, gave no packet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Drop {
            $($(#[$doc])* $variant,)*
        }

        impl Drop {
            /// All reasons, in the order of their counters.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name of its counter.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

drops! {
    /// The link type has no decoder.
    LinkType = "link_type",
    /// The link header is cut short.
    LinkShort = "link_short",
    /// A frame of another network protocol: ARP, LLDP, STP, 802.3 without IP.
    NotIp = "not_ip",
    /// An MPLS, PPPoE, GRE or like header that is cut short or of an unknown form.
    Encapsulation = "encapsulation",
    /// More headers of encapsulation than are looked through.
    TooDeep = "too_deep",
    /// The IP version is neither 4 nor 6.
    IpVersion = "ip_version",
    /// The IP header is cut short.
    IpShort = "ip_short",
    /// The IP header's lengths contradict each other.
    IpLength = "ip_length",
    /// An IPv6 extension header is cut short.
    ExtensionShort = "extension_short",
    /// The transport header is cut short.
    TransportShort = "transport_short",
    /// The transport header's lengths contradict each other.
    TransportLength = "transport_length",
    /// A fragment whose bytes were not captured whole.
    FragmentCut = "fragment_cut",
    /// A checksum is wrong (only where they are checked).
    Checksum = "checksum",
}

/// Drops by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DropCounters([u64; Drop::ALL.len()]);

impl DropCounters {
    /// Counts one.
    pub fn add(&mut self, reason: Drop) {
        self.0[reason as usize] += 1;
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (sum, part) in self.0.iter_mut().zip(other.0) {
            *sum += part;
        }
    }

    /// How many were dropped for a reason.
    pub fn count(&self, reason: Drop) -> u64 {
        self.0[reason as usize]
    }

    /// Names and counts.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Drop::ALL.iter().map(|reason| (reason.name(), self.count(*reason)))
    }
}
