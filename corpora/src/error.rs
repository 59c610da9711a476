//! Errors of scenarios and their options.

use std::fmt;
use std::io;

/// Why no capture was made.
#[derive(Debug)]
#[non_exhaustive]
pub enum CorpusError {
    /// No scenario has this name.
    UnknownScenario {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// A setting that cannot be: which, and why.
    Setting {
        /// Its name.
        name: &'static str,
        /// What was expected.
        expected: String,
    },
    /// The writer refused.
    Io(io::Error),
}

impl CorpusError {
    pub(crate) fn setting(name: &'static str, expected: impl Into<String>) -> Self {
        Self::Setting { name, expected: expected.into() }
    }

    /// Refuses what is no finite number above 0.
    pub(crate) fn positive(name: &'static str, value: f64) -> Result<f64, Self> {
        if value.is_finite() && value > 0.0 {
            return Ok(value);
        }
        Err(Self::setting(name, format!("a number above 0, found {value}")))
    }
}

impl fmt::Display for CorpusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownScenario { name, known } => {
                write!(
                    f,
                    "no scenario is called {name:?}; there are: {}",
                    known.join(", ")
                )
            }
            Self::Setting { name, expected } => write!(f, "{name}: expected {expected}"),
            Self::Io(error) => write!(f, "writing the capture: {error}"),
        }
    }
}

impl std::error::Error for CorpusError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for CorpusError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
