//! A message between workers: as it is within a process, as bytes to another one.

use crate::Error;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What can be sent to another process.
pub(super) trait Message: Sized {
    fn encode(&mut self) -> Vec<u8>;
    fn decode(bytes: &[u8]) -> Result<Self, String>;
}

/// See the [module](self). Dataflows want their data to be cloned; of all clones one is taken.
pub(super) struct Carried<T>(Arc<Mutex<Slot<T>>>);

enum Slot<T> {
    Here(T),
    Bytes(Vec<u8>),
    /// Instead of it: why there is none.
    Failed(String),
    Taken,
}

impl<T: Message> Carried<T> {
    pub(super) fn new(message: T) -> Self {
        Self(Arc::new(Mutex::new(Slot::Here(message))))
    }

    /// A message, or why there is none.
    pub(super) fn of(message: Result<T, Error>) -> Self {
        let slot = match message {
            Ok(message) => Slot::Here(message),
            Err(why) => Slot::Failed(why.to_string()),
        };
        Self(Arc::new(Mutex::new(slot)))
    }

    /// Takes it out.
    pub(super) fn take(&self) -> Result<T, Error> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *slot, Slot::Taken) {
            Slot::Here(message) => Ok(message),
            Slot::Bytes(bytes) => {
                let told =
                    |why| Error::Worker(format!("a message of another process: {why}"));
                T::decode(&bytes).map_err(told)
            }
            Slot::Failed(why) => Err(Error::Worker(why)),
            Slot::Taken => Err(Error::Worker("a message was taken twice".to_owned())),
        }
    }
}

impl<T> Clone for Carried<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Message> Serialize for Carried<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // It is asked for its length first, and then once more.
        if let Slot::Here(message) = &mut *slot {
            *slot = Slot::Bytes(message.encode());
        }
        let message: Result<&[u8], &[u8]> = match &*slot {
            Slot::Bytes(bytes) => Ok(bytes),
            Slot::Failed(why) => Err(why.as_bytes()),
            Slot::Here(_) | Slot::Taken => Err(b"nothing to send"),
        };
        let (is_there, bytes) = match message {
            Ok(bytes) => (true, bytes),
            Err(why) => (false, why),
        };
        (is_there, Raw(bytes)).serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Carried<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (is_there, Owned(bytes)) = Deserialize::deserialize(deserializer)?;
        let slot = match is_there {
            true => Slot::Bytes(bytes),
            false => Slot::Failed(String::from_utf8_lossy(&bytes).into_owned()),
        };
        Ok(Self(Arc::new(Mutex::new(slot))))
    }
}

/// Bytes in one piece; a list would go byte by byte.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

struct Owned(Vec<u8>);

impl<'de> Deserialize<'de> for Owned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(OwnedBytes)
    }
}

struct OwnedBytes;

impl Visitor<'_> for OwnedBytes {
    type Value = Owned;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Owned, E> {
        Ok(Owned(bytes.to_vec()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Owned, E> {
        Ok(Owned(bytes))
    }
}
