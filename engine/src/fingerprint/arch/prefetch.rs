//! Prefetching of cache lines.

use std::ptr::from_ref;

/// Bytes that come at a time.
const LINE: usize = 64;

/// Asks the processor to bring all of `value` into its first cache, and does not wait: a
/// hint without effect on what any program computes.
///
/// A read would do the same, but only so many reads are under way at once as fit into
/// the few hundred instructions that a processor looks ahead, and all that follow wait
/// for them. Nothing is done on processors other than x86-64 and AArch64.
#[inline(always)]
pub fn prefetch<T: ?Sized>(value: &T) {
    let begin = from_ref(value).cast::<u8>();
    // A plain loop: what is known of the size when this is compiled unrolls it.
    let mut offset = 0;
    while offset < size_of_val(value) {
        let address = begin.wrapping_add(offset);
        offset += LINE;
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: SSE is part of x86-64, and a prefetch of any address neither
            // faults nor changes memory.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: a prefetch of any address neither faults nor changes memory.
        unsafe {
            std::arch::asm!(
                "prfm pldl1keep, [{address}]",
                address = in(reg) address,
                options(nostack, preserves_flags, readonly),
            );
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let _ = address;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_value_may_be_asked_for_and_stays_as_it_is() {
        let mut lines = vec![[7u64; 8]; 300];
        for n in 0..300 {
            prefetch(&lines[n]);
            prefetch(&lines[..n]);
            lines[n][0] += n as u64;
        }
        prefetch::<[u8]>(&[]);
        prefetch(&());
        assert!((0..300).all(|n| lines[n] == [7 + n as u64, 7, 7, 7, 7, 7, 7, 7]));
    }
}
