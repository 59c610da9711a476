//! Identity of a flow direction.

/// The bit in which the two directions of a connection differ.
const REVERSE: u64 = 1 << 63;

/// A flow direction, never 0: a keyed hash of the connection's ends, the same for both
/// directions, and whether the end that counts as the higher one sends.
pub const fn direction(connection: u64, from_higher: bool) -> u64 {
    let side = if from_higher { REVERSE } else { 0 };
    // The lowest bits are no part of a tag in the table.
    (connection & !REVERSE) | side | 1
}

/// What both directions of a connection share, and whether the higher end sends.
pub(crate) const fn ends_of(direction: u64) -> (u64, bool) {
    (direction & !REVERSE, direction & REVERSE != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_directions_differ_and_share_their_connection() {
        for connection in [0, 1, u64::MAX, REVERSE, 0x1234_5678] {
            let both = [direction(connection, false), direction(connection, true)];
            assert!(both.iter().all(|one| *one != 0));
            assert_ne!(both[0], both[1]);
            let shared = (connection & !REVERSE) | 1;
            assert_eq!(both.map(ends_of), [(shared, false), (shared, true)]);
        }
    }
}
