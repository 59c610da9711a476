//! `wormsift._wormsift`: the engine, its runs over captures, its corpora and its evaluation, as
//! Python classes and functions.
//!
//! | module | what it is about |
//! |---|---|
//! | `error` | exceptions; no panic crosses into Python |
//! | `values`, `buffers`, `arguments` | what Python gives |
//! | `config` | settings |
//! | `captures`, `detect`, `log` | runs over captures |
//! | `findings`, `rules` | signatures and incidents as objects |
//! | `sensor`, `columns` | packets from the caller |
//! | `table`, `tables` | findings as Arrow data |
//! | `learn`, `search`, `corpus`, `evaluate` | as the tool's commands |
//!
//! Whatever takes long releases the lock of the interpreter, and looks for signals at least every
//! 50 ms and a batch.

mod arguments;
mod buffers;
mod captures;
mod columns;
mod config;
mod corpus;
mod detect;
mod error;
mod evaluate;
mod findings;
mod learn;
mod log;
mod rules;
mod search;
mod sensor;
mod table;
mod tables;
mod values;

use pyo3::prelude::*;

/// The names of the package.
#[pymodule]
mod _wormsift {
    #[pymodule_export]
    use super::config::Config;
    #[pymodule_export]
    use super::corpus::{Corpus, generate, scenarios};
    #[pymodule_export]
    use super::detect::{Run, Signatures, detect};
    #[pymodule_export]
    use super::error::{ConfigError, Error, InputError, InputWarning};
    #[pymodule_export]
    use super::evaluate::{Evaluation, evaluate};
    #[pymodule_export]
    use super::findings::{Incident, IncidentHost, Relay, Sample, Signature};
    #[pymodule_export]
    use super::learn::{Baseline, learn};
    #[pymodule_export]
    use super::log::Lines;
    #[pymodule_export]
    use super::rules::rules;
    #[pymodule_export]
    use super::search::{Matches, r#match, read_signatures};
    #[pymodule_export]
    use super::sensor::Sensor;
    #[pymodule_export]
    use super::table::Table;

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::PyModuleMethods;
        super::config::add_attributes(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
