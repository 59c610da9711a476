//! What the process answers with, and what ends a run early.

use std::fmt;
use std::io;
use wormsift_run::ReaderError;

/// The exit codes that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All input was used.
    Done,
    /// Something outside the input went wrong.
    Failed,
    /// The command line, a settings file or a filter cannot be used.
    Usage,
    /// Done, but some input was damaged; what was readable was used.
    Damaged,
    /// `--fail-on-signature`, and there is one.
    SignatureFound,
    /// Stopped by this signal; what was known is printed.
    Signal(i32),
}

impl Exit {
    /// The number; a signal's is 128 + its own, as shells have it.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Damaged => 3,
            Self::SignatureFound => 4,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(255),
        }
    }
}

/// Why a command could not go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user asked for what cannot be done.
    Usage(String),
    /// Something could not be read, written or started.
    Failed(String),
    /// Whoever read stdout has gone: not an error.
    OutputClosed,
}

/// Settings that cannot work are wrong usage; all else has failed.
#[cfg(feature = "fleet")]
impl From<wormsift_cluster::Error> for Failure {
    fn from(error: wormsift_cluster::Error) -> Self {
        use wormsift_cluster::Error;
        match error {
            Error::Name(_) | Error::Settings(_) => Self::usage(error),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl Failure {
    /// Wrong usage, with the reason.
    pub(crate) fn usage(reason: impl fmt::Display) -> Self {
        Self::Usage(reason.to_string())
    }

    /// A failure to do something with a file, or another thing with a name.
    pub(crate) fn of(name: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::Failed(format!("{name}: {reason}"))
    }

    /// A failure to write to stdout.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::of("standard output", error),
        }
    }

    /// What the process answers with.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Failed(_) => Exit::Failed,
            Self::OutputClosed => Exit::Done,
        }
    }
}

impl From<ReaderError> for Failure {
    fn from(error: ReaderError) -> Self {
        Self::Failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_manual() {
        let table = [
            (Exit::Done, 0),
            (Exit::Failed, 1),
            (Exit::Usage, 2),
            (Exit::Damaged, 3),
            (Exit::SignatureFound, 4),
            (Exit::Signal(2), 130),
            (Exit::Signal(15), 143),
        ];
        for (exit, code) in table {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }

    #[test]
    fn a_closed_stdout_is_no_error() {
        let closed = Failure::stdout(&io::ErrorKind::BrokenPipe.into());
        assert_eq!(closed.exit(), Exit::Done);
        let full = Failure::stdout(&io::ErrorKind::StorageFull.into());
        assert_eq!(full.exit(), Exit::Failed);
    }
}
