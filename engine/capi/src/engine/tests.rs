//! Handles, and panics behind them.

use super::*;
use crate::config::{wormsift_config_free, wormsift_config_new, wormsift_config_set};
use crate::status::wormsift_status::WORMSIFT_ERR_PANIC;
use std::mem::size_of;
use std::ptr;

/// An engine with the least memory.
pub(crate) fn small() -> *mut wormsift_engine {
    small_in_order(c"0")
}

/// The same in an order.
pub(crate) fn small_in_order(ordered: &std::ffi::CStr) -> *mut wormsift_engine {
    let (mut config, mut engine) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: handles of this library; the texts end with a zero byte.
    unsafe {
        assert_eq!(wormsift_config_new(&raw mut config), WORMSIFT_OK);
        let (name, value) = (c"memory".as_ptr(), c"16MiB".as_ptr());
        assert_eq!(wormsift_config_set(config, name, value), WORMSIFT_OK);
        let (name, value) = (c"ordered".as_ptr(), ordered.as_ptr());
        assert_eq!(wormsift_config_set(config, name, value), WORMSIFT_OK);
        assert_eq!(wormsift_engine_new(config, &raw mut engine), WORMSIFT_OK);
        wormsift_config_free(config);
    }
    engine
}

fn stats(engine: *mut wormsift_engine) -> (wormsift_status, wormsift_stats) {
    let mut stats =
        wormsift_stats { struct_size: size_of::<wormsift_stats>(), ..Default::default() };
    // SAFETY: a handle of this library.
    (unsafe { wormsift_engine_stats(engine, &raw mut stats) }, stats)
}

/// Packets that it has taken.
pub(crate) fn packets(engine: *mut wormsift_engine) -> u64 {
    let (status, stats) = stats(engine);
    assert_eq!(status, WORMSIFT_OK);
    stats.packets
}

/// Fails inside, as a defect of a table would.
pub(crate) fn fail(engine: *mut wormsift_engine) {
    let status = guard(|| {
        // SAFETY: a handle of this library.
        unsafe { shared(engine)? }.work(|_| panic!("a broken table"))
    });
    assert_eq!(status, WORMSIFT_ERR_PANIC);
}

#[test]
fn an_engine_that_failed_answers_every_call_with_a_status() {
    let engine = small();
    fail(engine);
    let (mut finding, mut worker) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: handles of this library, freed once.
    unsafe {
        let statuses = [
            wormsift_engine_advance(engine, 1),
            wormsift_engine_finish(engine),
            wormsift_engine_next(engine, &raw mut finding),
            wormsift_engine_save(engine, c"/nonexistent/state".as_ptr()),
            crate::worker::wormsift_worker_new(engine, &raw mut worker),
            stats(engine).0,
        ];
        assert_eq!(statuses, [WORMSIFT_ERR_STATE; 6]);
        assert!(finding.is_null() && worker.is_null());
        let last = std::ffi::CStr::from_ptr(crate::status::wormsift_last_error());
        assert!(last.to_string_lossy().contains("make a new engine"));
        wormsift_engine_free(engine);
    }
}
