//! What was written, for those who want to check or cite it.

use crate::output::exit_code::Failure;
use crate::output::stdout::print_json;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The capture that `generate` wrote.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "capture"))]
pub(crate) struct Written {
    file: String,
    pub(super) packets: u64,
    bytes: u64,
    pub(super) sha256: String,
}

impl Written {
    /// Reads it once more, since it may have been compressed on its way.
    pub(super) fn file(path: &Path, packets: u64) -> Result<Self, Failure> {
        let (bytes, sha256) =
            hash(path).map_err(|error| Failure::of(path.display(), error))?;
        let file = path.display().to_string();
        Ok(Self { file, packets, bytes, sha256 })
    }

    /// As a JSON line on stdout.
    pub(super) fn print(&self) -> Result<(), Failure> {
        print_json("capture", self)
    }
}

fn hash(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut chunk = vec![0; 1 << 18];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => {
                hash.update(&chunk[..read]);
                bytes += read as u64;
            }
        }
    }
    let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, digits))
}
