//! What ends an evaluation early.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use wormsift::config::Setting;
use wormsift_capture::Damage;
use wormsift_corpora::CorpusError;

/// Why an evaluation cannot go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum EvaluateError {
    /// No suite has this name.
    Suite {
        /// The name that was asked for.
        found: String,
        /// The names that there are.
        expected: String,
    },
    /// A scenario that does not exist, or not with these options.
    Scenario(CorpusError),
    /// Two rows would have the same name and settings.
    ListedTwice {
        /// The scenario.
        scenario: String,
    },
    /// Settings that no sensor takes.
    Config(wormsift::Error),
    /// Settings that are no TOML.
    Settings(toml::de::Error),
    /// A setting cannot be swept so.
    Sweep(SweepError),
    /// A manifest cannot be used.
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: ManifestError,
    },
    /// Nothing was named that can be evaluated.
    Nothing,
    /// Standard input was named: captures are read more than once.
    StandardInput,
    /// A capture cannot be read.
    Capture(Damage),
    /// A file of ground truth or of finished runs is not of its form.
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's answer.
        source: serde_json::Error,
    },
    /// Something could not be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The system gives no threads.
    Threads(rayon::ThreadPoolBuildError),
}

impl EvaluateError {
    /// Whether what was asked for is wrong, and not what was found while it was done.
    pub fn is_usage(&self) -> bool {
        !matches!(
            self,
            Self::Capture(_) | Self::Json { .. } | Self::Io { .. } | Self::Threads(_)
        )
    }

    /// A file that could not be read or written.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    /// A file that does not have its form.
    pub(crate) fn json(path: &Path) -> impl Fn(serde_json::Error) -> Self {
        move |source| Self::Json { path: path.to_owned(), source }
    }
}

impl fmt::Display for EvaluateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suite { found, expected } => {
                write!(f, "no suite is called {found:?}: expected {expected}")
            }
            Self::Scenario(error) => error.fmt(f),
            Self::ListedTwice { scenario } => write!(
                f,
                "scenario {scenario}: listed twice with the same settings; give one a label"
            ),
            Self::Config(error) => error.fmt(f),
            Self::Settings(error) => error.fmt(f),
            Self::Sweep(error) => error.fmt(f),
            Self::Manifest { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Nothing => f.write_str(
                "nothing to evaluate: give --suite, --scenario, --manifest, --clean or captures",
            ),
            Self::StandardInput => f.write_str(
                "standard input cannot be evaluated: captures are read more than once",
            ),
            Self::Capture(damage) => damage.fmt(f),
            Self::Json { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Threads(error) => write!(f, "threads: {error}"),
        }
    }
}

impl std::error::Error for EvaluateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Scenario(error) => Some(error),
            Self::Config(error) => Some(error),
            Self::Settings(error) => Some(error),
            Self::Sweep(error) => Some(error),
            Self::Manifest { reason, .. } => Some(reason),
            Self::Json { source, .. } => Some(source),
            Self::Io { source, .. } => Some(source),
            Self::Threads(error) => Some(error),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($error:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$error> for EvaluateError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )+};
}
from! {
    CorpusError => Scenario,
    Damage => Capture,
    SweepError => Sweep,
    rayon::ThreadPoolBuildError => Threads,
    toml::de::Error => Settings,
    wormsift::Error => Config,
}

/// Why a text is no sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SweepError {
    /// It does not have the form of one.
    Form,
    /// No setting of this name can be swept.
    Setting(String),
    /// An end or a step is no whole number.
    Number(String),
    /// There are no values, or more than 1,001.
    Count,
    /// A value of a list is empty.
    Empty,
}

impl fmt::Display for SweepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => {
                f.write_str("expected KEY=FROM..TO, KEY=FROM..TO:STEP or KEY=A,B")
            }
            Self::Setting(name) => match Setting::named(name) {
                Err(error) => error.fmt(f),
                Ok(_) => write!(f, "`{name}` is no setting to sweep"),
            },
            Self::Number(found) => write!(f, "{found:?} is no whole number"),
            Self::Count => f.write_str("expected 1 to 1,001 values"),
            Self::Empty => f.write_str("a value is missing"),
        }
    }
}

impl std::error::Error for SweepError {}

/// Why a manifest cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum ManifestError {
    /// It cannot be read.
    Io(io::Error),
    /// It is no TOML.
    Syntax {
        /// The line, from 1 on.
        line: usize,
        /// The parser's answer.
        reason: String,
    },
    /// A key that does not exist.
    UnknownKey {
        /// The key.
        key: String,
        /// The table that it stands in.
        table: &'static str,
        /// The known key that is nearest.
        nearest: &'static str,
    },
    /// A value of the wrong type, or one that is missing.
    Value {
        /// The table that it belongs to.
        table: &'static str,
        /// Its key, where there is one.
        key: Option<String>,
        /// The parser's answer.
        reason: String,
    },
    /// An entry of `labelled` that is no capture.
    Labelled {
        /// What stands there.
        found: String,
    },
    /// An expectation of something else than `fires`, `silent` or `open`.
    Expect {
        /// What stands there.
        found: String,
    },
    /// A number of seeds of 0.
    NoSeeds,
    /// A carriage that does not exist.
    Carriage(CorpusError),
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Syntax { line, reason } => write!(f, "line {line}: {reason}"),
            Self::UnknownKey { key, table, nearest } => {
                write!(f, "`{key}`: no such key in {table}; did you mean `{nearest}`?")
            }
            Self::Value { table, key: Some(key), reason } => {
                write!(f, "{table}: `{key}`: {reason}")
            }
            Self::Value { table, key: None, reason } => write!(f, "{table}: {reason}"),
            Self::Labelled { found } => {
                let expected = "expected a name or { capture, truth }";
                write!(f, "labelled: {expected}, found {found}")
            }
            Self::Expect { found } => {
                write!(f, "expect: expected fires, silent or open, found {found:?}")
            }
            Self::NoSeeds => f.write_str("seeds: expected 1 or more, found 0"),
            Self::Carriage(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ManifestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Carriage(error) => Some(error),
            _ => None,
        }
    }
}
