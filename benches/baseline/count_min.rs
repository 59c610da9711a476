//! The paper's count-min sketch: four rows, conservative update (section 5.3).
//!
//! Counters of eight bits in four separate rows, emptied at the end of a window.
//! Each update costs a cache line a row; that is what the engine's blocked table
//! does away with.

/// Rows, each with its own hash.
const ROWS: usize = 4;

/// A count-min sketch of four rows.
#[derive(Clone, Debug)]
pub struct CountMin {
    /// Row after row.
    counters: Vec<u8>,
    /// Counters in a row.
    width: usize,
}

impl CountMin {
    /// A sketch that takes `bytes`: a counter a byte, at least one in each row.
    pub fn new(bytes: usize) -> Self {
        let width = (bytes / ROWS).max(1);
        Self { counters: vec![0; width * ROWS], width }
    }

    /// Counts a key, which must be mixed well, and returns how often it was seen,
    /// this time included: never too low, up to 255.
    #[inline]
    pub fn add(&mut self, key: u64) -> u8 {
        // Two more hashes for one multiplication; 32 bits serve a row.
        let other = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let other = other ^ other >> 32;
        let hashes = [key, key >> 32, other, other.rotate_left(29)];
        let mut at = [0; ROWS];
        for (row, (at, hash)) in at.iter_mut().zip(hashes).enumerate() {
            let low = u64::from(hash as u32);
            *at = row * self.width + ((low * self.width as u64) >> 32) as usize;
        }
        let least = at.map(|at| self.counters[at]).into_iter().min().unwrap_or(0);
        let more = least.saturating_add(1);
        for at in at {
            let counter = &mut self.counters[at];
            *counter = (*counter).max(more);
        }
        more
    }

    /// Forgets everything: the window is over.
    pub fn clear(&mut self) {
        self.counters.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use wormsift::sketch::hash_word;

    #[test]
    fn it_errs_only_upwards_and_seldom_with_room() {
        let mut sketch = CountMin::new(1 << 16);
        let mut exact: HashMap<u64, u8> = HashMap::new();
        let mut wrong = 0;
        for n in 0..20_000u64 {
            let key = hash_word(n % 5_000, 3);
            let count = exact.entry(key).or_default();
            *count += 1;
            let estimate = sketch.add(key);
            assert!(estimate >= *count);
            wrong += u32::from(estimate > *count);
        }
        assert!(wrong < 200, "{wrong} of 20000 too high");
        sketch.clear();
        assert_eq!(sketch.add(7), 1);
    }

    #[test]
    fn counters_stop_at_255() {
        let mut sketch = CountMin::new(64);
        assert_eq!((0..1_000).map(|_| sketch.add(9)).max(), Some(255));
    }
}
