#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wormsift_fuzz::fleet(data));
