//! The C interface of the engine: `libwormsift`, described in `include/wormsift.h`.
//!
//! | file | question |
//! |---|---|
//! | `status` | how does a host learn what went wrong? |
//! | `structs` | how do structs grow without breaking hosts? |
//! | `config` | how are settings given? |
//! | `engine` | what do all threads share? |
//! | `worker` | how does a thread hand packets over? |
//! | `finding` | what was found? |
//! | `pool` | which threads sift? |
//! | `buffer` | who frees text? |
//!
//! Every function may be called with null pointers: it then answers with a status. No
//! panic leaves the library. What a host must promise is what C cannot check: pointers are
//! null or valid, a handle is not used after it was freed, and a worker is used by one
//! thread at a time.

// All of it is the border: pointers come in, pointers go out.
#![allow(unsafe_code)]
// The names are those of the header.
#![allow(non_camel_case_types)]

pub mod buffer;
pub mod config;
pub mod engine;
pub mod finding;
mod pool;
pub mod status;
pub mod structs;
pub mod worker;
