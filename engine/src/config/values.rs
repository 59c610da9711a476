//! Types of settings that are no plain numbers, texts or quantities.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Which port is part of a content's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortRule {
    /// None; hosts are counted by role and port beside it, so that a content is found at
    /// one service, from one source port, at random ports, or sent back and forth.
    #[default]
    Roles,
    /// The destination port, as in the paper (section 4.1): a worm hits one service.
    Destination,
    /// The source port: for content that answers, or is sent from a fixed port.
    Source,
    /// The lower of the two: a service's, in either direction.
    Service,
    /// No port: for content with random ports, or that changes ports.
    None,
}

impl PortRule {
    /// The name used in settings and in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Roles => "roles",
            Self::Destination => "destination",
            Self::Source => "source",
            Self::Service => "service",
            Self::None => "none",
        }
    }

    /// Which port a signature names that has this one: under [`PortRule::Roles`] the
    /// destination port or none, and else always the same.
    pub const fn name_with(self, port: Option<u16>) -> &'static str {
        match (self, port) {
            (Self::Roles, Some(_)) => Self::Destination.name(),
            (Self::Roles, None) => Self::None.name(),
            _ => self.name(),
        }
    }

    /// The port that is part of the key; `None` under [`PortRule::Roles`] and
    /// [`PortRule::None`].
    pub fn port(self, source: u16, destination: u16) -> Option<u16> {
        match self {
            Self::Destination => Some(destination),
            Self::Source => Some(source),
            Self::Service => Some(source.min(destination)),
            Self::Roles | Self::None => None,
        }
    }
}

/// A service of a host: `192.0.2.1:25` or `[2001:db8::1]:25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Endpoint(pub SocketAddr);

impl Endpoint {
    /// The host's address.
    pub fn address(self) -> IpAddr {
        self.0.ip()
    }

    /// The service's port.
    pub fn port(self) -> u16 {
        self.0.port()
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = format!("expected address:port, found `{text}`");
        text.parse().map(Self).map_err(|_| D::Error::custom(wrong))
    }
}

/// 128 secret bits, written as 32 hex digits. Never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretKey(pub u128);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl FromStr for SecretKey {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        // The text itself stays out of the message: it is a secret.
        if text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            u128::from_str_radix(text, 16).map(Self).map_err(|e| e.to_string())
        } else {
            Err("expected 32 hex digits".to_owned())
        }
    }
}

/// As nothing: it is in no settings that are shown or stored.
impl Serialize for SecretKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

impl<'de> Deserialize<'de> for SecretKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
