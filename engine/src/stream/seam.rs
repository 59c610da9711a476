//! The buffer in which two pieces of a stream are laid side by side.

/// Called with the bytes before a seam and those after it, and where the former
/// begin relative to the payload at hand.
pub(super) trait Join: FnMut([&[u8]; 2], i32) {}
impl<F: FnMut([&[u8]; 2], i32)> Join for F {}

/// Up to `context` bytes before a seam and as many after it.
pub(super) struct Seam {
    buffer: Box<[u8]>,
    len: usize,
    context: usize,
}

impl Seam {
    pub(super) fn new(context: usize) -> Self {
        Self { buffer: vec![0; 2 * context].into_boxed_slice(), len: 0, context }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Lays `tail` without its last `overlap` bytes before the first bytes of
    /// `later`, which begins `at` bytes into the payload at hand. Joins unless
    /// nothing is left of the tail; says whether it did. What [`Seam::leave`] will
    /// not ask for is not copied.
    #[inline]
    pub(super) fn lay(
        &mut self,
        tail: &[u8],
        overlap: usize,
        later: &[u8],
        at: i32,
        join: &mut impl Join,
    ) -> bool {
        let seam = tail.len().saturating_sub(overlap);
        let head = later.len().min(self.context);
        if head < self.context {
            self.len = seam + head;
            self.buffer[..seam].copy_from_slice(&tail[..seam]);
            self.buffer[seam..self.len].copy_from_slice(&later[..head]);
        }
        if seam > 0 && head > 0 {
            join([&tail[..seam], &later[..head]], at.wrapping_sub(seam as i32));
        }
        seam > 0 && head > 0
    }

    /// Writes the last bytes of what [`Seam::lay`] laid out last, `later` in
    /// its full length, to `tail`, which has room for `context` bytes; returns
    /// their number.
    #[inline]
    pub(super) fn leave(&self, later: &[u8], tail: &mut [u8]) -> usize {
        let from =
            if later.len() >= self.context { later } else { &self.buffer[..self.len] };
        let kept = from.len().min(self.context);
        tail[..kept].copy_from_slice(&from[from.len() - kept..]);
        kept
    }
}
