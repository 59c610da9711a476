//! Whole minutes of packet time, each told once.

use crate::state::persist;
use crate::time::{Span, Timestamp};

const MINUTE: Span = Span::from_secs(60);

/// Which minute ends next; none before the first packet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Minutes {
    next: Option<Timestamp>,
}

impl Minutes {
    /// The next minute that has ended by `now`, if any is left. The first call sets the
    /// beginning.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Timestamp> {
        let next = *self.next.get_or_insert_with(|| after(now));
        (next <= now).then(|| {
            self.next = Some(next + MINUTE);
            next
        })
    }

    /// Passes over all minutes up to `now`.
    pub(super) fn skip_to(&mut self, now: Timestamp) {
        self.next = self.next.max(Some(after(now)));
    }
}

/// The first whole minute after a time.
fn after(time: Timestamp) -> Timestamp {
    let minutes = time.as_nanos() / MINUTE.0 + 1;
    Timestamp::from_nanos(minutes * MINUTE.0)
}

persist!(Minutes { next });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_ends_once() {
        let mut minutes = Minutes::default();
        let at = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
        assert_eq!(minutes.next(at(30)), None);
        assert_eq!(minutes.next(at(59)), None);
        assert_eq!(minutes.next(at(185)), Some(at(60)));
        assert_eq!(minutes.next(at(185)), Some(at(120)));
        assert_eq!(minutes.next(at(185)), Some(at(180)));
        assert_eq!(minutes.next(at(185)), None);
        minutes.skip_to(at(100_000));
        assert_eq!(minutes.next(at(100_019)), None);
        assert_eq!(minutes.next(at(100_020)), Some(at(100_020)));
    }
}
