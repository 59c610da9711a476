//! What was read, and what was not.

/// Totals over the inputs of a [`Trace`](super::Trace).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureCounters {
    /// Inputs that were opened, or could not be.
    pub files: u64,
    /// Inputs with at least one defect.
    pub damaged_files: u64,
    /// Defects in all; only the first of a file becomes a [`Damage`](super::Damage) line.
    pub defects: u64,
    /// Frames read; the number of the last one.
    pub frames: u64,
    /// Captured bytes of these frames, without record headers.
    pub bytes: u64,
    /// pcapng blocks that hold neither a packet nor what is needed to read one.
    pub skipped_blocks: u64,
    /// Packets of an interface that their section does not describe. Their link type
    /// is unknown, so they are no frames and have no number. Each is a defect.
    pub frames_without_interface: u64,
    /// Frames whose record holds no time (Simple Packet Blocks): they have the time of
    /// the frame before them in their file, or 0.
    pub frames_without_time: u64,
    /// Frames that are earlier than the frame before them in their file.
    pub frames_back: u64,
    /// Frames whose time lies before 1970 or after 2554 and was clamped to that range.
    pub clamped_times: u64,
}

/// Gives a struct of counters its numbers in order, the way back from them, and their sum.
#[doc(hidden)]
#[macro_export]
macro_rules! as_numbers {
    ($type:ident { $($field:ident),+ $(,)? }) => {
        impl $type {
            const COUNT: usize = [$(stringify!($field)),+].len();

            /// As numbers, in the order of the fields.
            pub fn numbers(&self) -> [u64; Self::COUNT] {
                let Self { $($field),+ } = *self;
                [$($field),+]
            }

            /// Of such numbers.
            pub fn of_numbers(numbers: [u64; Self::COUNT]) -> Self {
                let [$($field),+] = numbers;
                Self { $($field),+ }
            }

            /// Adds the totals of another part of the input.
            pub fn add(&mut self, other: &Self) {
                let (own, other) = (self.numbers(), other.numbers());
                *self = Self::of_numbers(std::array::from_fn(|at| own[at] + other[at]));
            }
        }
    };
}

as_numbers!(CaptureCounters {
    files,
    damaged_files,
    defects,
    frames,
    bytes,
    skipped_blocks,
    frames_without_interface,
    frames_without_time,
    frames_back,
    clamped_times,
});
