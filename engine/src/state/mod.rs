//! How a module saves its state, and restores it.
//!
//! A sensor that is restarted must know what it knew. Every table names its fields once,
//! in `persist!`, and that one list serves both ways: the fields are written in that
//! order, or read back into a table freshly built from the same settings. So a fixed
//! table keeps its shape, and a field that is forgotten does not compile.
//!
//! `Exchange` is one direction of that, [`StateFile`] the file around it: settings in
//! front, a checksum behind, written beside the old file and then renamed over it.

mod exchange;
mod file;

pub(crate) use exchange::Exchange;
pub(crate) use file::Identity;
pub use file::{StateFile, WrittenState};

use std::io;

/// Something that can be written down and read back in place.
pub(crate) trait Persist {
    /// Writes the value, or replaces it by what is read.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written, or what it holds does not fit.
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()>;

    /// The same for a row of values whose number is fixed.
    fn persist_row(row: &mut [Self], file: &mut Exchange<'_>) -> io::Result<()>
    where
        Self: Sized,
    {
        row.iter_mut().try_for_each(|value| value.persist(file))
    }
}

/// Implements [`Persist`] for a struct: the fields that are exchanged, in order, and
/// after a semicolon those that construction alone decides.
macro_rules! persist {
    ($type:ty { 0 }) => {
        impl $crate::state::Persist for $type {
            fn persist(
                &mut self,
                file: &mut $crate::state::Exchange<'_>,
            ) -> std::io::Result<()> {
                let Self(value) = self;
                $crate::state::Persist::persist(value, file)
            }
        }
    };
    ($type:ty { $($field:ident),* $(; $($fixed:ident),+)? }) => {
        impl $crate::state::Persist for $type {
            fn persist(
                &mut self,
                file: &mut $crate::state::Exchange<'_>,
            ) -> std::io::Result<()> {
                let Self { $($field,)* $($($fixed: _,)+)? } = self;
                $($crate::state::Persist::persist($field, file)?;)*
                Ok(())
            }
        }
    };
}
pub(crate) use persist;

/// Implements [`Persist`] for an enum without fields, by place in a list.
macro_rules! persist_choice {
    ($type:ty: $($choice:path),+ $(,)?) => {
        impl $crate::state::Persist for $type {
            fn persist(
                &mut self,
                file: &mut $crate::state::Exchange<'_>,
            ) -> std::io::Result<()> {
                let choices = [$($choice),+];
                let place = choices.iter().position(|choice| choice == self);
                let mut place = place.unwrap_or_default() as u8;
                $crate::state::Persist::persist(&mut place, file)?;
                *self = *choices
                    .get(usize::from(place))
                    .ok_or_else(|| file.misfit(choices.len(), place))?;
                Ok(())
            }
        }
    };
}
pub(crate) use persist_choice;

macro_rules! persist_number {
    ($($type:ty),*) => {$(
        impl Persist for $type {
            fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
                let mut bytes = self.to_le_bytes();
                file.bytes(&mut bytes)?;
                *self = Self::from_le_bytes(bytes);
                Ok(())
            }
        }
    )*};
}
persist_number!(u16, u32, i32, i64, u128, f64);

impl Persist for u8 {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        file.bytes(std::slice::from_mut(self))
    }

    fn persist_row(row: &mut [Self], file: &mut Exchange<'_>) -> io::Result<()> {
        file.sparse(row)
    }
}

impl Persist for u64 {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let mut bytes = self.to_le_bytes();
        file.bytes(&mut bytes)?;
        *self = Self::from_le_bytes(bytes);
        Ok(())
    }

    fn persist_row(row: &mut [Self], file: &mut Exchange<'_>) -> io::Result<()> {
        file.sparse_words(row)
    }
}

impl Persist for usize {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let mut wide = *self as u64;
        wide.persist(file)?;
        *self = usize::try_from(wide)
            .map_err(|_| file.misfit("a size of this machine", wide))?;
        Ok(())
    }
}

impl Persist for bool {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let mut byte = u8::from(*self);
        byte.persist(file)?;
        *self = match byte {
            0 => false,
            1 => true,
            other => return Err(file.misfit("0 or 1", other)),
        };
        Ok(())
    }
}

impl<T: Persist + Default> Persist for Option<T> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let mut some = self.is_some();
        some.persist(file)?;
        if !some {
            *self = None;
            return Ok(());
        }
        self.get_or_insert_with(T::default).persist(file)
    }
}

impl<A: Persist, B: Persist> Persist for (A, B) {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        self.0.persist(file)?;
        self.1.persist(file)
    }
}

/// A row of fixed length.
impl<T: Persist, const N: usize> Persist for [T; N] {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        T::persist_row(self, file)
    }
}

impl<T: Persist> Persist for Box<T> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        T::persist(self, file)
    }
}

/// A table whose size was fixed when it was built.
impl<T: Persist> Persist for Box<[T]> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        file.fixed(self)
    }
}

/// A list that grows and shrinks.
impl<T: Persist + Default> Persist for Vec<T> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let length = file.length(self.len())?;
        if file.is_reading() {
            self.clear();
        }
        // A part at a time: a damaged length must not ask for all memory at once.
        let mut done = 0;
        while done < length {
            let end = length.min(done + 4_096);
            if file.is_reading() {
                self.resize_with(end, T::default);
            }
            T::persist_row(&mut self[done..end], file)?;
            done = end;
        }
        Ok(())
    }
}

impl Persist for String {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let mut bytes = std::mem::take(self).into_bytes();
        bytes.persist(file)?;
        *self = String::from_utf8(bytes).map_err(|_| file.misfit("UTF-8", "other"))?;
        Ok(())
    }
}

impl<K, V> Persist for std::collections::BTreeMap<K, V>
where
    K: Persist + Default + Ord,
    V: Persist + Default,
{
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let mut entries: Vec<(K, V)> = std::mem::take(self).into_iter().collect();
        entries.persist(file)?;
        self.extend(entries);
        Ok(())
    }
}

impl<K: Persist + Default + Ord> Persist for std::collections::BTreeSet<K> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> io::Result<()> {
        let mut entries: Vec<K> = std::mem::take(self).into_iter().collect();
        entries.persist(file)?;
        self.extend(entries);
        Ok(())
    }
}
