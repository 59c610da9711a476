//! What an evaluation tells while it runs, and what may stop it.

use std::fmt;

/// The caller of an evaluation, as the evaluation sees it.
pub trait Observer {
    /// Some input is damaged.
    fn error(&self, text: &dyn fmt::Display);
    /// Something should be known that ends nothing.
    fn warning(&self, text: &dyn fmt::Display);
    /// So many runs of all are done.
    fn runs(&self, done: u64, all: u64);
    /// The number of the signal that asks for an end, if one does.
    fn stopped_by(&self) -> Option<i32>;
}
