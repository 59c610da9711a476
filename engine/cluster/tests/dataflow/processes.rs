//! Workers of several processes.
