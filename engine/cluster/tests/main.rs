//! The tests of the package that need more than its own modules, as one program.

mod broker;
mod common;
mod processes;
mod tls;
