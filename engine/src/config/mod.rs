//! Every tunable, with its unit, its default and where the default is from.
//!
//! Only the sensor reads a [`Config`]; the other modules take plain numbers.

mod form;
#[cfg(feature = "toml")]
mod text;
mod units;

pub use units::{Rate, Size, Span};

use crate::error::Error;
use crate::fingerprint::Sampling;
use crate::packet::{AddressPlan, HomeNet, Network};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use strsim::levenshtein as edits;

/// Which port is part of a content's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortRule {
    /// The destination port, as in the paper (section 4.1): a worm hits one service.
    #[default]
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
            Self::Destination => "destination",
            Self::Source => "source",
            Self::Service => "service",
            Self::None => "none",
        }
    }

    /// The port under this rule; `None` under [`PortRule::None`].
    pub fn port(self, source: u16, destination: u16) -> Option<u16> {
        match self {
            Self::Destination => Some(destination),
            Self::Source => Some(source),
            Self::Service => Some(source.min(destination)),
            Self::None => None,
        }
    }
}

impl fmt::Display for PortRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PortRule {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Destination, Self::Source, Self::Service, Self::None]
            .into_iter()
            .find(|rule| rule.name() == text)
            .ok_or_else(|| {
                format!("expected destination, source, service or none, found `{text}`")
            })
    }
}

/// A named set of changes to the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// A tap that sees both directions.
    #[default]
    Tap,
    /// Dark addresses: what arrives from UDP port 53 is backscatter too.
    Telescope,
}

impl FromStr for Preset {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tap" => Ok(Self::Tap),
            "telescope" => Ok(Self::Telescope),
            _ => Err(format!("expected tap or telescope, found `{text}`")),
        }
    }
}

/// The key of offline runs that bring none: public, so that runs repeat.
pub const OFFLINE_KEY: u128 = 0x776f_726d_7369_6674_206f_6666_6c69_6e65;

/// Every tunable of a sensor.
///
/// Start from [`Config::default`] or [`Config::from_toml`] and change fields;
/// [`Config::validate`] runs once, when a sensor is built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Kind of network seen. Default `tap`.
    pub preset: Preset,
    /// Window length beta in bytes, 8 to 64. Default 40 (EarlyBird, section 4.1).
    pub beta: usize,
    /// Which windows are kept. Default `64`: 1 in 64 by value (section 5.2).
    pub sampling: Sampling,
    /// Sightings in the prevalence window that promote a content, 1 to 15.
    /// Default 3 (section 5.3: 97 % of contents are seen at most twice a minute).
    pub prevalence: u8,
    /// Length of the prevalence window. Default 60 s (section 5.3).
    pub prevalence_window: Span,
    /// Distinct sources at which a content alarms. Default 30 (section 5.4).
    pub sources: u32,
    /// Distinct destinations at which a content alarms. Default 30 (section 5.4).
    pub destinations: u32,
    /// Length of the dispersion window. Default 4 h ("several hours", section 5.4).
    pub dispersion_window: Span,
    /// Spread at which a content alarms: hosts that relays passed it on to.
    /// Default 3: the lowest at which a 2,700-capture benign mix shows one content.
    pub spread: u32,
    /// Which port is part of the key. Default `destination` (section 4.1).
    pub port_rule: PortRule,
    /// Fingerprint datagrams of 16 to beta - 1 bytes whole. Default on.
    pub short_datagrams: bool,
    /// Sift across the seams of TCP segments. Default on.
    pub tails: bool,
    /// Packet time from the first packet on in which what repeats is learned as good and
    /// nothing alarms; 0 for none. Default 0: what is on the wire may be a worm already.
    pub learning_period: Span,
    /// Keep back content that is the boilerplate of a protocol and little else. Default on.
    pub boilerplate: bool,
    /// Decode through tunnels, which `docs/decoders.md` lists. Default on.
    pub tunnels: bool,
    /// UDP ports at which VXLAN is expected, 1 to 16 of them; either end counts. Default
    /// 4789 (RFC 7348) and 8472 (Linux before it).
    pub vxlan_ports: Vec<u16>,
    /// Drop packets with wrong checksums. Default off: offload leaves them unset.
    pub checksums: bool,
    /// Bits of an IPv6 address that make a host. Default 64.
    pub v6_prefix: u8,
    /// The networks that are ours. They describe the hosts of findings and select nothing.
    /// Default empty: whether a host is inside is then unknown.
    pub home_net: HomeNet,
    /// Relays that are so by nature (mail, DNS, SIP, HTTP proxies): `address:port`
    /// of the service. Default empty.
    pub relay_exempt: Vec<Endpoint>,
    /// Bytes for all tables together, never exceeded. Default: what `rate` asks
    /// for by the sizing law at six counters a key; 256 MiB without a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Expected payload rate. With `memory` it only warns of an overload to come.
    /// Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The 128-bit key of every hash, 32 hex digits. Default: a fixed public one,
    /// so that offline runs repeat; a live sensor draws its own.
    #[serde(skip_serializing)]
    pub key: Option<SecretKey>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            preset: Preset::Tap,
            beta: 40,
            sampling: Sampling::default(),
            prevalence: 3,
            prevalence_window: Span(60_000_000_000),
            sources: 30,
            destinations: 30,
            dispersion_window: Span(4 * 3_600_000_000_000),
            spread: 3,
            port_rule: PortRule::Destination,
            short_datagrams: true,
            tails: true,
            learning_period: Span(0),
            boilerplate: true,
            tunnels: true,
            vxlan_ports: vec![4_789, 8_472],
            checksums: false,
            v6_prefix: 64,
            home_net: HomeNet::default(),
            relay_exempt: Vec::new(),
            memory: None,
            rate: None,
            key: None,
        }
    }
}

