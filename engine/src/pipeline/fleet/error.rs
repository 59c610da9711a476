//! Why a message is refused, and how often one was.

use crate::counters::counters;
use std::fmt;

/// Why a message of a fleet is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParcelError {
    /// It ends too early.
    Truncated,
    /// It is of another version of the format.
    Version(u16),
    /// It is no message of this kind, or was changed on its way.
    Damaged(&'static str),
    /// It is of another fleet.
    Fleet,
    /// It was made under another secret key.
    Key,
    /// It was made under other settings.
    Settings,
    /// There is no tap of this number.
    Tap(u16),
    /// One before it is missing, or it goes back in time.
    OutOfOrder {
        /// Of which tap.
        tap: u16,
        /// The place in order of the next one.
        expected: u64,
        /// Its place.
        found: u64,
    },
    /// It was there before.
    Repeated {
        /// Of which tap.
        tap: u16,
        /// Its place.
        found: u64,
    },
    /// It answers nothing that was asked.
    Unasked,
}

impl fmt::Display for ParcelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => write!(f, "expected more bytes, found the end"),
            Self::Version(version) => {
                write!(f, "expected version {}, found {version}", super::wire::VERSION)
            }
            Self::Damaged(what) => write!(f, "damaged: {what}"),
            Self::Fleet => write!(f, "expected this fleet, found another"),
            Self::Key => write!(f, "expected this key, found another"),
            Self::Settings => write!(f, "expected these settings, found others"),
            Self::Tap(tap) => write!(f, "expected a tap of the settings, found {tap}"),
            Self::OutOfOrder { tap, expected, found } => {
                write!(f, "tap {tap}: expected parcel {expected}, found {found}")
            }
            Self::Repeated { tap, found } => {
                write!(f, "tap {tap}: parcel {found} was there before")
            }
            Self::Unasked => write!(f, "expected an answer, found one to nothing"),
        }
    }
}

impl std::error::Error for ParcelError {}

counters! {
    /// Messages that were refused, by reason.
    pub struct RefusedParcels {
        /// They ended too early.
        pub truncated: u64,
        /// Of another version.
        pub version: u64,
        /// Changed on their way, or no messages of a fleet.
        pub damaged: u64,
        /// Of another fleet.
        pub fleet: u64,
        /// Made under another key.
        pub key: u64,
        /// Made under other settings.
        pub settings: u64,
        /// Of a tap that there is not.
        pub tap: u64,
        /// After a gap, or back in time.
        pub out_of_order: u64,
        /// There before.
        pub repeated: u64,
        /// Answers to nothing that was asked.
        pub unasked: u64,
    }
}

impl RefusedParcels {
    pub(super) fn count(&mut self, error: ParcelError) {
        let counter = match error {
            ParcelError::Truncated => &mut self.truncated,
            ParcelError::Version(_) => &mut self.version,
            ParcelError::Damaged(_) => &mut self.damaged,
            ParcelError::Fleet => &mut self.fleet,
            ParcelError::Key => &mut self.key,
            ParcelError::Settings => &mut self.settings,
            ParcelError::Tap(_) => &mut self.tap,
            ParcelError::OutOfOrder { .. } => &mut self.out_of_order,
            ParcelError::Repeated { .. } => &mut self.repeated,
            ParcelError::Unasked => &mut self.unasked,
        };
        *counter += 1;
    }
}
