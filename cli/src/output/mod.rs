//! What a run writes: tables, pages, rules, messages, and its exit code.

mod columns;
pub(crate) mod dark_table;
pub(crate) mod decoys;
pub(crate) mod exit_code;
pub(crate) mod findings_page;
#[cfg(any(test, feature = "fleet"))]
pub(crate) mod fleet_stats;
pub(crate) mod incident_table;
mod largest;
#[cfg(all(test, target_os = "linux"))]
mod lines_schema;
pub(crate) mod muted;
pub(crate) mod news;
pub(crate) mod output_file;
pub(crate) mod progress;
#[cfg(any(target_os = "linux", feature = "fleet"))]
pub(crate) mod ranked;
pub(crate) mod report;
#[cfg(any(target_os = "linux", feature = "fleet"))]
pub(crate) mod rule_file;
pub(crate) mod rules;
pub(crate) mod run_summary;
pub(crate) mod stats;
pub(crate) mod stdout;
pub(crate) mod table;
pub(crate) mod talk;
pub(crate) mod wave_table;
