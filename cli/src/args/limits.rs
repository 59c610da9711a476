//! What a user may ask of this machine: threads and memory.

use crate::output::exit_code::Failure;
use std::num::NonZero;
use wormsift::config::Config;
use wormsift_run::limits;
pub(crate) use wormsift_run::limits::most_threads;

/// Reads a number of threads.
pub(crate) fn threads(text: &str) -> Result<NonZero<usize>, String> {
    let most = most_threads();
    match text.parse::<NonZero<usize>>() {
        Ok(threads) if threads.get() <= most => Ok(threads),
        _ => Err(format!("expected 1 to {most} threads on this machine, found {text}")),
    }
}

/// Refuses tables (`copies` sensors of them) that this machine's memory cannot hold.
pub(crate) fn check_memory(config: &Config, copies: usize) -> Result<(), Failure> {
    limits::check_memory(config, copies).map_err(|reason| {
        let flag = if reason.starts_with("memory") { "--" } else { "" };
        Failure::Usage(format!("{flag}{reason}"))
    })
}

/// Refuses `what` if it takes more bytes than this machine has.
pub(crate) fn check_bytes(
    bytes: u64,
    what: impl FnOnce() -> String,
) -> Result<(), Failure> {
    limits::check_bytes(bytes, what).map_err(Failure::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_have_a_bound_that_is_told() {
        assert_eq!(threads("1").map(NonZero::get), Ok(1));
        assert_eq!(
            threads(&most_threads().to_string()).map(NonZero::get),
            Ok(most_threads())
        );
        for text in ["0", "100000", "-1", "many", "99999999999999999999"] {
            let said = threads(text).unwrap_err();
            assert!(said.starts_with("expected 1 to ") && said.ends_with(text), "{said}");
        }
    }
}
