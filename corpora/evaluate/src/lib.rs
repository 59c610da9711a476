//! How well the sensor detects: suites of scenarios, runs, statistics, and the report.
//!
//! A [`Plan`] says what is run, under which seeds and settings. An [`Evaluator`] does it,
//! and gives an [`Evaluation`], which [`render_table`], [`render_csv`] and [`render_page`]
//! show. A run is a function of scenario, seed and settings; only its speed is measured.

mod about;
mod confirmed;
mod counted;
mod csv;
mod error;
mod evaluator;
mod extras;
mod held_out;
mod high;
mod high_rows;
mod incident_rows;
mod incident_sums;
mod incidents;
mod isolation;
mod job;
mod learned;
mod manifest;
mod observer;
mod page;
mod plan;
mod results;
mod rows;
mod rules_hit;
mod run;
mod runner;
mod said;
mod sent;
mod setting;
mod statistics;
mod stored;
mod story;
mod suite;
mod table;

use wormsift::config::Size;

/// Tables of one run, unless told otherwise: scenarios are small, and many run at once.
pub const MEMORY: Size = Size(64 << 20);

pub use csv::render as render_csv;
pub use error::{EvaluateError, ManifestError, SweepError};
pub use evaluator::Evaluator;
pub use job::parse_sweep;
pub use observer::Observer;
pub use page::render as render_page;
pub use plan::{Plan, Request};
pub use results::{Evaluation, Sweep};
pub use runner::threads;
pub use suite::Suite;
pub use table::render as render_table;
