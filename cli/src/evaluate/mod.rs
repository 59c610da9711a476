//! How good is the detector, and how do we know?

pub(crate) mod page;
pub(crate) mod results;
