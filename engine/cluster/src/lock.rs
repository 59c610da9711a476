//! A folder that one process uses at a time; the lock ends with the process.

use crate::Error;
use crate::private::private;
use std::fs::{File, TryLockError};
use std::path::Path;

/// Takes the folder, as long as the file that is returned is open.
pub(crate) fn take(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let file = private()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(Error::io("make the lock", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::file(
            "use the folder",
            folder,
            "another process does; give each its own",
        )),
        Err(TryLockError::Error(why)) => Err(Error::file("lock the folder", folder, why)),
    }
}
