//! What ends an evaluation early.

use std::fmt;

/// Why an evaluation cannot go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum EvaluateError {
    /// What was asked for cannot be done; says what was expected and what was given.
    Usage(String),
    /// Something could not be read, written or started; begins with its name.
    Failed(String),
}

impl EvaluateError {
    /// A request that cannot be met, with the reason.
    pub(crate) fn usage(reason: impl fmt::Display) -> Self {
        Self::Usage(reason.to_string())
    }

    /// A failure to do something with a file, or another thing with a name.
    pub(crate) fn of(name: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::Failed(format!("{name}: {reason}"))
    }
}

impl fmt::Display for EvaluateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(reason) | Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for EvaluateError {}