impl Config {
    /// The budget without `memory` and `rate`.
    pub const DEFAULT_MEMORY: Size = Size(256 << 20);
    /// The smallest budget whose tables still make sense.
    pub const LEAST_MEMORY: Size = Size(16 << 20);
    /// The largest budget: beyond the memory of any machine in sight.
    pub const MOST_MEMORY: Size = Size(16 << 40);
    /// The greatest rate: 100 Tbit/s.
    pub const MOST_RATE: Rate = Rate(100_000_000_000_000);
    /// The longest time that a setting may ask for: ten years. Twice as long still fits
    /// into the nanoseconds of a [`Span`].
    pub const MOST_TIME: Span = Span(3_650 * 86_400_000_000_000);
    /// The greatest spread, beyond every network's hosts that relays reach.
    pub const MOST_SPREAD: u32 = 1_000_000;

    /// Reads settings by name; what is absent keeps its default.
    ///
    /// # Errors
    ///
    /// An unknown name (the nearest known one is named) or a value of the wrong form.
    pub fn from_values(values: Map<String, Value>) -> Result<Self, Error> {
        for key in values.keys() {
            if !Self::KEYS.contains(&key.as_str()) {
                let nearest = nearest(key, &Self::KEYS);
                let hint = match edits(key, nearest) * 2 <= key.chars().count() {
                    true => format!("did you mean `{nearest}`?"),
                    false => format!("there are {}", Self::KEYS.join(", ")),
                };
                return Err(Error::config(key, format!("no such setting; {hint}")));
            }
        }
        // One at a time, so that the error can name it.
        for (key, value) in &values {
            let one = Map::from_iter([(key.clone(), value.clone())]);
            serde_json::from_value::<Self>(Value::Object(one)).map_err(|e| {
                Error::config(key, form::mismatch(key, value, &e.to_string()))
            })?;
        }
        serde_json::from_value(Value::Object(values))
            .map_err(|e| Error::config("(settings)", e.to_string()))
    }

