//! What can go wrong, apart from packets: those are data and are counted.

use std::fmt;

/// An error of the program or its user, never of a packet.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A setting is out of its range or contradicts another.
    Config {
        /// The setting's name, as in the TOML file.
        key: String,
        /// What was expected and what was given.
        reason: String,
    },
    /// Something could not be read or written.
    Io {
        /// The file, folder or stream.
        path: String,
        /// The system's word.
        source: std::io::Error,
    },
}

impl Error {
    /// A setting that cannot be used, with the reason.
    pub fn config(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Config { key: key.into(), reason: reason.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { key, reason } => write!(f, "setting `{key}`: {reason}"),
            Self::Io { path, source } => write!(f, "{path}: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config { .. } => None,
            Self::Io { source, .. } => Some(source),
        }
    }
}
