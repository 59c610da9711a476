//! Files that their owner alone can read: they hold payloads, and what the key makes of them.

use std::fs::OpenOptions;

/// Options to open such a file with; nothing is chosen yet.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
