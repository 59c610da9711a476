//! The secret key: from a file, or drawn for one run.

use crate::output::exit_code::Failure;
use std::fs;
use std::path::Path;
use wormsift::config::SecretKey;

/// What stands in place of a file's name to draw a key. A file of that name is `./random`.
const RANDOM: &str = "random";

/// The key that `--key` asks for.
pub(crate) fn given(path: &Path) -> Result<SecretKey, Failure> {
    if path.as_os_str() == RANDOM {
        return random();
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(path, &error))?;
    text.parse().map_err(|reason: String| wrong(path, &reason))
}

/// A key that nobody can know: who knows the key knows which windows are sampled.
pub(crate) fn random() -> Result<SecretKey, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::usage(format!("the system gave no random numbers for a key: {error}"))
    })?;
    Ok(SecretKey(u128::from_ne_bytes(bytes)))
}

fn wrong(path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("{}: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_or_drawn_anew_each_time() {
        let draw = || given(Path::new("random")).unwrap().0;
        assert_ne!(draw(), draw());
        let folder =
            std::env::temp_dir().join(format!("wormsift-key-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("random");
        fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
        assert_eq!(given(&path).unwrap().0, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        fs::write(&path, "0123").unwrap();
        assert!(given(&path).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
