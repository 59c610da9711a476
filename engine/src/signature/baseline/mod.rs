//! Is this content known to be good?
//!
//! Keys learned from benign traffic are stopped at the prevalence gate: see
//! [`LearnedKeys`].

mod learned;

pub use learned::{BaselineError, Binding, LearnedKeys};
