//! What a machine gives the tests: programs, captures, rights, and time.
//!
//! A test that lacks something says so on standard error, past the capture of test output,
//! and passes; where `WORMSIFT_REQUIRE` names it (`captures,cc,valgrind`), it fails.
#![allow(dead_code, reason = "each package uses a part")]

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;

/// Writes a line that shows for tests that pass, too.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Says that a test goes no further without `need`.
///
/// # Panics
///
/// Where `WORMSIFT_REQUIRE` names `need`.
pub(crate) fn skipped(need: &str, why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let required = std::env::var("WORMSIFT_REQUIRE").unwrap_or_default();
    let is_required = required.split(',').any(|name| name == need);
    assert!(!is_required, "WORMSIFT_REQUIRE names {need}, but {why}");
    say(&format!("skipped: {test}: {why}"));
}

/// Whether a program is installed; else says that the test is skipped.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    let is_there = found.is_ok_and(|output| output.status.success());
    if !is_there {
        skipped(program, &format!("{program} is not installed"));
    }
    is_there
}

/// A folder of real captures, which are no part of the project: below `WORMSIFT_CAPTURES`,
/// else beside the repository. `None` after saying that the test is skipped.
pub(crate) fn captures(folder: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/captures");
    let root = std::env::var_os("WORMSIFT_CAPTURES").unwrap_or_else(|| beside.into());
    let path = PathBuf::from(root).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    let why = format!("no captures at {} (set WORMSIFT_CAPTURES)", path.display());
    skipped("captures", &why);
    None
}

/// Whether samples are large: `WORMSIFT_LONG_TESTS=1`, which `.ci/run` sets.
fn is_long() -> bool {
    static SAID: Once = Once::new();
    let is_long =
        std::env::var_os("WORMSIFT_LONG_TESTS").is_some_and(|value| value == "1");
    if !is_long {
        SAID.call_once(|| {
            say("short: smaller samples; WORMSIFT_LONG_TESTS=1 takes those that are stated");
        });
    }
    is_long
}

/// The size of a sample: `stated` is the one that has the power that is claimed; `short`
/// is enough to find gross errors.
pub(crate) fn sample<T>(short: T, stated: T) -> T {
    if is_long() { stated } else { short }
}
