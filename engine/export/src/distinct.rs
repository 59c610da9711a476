//! Numbers for distinct keys, in the order of their first occurrence: one look-up a key,
//! however many there are.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

/// The keys so far, each with its number.
pub(crate) struct Distinct<K>(HashMap<Key<K>, usize>);

impl<K: Hash + Eq> Distinct<K> {
    pub(crate) fn new() -> Self {
        Self(HashMap::new())
    }

    /// The key's number, and whether it is new.
    pub(crate) fn number(&mut self, key: K) -> (usize, bool) {
        let next = self.0.len();
        let number = *self.0.entry(Key(key)).or_insert(next);
        (number, number == next)
    }
}

/// A key whose comparisons are counted in tests.
struct Key<K>(K);

impl<K: PartialEq> PartialEq for Key<K> {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(test)]
        work::COMPARED.with(|count| count.set(count.get() + 1));
        self.0 == other.0
    }
}

impl<K: Eq> Eq for Key<K> {}

impl<K: Hash> Hash for Key<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// How many comparisons something takes.
#[cfg(test)]
pub(crate) mod work {
    use std::cell::Cell;

    thread_local! {
        pub(super) static COMPARED: Cell<u64> = const { Cell::new(0) };
    }

    /// What it gives, and the comparisons of keys that it took on this thread.
    pub(crate) fn of<T>(what: impl FnOnce() -> T) -> (T, u64) {
        let before = COMPARED.get();
        let result = what();
        (result, COMPARED.get() - before)
    }
}
