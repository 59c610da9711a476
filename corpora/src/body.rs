//! Planted contents: their invariant parts, and what changes from copy to copy.
//!
//! Inert bytes: each piece is drawn from a seed, or given by the user; there is no code in
//! any of them.

use std::ops::Range;

use crate::rng::Rng;

/// One piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The same bytes in every copy.
    Invariant(Vec<u8>),
    /// So many bytes, drawn anew for every copy.
    Mutable(usize),
    /// Random bytes whose number, too, is drawn anew for every copy. They have no
    /// fixed place, so that neither [`Body::length`] nor `template`
    /// counts them.
    Padding {
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
}

/// A self-spreading content: pieces one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    pieces: Vec<Piece>,
}

impl Body {
    /// A body of these pieces.
    pub fn new(pieces: Vec<Piece>) -> Self {
        Self { pieces }
    }

    /// `invariant` random bytes, the same in every copy, with `before` and
    /// `after` mutable ones around them.
    pub(crate) fn wrapped(
        before: usize,
        invariant: usize,
        after: usize,
        rng: &mut Rng,
    ) -> Self {
        let mut bytes = Vec::new();
        rng.append(invariant, &mut bytes);
        Self::new(vec![
            Piece::Mutable(before),
            Piece::Invariant(bytes),
            Piece::Mutable(after),
        ])
    }

    /// Length of every copy in bytes, without its padding.
    pub fn length(&self) -> usize {
        self.pieces.iter().map(Piece::length).sum()
    }

    /// Length of the longest copy in bytes.
    pub(crate) fn longest(&self) -> usize {
        let most = |piece: &Piece| match piece {
            Piece::Padding { least, most } => *most.max(least),
            other => other.length(),
        };
        self.pieces.iter().map(most).sum()
    }

    /// Replaces `copy` by one copy.
    pub(crate) fn write(&self, rng: &mut Rng, copy: &mut Vec<u8>) {
        copy.clear();
        for piece in &self.pieces {
            match piece {
                Piece::Invariant(bytes) => copy.extend_from_slice(bytes),
                Piece::Mutable(length) => rng.append(*length, copy),
                Piece::Padding { least, most } => {
                    let length = rng.between(*least as u64, *most as u64);
                    rng.append(length as usize, copy);
                }
            }
        }
    }

    /// A copy with zeros for the mutable bytes and no padding.
    pub(crate) fn template(&self) -> Vec<u8> {
        let mut template = Vec::with_capacity(self.length());
        for piece in &self.pieces {
            match piece {
                Piece::Invariant(bytes) => template.extend_from_slice(bytes),
                Piece::Mutable(length) => template.resize(template.len() + length, 0),
                Piece::Padding { .. } => {}
            }
        }
        template
    }

    /// Where the invariant bytes are in the template.
    pub(crate) fn invariant(&self) -> Vec<Range<usize>> {
        let mut at = 0;
        let mut ranges = Vec::new();
        for piece in &self.pieces {
            let end = at + piece.length();
            if matches!(piece, Piece::Invariant(_)) && end > at {
                ranges.push(at..end);
            }
            at = end;
        }
        ranges
    }
}

impl Piece {
    fn length(&self) -> usize {
        match self {
            Self::Invariant(bytes) => bytes.len(),
            Self::Mutable(length) => *length,
            Self::Padding { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_agree_exactly_in_the_invariant() {
        let mut rng = Rng::new(1, "body");
        let body = Body::wrapped(24, 320, 32, &mut rng);
        assert_eq!(body.length(), 376);
        assert_eq!(body.invariant().first(), Some(&(24..344)));
        assert_eq!(body.invariant().len(), 1);
        let (mut a, mut b) = (Vec::new(), Vec::new());
        body.write(&mut rng, &mut a);
        body.write(&mut rng, &mut b);
        assert_eq!(a.len(), 376);
        assert_eq!(a[24..344], b[24..344]);
        assert_eq!(a[24..344], body.template()[24..344]);
        assert_ne!(a[..24], b[..24]);
        assert_ne!(a[344..], b[344..]);
        assert!(body.template()[..24].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn padding_moves_the_invariant_and_is_not_in_the_template() {
        let mut rng = Rng::new(2, "padding");
        let padding = || Piece::Padding { least: 3, most: 9 };
        let core = b"the same in every copy".to_vec();
        let body = Body::new(vec![padding(), Piece::Invariant(core.clone()), padding()]);
        assert_eq!((body.length(), body.longest()), (core.len(), core.len() + 18));
        assert_eq!(body.template(), core);
        assert_eq!(body.invariant().first(), Some(&(0..core.len())));
        let (mut copy, mut offsets, mut lengths) = (Vec::new(), [0; 16], [0; 64]);
        for _ in 0..400 {
            body.write(&mut rng, &mut copy);
            let at = copy.windows(core.len()).position(|window| window == core);
            offsets[at.unwrap()] += 1;
            lengths[copy.len()] += 1;
        }
        let seen = |counts: &[u32]| counts.iter().filter(|count| **count > 0).count();
        assert_eq!((seen(&offsets[3..=9]), seen(&offsets)), (7, 7));
        assert_eq!(seen(&lengths[core.len() + 6..=core.len() + 18]), 13);
        assert_eq!(lengths.iter().sum::<u32>(), 400);
    }
}
