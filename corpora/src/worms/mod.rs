//! In what other ways does content spread by itself?

use crate::scenario::Entry;

pub(crate) const SCENARIOS: &[Entry] = &[];
