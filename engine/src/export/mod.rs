//! How do others take it?

pub mod json_lines;
