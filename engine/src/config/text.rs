//! TOML as values by name.

use super::form;
use crate::error::Error;
use serde_json::{Map, Value};

/// Reads a table of settings.
///
/// # Errors
///
/// Text that is not TOML, with its line; a value that only TOML knows.
pub(super) fn read(text: &str) -> Result<Map<String, Value>, Error> {
    let table: toml::Table = toml::from_str(text)
        .map_err(|e| Error::config("(file)", e.to_string().trim_end().to_owned()))?;
    let mut values = Map::new();
    for (key, value) in table {
        let plain = match &value {
            toml::Value::Datetime(date) => {
                return Err(Error::config(&key, form::expected(&key, &date.to_string())));
            }
            toml::Value::Float(number) if !number.is_finite() => {
                return Err(Error::config(
                    &key,
                    form::expected(&key, &number.to_string()),
                ));
            }
            plain => serde_json::to_value(plain),
        };
        let plain = plain.map_err(|e| Error::config(&key, e.to_string()))?;
        values.insert(key, plain);
    }
    Ok(values)
}
