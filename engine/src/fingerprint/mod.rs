//! Which windows do we remember?

mod sampling;

pub use sampling::Sampling;
