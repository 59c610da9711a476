//! Settings: `Config`, and the settings that calls take by name.

use crate::error;
use crate::values;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use wormsift::config;

/// All settings of a sensor. It never changes; `replace` makes another.
///
/// Every setting of `wormsift config` is a keyword argument, an attribute and an item.
#[pyclass(frozen, eq, from_py_object, module = "wormsift")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config(pub(crate) config::Config);

#[pymethods]
impl Config {
    #[new]
    #[pyo3(signature = (**settings))]
    fn new(settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        with(config::Config::default(), settings).map(Self)
    }

    /// Settings from TOML text, as `wormsift config` prints it.
    #[classmethod]
    #[pyo3(signature = (text, /))]
    fn from_toml(_: &Bound<'_, PyType>, text: &str) -> PyResult<Self> {
        config::Config::from_toml(text).map(Self).map_err(error::text)
    }

    /// All settings as TOML text. The key is never shown.
    fn to_toml(&self) -> String {
        self.0.to_toml()
    }

    /// All settings by name. The key is never shown.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        values::dict(py, &self.0.to_values())
    }

    /// The same settings but for those that are named.
    #[pyo3(signature = (**settings))]
    fn replace(&self, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        with(self.0.clone(), settings).map(Self)
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        name: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.get(py, name)?.ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __repr__(&self) -> String {
        let default = config::Config::default();
        let values = self.0.to_values();
        let mut words: Vec<String> = default
            .differences(&self.0)
            .filter_map(|name| Some(format!("{name}={}", values.get(name)?)))
            .collect();
        if self.0.key.is_some() {
            words.push("key=...".to_owned());
        }
        format!("Config({})", words.join(", "))
    }
}

impl Config {
    /// A setting by its name; the key is never shown.
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if name == "key" || config::Setting::named(name).is_err() {
            return Ok(None);
        }
        // Hidden settings are shown only where they are not at their default.
        let found = self.0.to_values().get(name).cloned();
        let value = match found {
            Some(value) => value,
            None => config::Setting::named(name).map_err(error::config)?.default_value(),
        };
        values::object(py, &value).map(Some)
    }
}

/// Makes each setting but the key an attribute of `Config`.
pub(crate) fn add_attributes(py: Python<'_>) -> PyResult<()> {
    let of_item = py.import("operator")?.getattr("itemgetter")?;
    let property = py.import("builtins")?.getattr("property")?;
    let class = py.get_type::<Config>();
    for setting in config::SETTINGS.iter().filter(|it| it.name != "key") {
        let get = of_item.call1((setting.name,))?;
        let none = py.None();
        class
            .setattr(setting.name, property.call1((get, &none, &none, setting.help))?)?;
    }
    Ok(())
}

/// Settings with those that are given by name in place of their own, checked.
fn with(
    mut settings: config::Config,
    given: Option<&Bound<'_, PyDict>>,
) -> PyResult<config::Config> {
    for (name, value) in given.into_iter().flatten() {
        let name: String = name.extract()?;
        let value = values::setting(&name, &value)?;
        match value.as_str().filter(|_| name != "key") {
            // As on a command line: lists with commas.
            Some(text) => settings.set_text(&name, text),
            None => settings.set(&name, &value),
        }
        .map_err(error::config)?;
    }
    settings.validate().map_err(error::config)?;
    Ok(settings)
}

/// The settings of a call: a configuration, and what is given beside it.
pub(crate) fn of_call(
    config: Option<&Config>,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<config::Config> {
    with(config.map_or_else(config::Config::default, |it| it.0.clone()), settings)
}
