//! A broker of a test's own, a link to it that can be cut, and a fleet's ends.

pub(crate) mod broker;
#[path = "../../../tests/common/environment.rs"]
pub(crate) mod environment;
pub(crate) mod fleet;
pub(crate) mod proxy;
