//! What can go wrong, apart from packets: those are data and are counted.
//!
//! Each error holds what was expected and what was found; its text is one line.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

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
    /// A file of a saved state cannot be used.
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: StateError,
    },
    /// Something could not be read or written.
    Io {
        /// The file, folder or stream.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl Error {
    /// A setting that cannot be used, with the reason.
    pub fn config(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Config { key: key.into(), reason: reason.into() }
    }

    /// A file that could not be read or written, or does not hold what it should.
    pub(crate) fn of_file(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.downcast() {
            Ok(reason) => Self::State { path, reason },
            Err(source) => Self::Io { path, source },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { key, reason } => write!(f, "setting `{key}`: {reason}"),
            Self::State { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config { .. } => None,
            Self::State { reason, .. } => Some(reason),
            Self::Io { source, .. } => Some(source),
        }
    }
}

/// What a file of a saved state should have held, and what it holds: it is something else,
/// of another version, or damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateError {
    /// Bytes before the place in the file.
    pub at: u64,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, expected, found } = self;
        write!(f, "at byte {at}: expected {expected}, found {found}")
    }
}

impl std::error::Error for StateError {}

/// As a reader of a file returns it.
impl From<StateError> for io::Error {
    fn from(error: StateError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Why a baseline cannot be used.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BaselineError {
    /// The file does not begin as one that `wormsift learn` wrote.
    NoBaseline,
    /// The file is of another version of the format.
    Version {
        /// The version that is read.
        expected: u32,
        /// The version of the file.
        found: u32,
    },
    /// The file ends too early.
    Short,
    /// The checksum at the end is wrong.
    Damaged,
    /// The file has another number of filters, or they do not have one size.
    Filters {
        /// The number that is needed.
        expected: usize,
        /// The number that the file names.
        found: usize,
    },
    /// The filters do not have the size that the file names.
    FilterSize,
    /// It was learned under another secret key.
    Key,
    /// It was learned under other settings.
    Settings {
        /// Those of this run.
        expected: String,
        /// Those of the file.
        found: String,
    },
    /// Two baselines to be merged differ in size or rate.
    Shape {
        /// Bytes and false-positive rate of the first.
        expected: (usize, f64),
        /// Those of the second.
        found: (usize, f64),
    },
}

impl fmt::Display for BaselineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBaseline => f.write_str("not a baseline that `wormsift learn` wrote"),
            Self::Version { expected, found } => {
                write!(f, "expected baseline version {expected}, found {found}")
            }
            Self::Short => f.write_str("the file ends too early"),
            Self::Damaged => {
                f.write_str("the checksum does not fit: the file is damaged")
            }
            Self::Filters { expected, found } => {
                write!(f, "expected {expected} filters, found {found} of other size")
            }
            Self::FilterSize => {
                f.write_str("the filters are not of the size that the file says")
            }
            Self::Key => f.write_str("learned under another secret key than this run's"),
            Self::Settings { expected, found } => {
                write!(f, "learned with {found}; this run has {expected}")
            }
            Self::Shape { expected: (bytes, rate), found: (other, other_rate) } => {
                write!(
                    f,
                    "expected {bytes} bytes at rate {rate:e}, found {other} bytes at rate \
                 {other_rate:e}"
                )
            }
        }
    }
}

impl std::error::Error for BaselineError {}
