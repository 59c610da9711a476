//! With which figures did known worms spread?

use crate::scenario::Entry;

pub(crate) const SCENARIOS: &[Entry] = &[];
