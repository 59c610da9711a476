//! Files and folders that their owner alone can read: they hold payloads, and what the key makes
//! of them.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;

/// Options to open such a file with; nothing is chosen yet.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes such a folder, and those above it, where they are not there. One that is there stays as
/// it is.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_made_is_the_owners_alone() {
        let scratch = Scratch::new();
        let folder = scratch.path().join("a/b");
        make_folder(&folder).unwrap();
        let file = folder.join("file");
        private().create(true).write(true).open(&file).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&scratch.path().join("a"))), (0o700, 0o700));
        assert_eq!(mode(&file), 0o600);
        make_folder(&folder).unwrap();
    }
}