    /// Reads settings from TOML; what is absent keeps its default. Needs the feature
    /// `toml`.
    ///
    /// # Errors
    ///
    /// As [`Config::from_values`], or text that is not TOML.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Self::from_values(text::read(text)?)
    }

    /// The settings as TOML, without the key. Needs the feature `toml`.
    #[cfg(feature = "toml")]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a Config holds only plain values")
    }

    /// The settings by name, without the key.
    pub fn to_values(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(values)) => values,
            _ => unreachable!("a Config holds only plain values"),
        }
    }

    /// What the settings say of the hosts in findings.
    pub fn address_plan(&self) -> AddressPlan {
        AddressPlan { v6_prefix: self.v6_prefix, home_net: self.home_net.clone() }
    }

    /// The first setting that the other has otherwise, the key last; `None` when both
    /// make the same sensor. `home_net` is none of them: it only describes.
    pub fn first_difference(&self, other: &Self) -> Option<&'static str> {
        let [mine, theirs] = [self, other].map(Self::to_values);
        let differs =
            |name: &&&str| **name != "home_net" && mine.get(**name) != theirs.get(**name);
        let by_key = self.effective_key() != other.effective_key();
        Self::KEYS.iter().find(differs).copied().or(by_key.then_some("key"))
    }

    /// The names of all settings.
    pub const KEYS: [&str; 23] = [
        "preset",
        "beta",
        "sampling",
        "prevalence",
        "prevalence_window",
        "sources",
        "destinations",
        "dispersion_window",
        "spread",
        "port_rule",
        "short_datagrams",
        "tails",
        "learning_period",
        "boilerplate",
        "tunnels",
        "vxlan_ports",
        "checksums",
        "v6_prefix",
        "home_net",
        "relay_exempt",
        "memory",
        "rate",
        "key",
    ];

    /// The key in use.
    pub fn effective_key(&self) -> u128 {
        self.key.map_or(OFFLINE_KEY, |key| key.0)
    }

    /// Checks every range.
    ///
    /// # Errors
    ///
    /// The first setting that is out of range, with the range and the value.
    pub fn validate(&self) -> Result<(), Error> {
        let range = |key: &str, ok: bool, expected: &str, found: String| {
            if ok {
                Ok(())
            } else {
                Err(Error::config(key, format!("expected {expected}, found {found}")))
            }
        };
        range(
            "beta",
            (8..=64).contains(&self.beta),
            "8 to 64 bytes",
            self.beta.to_string(),
        )?;
        self.sampling.validate().map_err(|reason| Error::config("sampling", reason))?;
        range(
            "prevalence",
            (1..=15).contains(&self.prevalence),
            "1 to 15",
            self.prevalence.to_string(),
        )?;
        for (key, span) in [
            ("prevalence_window", self.prevalence_window),
            ("dispersion_window", self.dispersion_window),
        ] {
            let fits = (Span(1_000_000)..=Self::MOST_TIME).contains(&span);
            let expected = format!("1ms to {}", Self::MOST_TIME);
            range(key, fits, &expected, span.to_string())?;
        }
        range(
            "learning_period",
            self.learning_period <= Self::MOST_TIME,
            &format!("at most {}", Self::MOST_TIME),
            self.learning_period.to_string(),
        )?;
        for (key, count) in
            [("sources", self.sources), ("destinations", self.destinations)]
        {
            range(
                key,
                (1..=10_000).contains(&count),
                "1 to 10000 hosts",
                count.to_string(),
            )?;
        }
        range(
            "spread",
            (2..=Self::MOST_SPREAD).contains(&self.spread),
            &format!("2 to {} hosts", Self::MOST_SPREAD),
            self.spread.to_string(),
        )?;
        range(
            "v6_prefix",
            self.v6_prefix <= 128,
            "0 to 128 bits",
            self.v6_prefix.to_string(),
        )?;
        range(
            "vxlan_ports",
            (1..=16).contains(&self.vxlan_ports.len()) && !self.vxlan_ports.contains(&0),
            "1 to 16 ports of 1 to 65535",
            format!("{:?}", self.vxlan_ports),
        )?;
        // A host of v6_prefix bits lies in such a network as a whole, or outside it.
        let finer = |network: &&Network| {
            let (first, prefix) = network.parts();
            first.is_ipv6() && prefix > self.v6_prefix
        };
        if let Some(network) = self.home_net.networks().iter().find(finer) {
            let expected =
                format!("IPv6 networks of at most v6_prefix = {} bits", self.v6_prefix);
            range("home_net", false, &expected, network.to_string())?;
        }
        if let Some(memory) = self.memory {
            range(
                "memory",
                (Self::LEAST_MEMORY..=Self::MOST_MEMORY).contains(&memory),
                &format!("{} to {}", Self::LEAST_MEMORY, Self::MOST_MEMORY),
                memory.to_string(),
            )?;
        }
        if let Some(rate) = self.rate {
            let fits = (Rate(1_000)..=Self::MOST_RATE).contains(&rate);
            let expected = format!("1kbit/s to {}", Self::MOST_RATE);
            range("rate", fits, &expected, rate.to_string())?;
        }
        Ok(())
    }
}

