//! Every tunable, with its unit, its range, its default and where the default is from.
//!
//! Only the sensor reads a [`Config`]; the other modules take plain numbers.

mod kind;
mod may_start;
mod settings;
mod tap;
#[cfg(test)]
mod tests;
#[cfg(feature = "toml")]
mod text;
mod units;
mod values;

pub use kind::Kind;
pub use may_start::MayStart;
pub use settings::{Config, REMOVED, SETTINGS, Setting};
pub use tap::Tap;
pub use units::{Size, Span};
pub use values::{Endpoint, PortRule, SecretKey};

use crate::detect::taps::MOST_TAPS;
use crate::error::Error;
use crate::packet::{AddressPlan, Network, NetworkSet};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Display;

/// The key of offline runs that bring none: public, so that runs repeat.
pub const OFFLINE_KEY: u128 = 0x776f_726d_7369_6674_206f_6666_6c69_6e65;

impl Config {
    /// The smallest budget whose tables still make sense.
    pub const LEAST_MEMORY: Size = Size(16 << 20);

    /// Addresses of a /8: so many may be learned as dark.
    pub(crate) const MOST_LEARNED: u64 = 1 << 24;

    /// Sets one by its name.
    ///
    /// # Errors
    ///
    /// An unknown name (the nearest known one is named) or a value of the wrong form.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        let setting = Setting::named(name)?;
        self.assign(setting.name, value).map_err(|error| {
            Error::config(name, kind::mismatch(setting, value, &error.to_string()))
        })
    }

    /// Sets one by its name, from text as on a command line: `60s`, `30`, `yes`, lists
    /// with commas.
    ///
    /// # Errors
    ///
    /// As [`Config::set`].
    pub fn set_text(&mut self, name: &str, text: &str) -> Result<(), Error> {
        self.set(name, &Setting::named(name)?.kind.read(text))
    }

    /// Reads settings by name; what is absent keeps its default.
    ///
    /// # Errors
    ///
    /// As [`Config::set`].
    pub fn from_values(values: &Map<String, Value>) -> Result<Self, Error> {
        let mut config = Self::default();
        values.iter().try_for_each(|(name, value)| config.set(name, value))?;
        Ok(config)
    }

    /// The settings by name, without the key, and without hidden ones at their default.
    pub fn to_values(&self) -> Map<String, Value> {
        self.shown().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn shown(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let all = SETTINGS.iter().zip(self.values());
        let shown = |(setting, value): &(&Setting, Value)| {
            !(value.is_null() || setting.hidden && *value == setting.default_value())
        };
        all.filter(shown).map(|(setting, value)| (setting.name, value))
    }

    /// What the settings say of the hosts in findings.
    pub fn address_plan(&self) -> AddressPlan {
        AddressPlan { v6_prefix: self.v6_prefix, home_net: self.home_net.clone() }
    }

    /// The first setting that the other has otherwise, the key last; `None` when both
    /// make the same sensor. `home_net` is one only where dark addresses are learned of it; else it
    /// only describes.
    pub fn first_difference(&self, other: &Self) -> Option<&'static str> {
        let learns = self.dark_learn != Span(0);
        let differs = |name: &&str| *name != "home_net" || learns;
        let by_key = self.effective_key() != other.effective_key();
        self.differences(other).find(differs).or(by_key.then_some("key"))
    }

    /// The names of the settings that the other has otherwise, the key aside.
    pub fn differences(&self, other: &Self) -> impl Iterator<Item = &'static str> {
        let pairs = self.values().into_iter().zip(other.values());
        let all = SETTINGS.iter().zip(pairs);
        all.filter(|(_, (mine, theirs))| mine != theirs).map(|(setting, _)| setting.name)
    }

    /// The key in use.
    pub fn effective_key(&self) -> u128 {
        self.key.map_or(OFFLINE_KEY, |key| key.0)
    }

    /// Dark addresses are learned of a home network that is known and not too large.
    fn check_dark_learn(&self) -> Result<(), Error> {
        if self.dark_learn == Span(0) {
            return Ok(());
        }
        let addresses = NetworkSet::new(self.home_net.networks()).v4_addresses();
        match addresses {
            1..=Self::MOST_LEARNED => Ok(()),
            found => {
                let expected = format!(
                    "home_net with 1 to {} IPv4 addresses, found {found}",
                    Self::MOST_LEARNED
                );
                Err(Error::config("dark_learn", format!("expected {expected}")))
            }
        }
    }

    /// Taps are told apart by their names.
    fn check_taps(&self) -> Result<(), Error> {
        let names: BTreeSet<&str> = self.taps.iter().map(Tap::name).collect();
        match self.taps.len() {
            found if found > MOST_TAPS => {
                let reason = format!("expected at most {MOST_TAPS}, found {found}");
                Err(Error::config("taps", reason))
            }
            found if found > names.len() => {
                let names =
                    self.taps.iter().map(Tap::name).collect::<Vec<_>>().join(", ");
                let reason = format!("expected a name for each, found {names}");
                Err(Error::config("taps", reason))
            }
            _ => Ok(()),
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    ///
    /// The first setting that is out of range, with the range and the value.
    pub fn validate(&self) -> Result<(), Error> {
        let wrong = |name: &str, expected: &str, found: &dyn Display| {
            Err(Error::config(name, format!("expected {expected}, found {found}")))
        };
        for (setting, value) in SETTINGS.iter().zip(self.values()) {
            if let Some(expected) = setting.kind.beyond(&value) {
                let found = value.as_str().map_or(value.to_string(), str::to_owned);
                return wrong(setting.name, &expected, &found);
            }
        }
        self.sampling.validate().map_err(|reason| Error::config("sampling", reason))?;
        let ports = &self.vxlan_ports;
        if !(1..=16).contains(&ports.len()) || ports.contains(&0) {
            let found = format!("{ports:?}");
            return wrong("vxlan_ports", "1 to 16 ports of 1 to 65535", &found);
        }
        self.check_dark_learn()?;
        self.check_taps()?;
        // A host of v6_prefix bits lies in such a network as a whole, or outside it.
        let most = self.v6_prefix;
        let finer = |network: &&Network| {
            let (first, prefix) = network.parts();
            first.is_ipv6() && prefix > most
        };
        match self.home_net.networks().iter().find(finer) {
            None => Ok(()),
            Some(network) => {
                let expected =
                    format!("IPv6 networks of at most v6_prefix = {most} bits");
                wrong("home_net", &expected, network)
            }
        }
    }
}

/// In the order of the table; as [`Config::to_values`].
impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.shown())
    }
}
