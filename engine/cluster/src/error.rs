//! What can go wrong, each as one line: what happened, where, and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why something of the transport cannot be done.
#[derive(Debug)]
pub enum Error {
    /// A name that is no token of a subject.
    Name(String),
    /// A parcel that its tap may not send.
    Parcel(String),
    /// A file or folder that cannot be read, written or believed.
    File {
        /// What was to be done.
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why it cannot.
        why: String,
    },
    /// How the broker is to be reached, refused before anything is sent.
    Settings(String),
    /// What the broker, or the way to it, refuses.
    Broker(String),
    /// A process or thread of a dataflow that does not do its part.
    Worker(String),
}

impl Error {
    pub(crate) fn file(doing: &'static str, path: &Path, why: impl fmt::Display) -> Self {
        Self::File { doing, path: path.to_owned(), why: why.to_string() }
    }

    /// For `map_err`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { doing, path, why: error.to_string() }
    }

    #[cfg(feature = "jetstream")]
    pub(crate) fn broker(doing: &str, why: impl fmt::Display) -> Self {
        Self::Broker(format!("{doing}: {why}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text)
            | Self::Parcel(text)
            | Self::Settings(text)
            | Self::Broker(text)
            | Self::Worker(text) => f.write_str(text),
            Self::File { doing, path, why } => {
                write!(f, "{}: cannot {doing}: {why}", path.display())
            }
        }
    }
}

impl std::error::Error for Error {}
