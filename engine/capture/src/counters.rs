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

impl CaptureCounters {
    /// Adds the totals of another part of the input.
    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.damaged_files += other.damaged_files;
        self.defects += other.defects;
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.skipped_blocks += other.skipped_blocks;
        self.frames_without_interface += other.frames_without_interface;
        self.frames_without_time += other.frames_without_time;
        self.frames_back += other.frames_back;
        self.clamped_times += other.clamped_times;
    }
}