/// A service of a host: `192.0.2.1:25` or `[2001:db8::1]:25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Endpoint(pub std::net::SocketAddr);

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

impl FromStr for Endpoint {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|_| format!("expected address:port, found `{text}`"))
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

impl<'de> Deserialize<'de> for SecretKey {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The name with the fewest edits to `word`.
fn nearest<'a>(word: &str, names: &[&'a str]) -> &'a str {
    names.iter().min_by_key(|name| edits(word, name)).expect("there are names")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_goes_round() {
        let config = Config {
            beta: 32,
            sampling: "winnow:128".parse().unwrap(),
            port_rule: PortRule::None,
            rate: Some(Rate(1_000_000_000)),
            home_net: vec!["10.0.0.0/8".parse().unwrap()].into(),
            relay_exempt: vec!["192.0.2.1:25".parse().unwrap()],
            ..Config::default()
        };
        assert_eq!(Config::from_toml(&config.to_toml()).unwrap(), config);
        assert_eq!(Config::from_toml("").unwrap(), Config::default());
    }

    #[test]
    fn the_list_of_keys_is_the_struct() {
        let full = Config {
            memory: Some(Size(64 << 20)),
            rate: Some(Rate(8_000)),
            ..Config::default()
        };
        let table: toml::Table = toml::from_str(&full.to_toml()).unwrap();
        let mut written: Vec<&str> = table.keys().map(String::as_str).collect();
        written.push("key");
        written.sort_unstable();
        let mut keys = Config::KEYS.to_vec();
        keys.sort_unstable();
        assert_eq!(written, keys);
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = Config::from_toml("prevalance = 3").unwrap_err().to_string();
        assert!(error.contains("did you mean `prevalence`?"), "{error}");
        let far = Config::from_toml("x = 3").unwrap_err().to_string();
        assert!(far.contains("no such setting; there are preset, beta, "), "{far}");
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        let error = Config::from_toml("memory = \"many\"").unwrap_err().to_string();
        assert!(error.contains("`memory`") && error.contains("`many`"), "{error}");
    }

    #[test]
    fn ranges_are_checked() {
        let broken = [
            Config { beta: 7, ..Config::default() },
            Config { prevalence: 16, ..Config::default() },
            Config { spread: 1, ..Config::default() },
            Config { sources: 0, ..Config::default() },
            Config { memory: Some(Size(1)), ..Config::default() },
            Config { prevalence_window: Span(1), ..Config::default() },
            Config { vxlan_ports: vec![], ..Config::default() },
            Config { vxlan_ports: vec![0], ..Config::default() },
            Config { vxlan_ports: (1..18).collect(), ..Config::default() },
            Config {
                home_net: vec!["2001:db8::/96".parse().unwrap()].into(),
                ..Config::default()
            },
            Config { prevalence_window: Span(u64::MAX), ..Config::default() },
            Config { dispersion_window: Span(u64::MAX), ..Config::default() },
            Config { learning_period: Span(u64::MAX), ..Config::default() },
            Config { memory: Some(Size(u64::MAX)), ..Config::default() },
            Config { rate: Some(Rate(u64::MAX)), ..Config::default() },
            Config { spread: u32::MAX, ..Config::default() },
            Config { sources: u32::MAX, ..Config::default() },
            Config { beta: usize::MAX, ..Config::default() },
            Config { v6_prefix: 129, ..Config::default() },
        ];
        for config in broken {
            assert!(config.validate().is_err(), "{config:?}");
        }
        assert!(Config::default().validate().is_ok());
    }

    #[test]
    fn the_key_is_never_shown() {
        let key: SecretKey = "000102030405060708090a0b0c0d0e0f".parse().unwrap();
        let config = Config { key: Some(key), ..Config::default() };
        assert!(!format!("{config:?}").contains("0a0b"));
        assert!(!config.to_toml().contains("0a0b"));
        assert_eq!(config.effective_key(), 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);
    }
}
