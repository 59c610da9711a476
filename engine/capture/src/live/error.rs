//! What went wrong with an interface.

use std::fmt;
use std::io;

/// A system call on an interface's packet socket that failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct LiveError {
    /// The interface.
    pub interface: String,
    /// What was tried.
    pub doing: &'static str,
    /// The system's answer.
    pub source: io::Error,
}

impl LiveError {
    pub(super) fn new(interface: &str, doing: &'static str, source: io::Error) -> Self {
        Self { interface: interface.to_owned(), doing, source }
    }

    /// The same for the call that has just failed.
    pub(super) fn last(interface: &str, doing: &'static str) -> Self {
        Self::new(interface, doing, io::Error::last_os_error())
    }

    /// Whether the interface is only down: it may come up again.
    pub fn is_down(&self) -> bool {
        self.source.kind() == io::ErrorKind::NetworkDown
    }
}

/// One line: the interface, what was tried, the system's answer, and what may help.
impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: cannot {}: {}", self.interface, self.doing, self.source)?;
        match self.source.kind() {
            io::ErrorKind::PermissionDenied => {
                f.write_str(" (needs CAP_NET_RAW, such as root has)")
            }
            io::ErrorKind::OutOfMemory => f.write_str(" (a smaller ring may fit)"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for LiveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
