//! How good is the detector, and how do we know?

pub(crate) mod csv;
pub(crate) mod extras;
pub(crate) mod held_out;
pub(crate) mod job;
pub(crate) mod learned;
pub(crate) mod manifest;
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod results;
pub(crate) mod rows;
pub(crate) mod rules_hit;
pub(crate) mod run;
pub(crate) mod runner;
pub(crate) mod setting;
pub(crate) mod statistics;
pub(crate) mod stored;
pub(crate) mod story;
pub(crate) mod table;
