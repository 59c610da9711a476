//! Settings as TOML.

use super::Config;
use crate::error::Error;
use serde_json::{Map, Value};

impl Config {
    /// Reads settings from TOML; what is absent keeps its default. Needs the feature
    /// `toml`.
    ///
    /// # Errors
    ///
    /// As [`Config::read_toml`].
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let mut config = Self::default();
        config.read_toml(text)?;
        Ok(config)
    }

    /// Takes settings from TOML; what is absent stays as it is. Needs the feature `toml`.
    ///
    /// # Errors
    ///
    /// Text that is not TOML, with its line; a name that is none; a value of the wrong
    /// form; nothing is then taken.
    pub fn read_toml(&mut self, text: &str) -> Result<(), Error> {
        let values: Map<String, Value> = toml::from_str(text)
            .map_err(|e| Error::config("(file)", e.to_string().trim_end().to_owned()))?;
        let mut changed = self.clone();
        values.iter().try_for_each(|(name, value)| changed.set(name, value))?;
        *self = changed;
        Ok(())
    }

    /// The settings as TOML, without the key. Needs the feature `toml`.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a Config holds only plain values")
    }
}
