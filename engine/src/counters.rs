//! Counters that are declared once.
//!
//! A module that counts names each counter in one `counters!` declaration, with its
//! meaning. Addition, saving and JSON follow from it, and the struct is a section of
//! [`Stats`](crate::Stats) as it is.

/// Declares a struct of counters that begin at zero: `+=` adds another part's, they are
/// saved in the order of declaration, and serialised under their names.
///
/// Fields after `when_read` are states of the moment. Whoever reads the counters sets them;
/// they are neither added nor saved.
macro_rules! counters {
    (
        $(#[$about:meta])*
        $vis:vis struct $name:ident {
            $($(#[$meaning:meta])* pub $field:ident: u64,)+
        }
        $(when_read { $($(#[$state_meaning:meta])* pub $state:ident: u64,)+ })?
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
        #[non_exhaustive]
        $vis struct $name {
            $($(#[$meaning])* pub $field: u64,)+
            $($($(#[$state_meaning])* pub $state: u64,)+)?
        }

        impl std::ops::AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                $(self.$field += other.$field;)+
            }
        }

        $crate::state::persist!($name { $($field),+ $(; $($state),+)? });
    };
}
pub(crate) use counters;

#[cfg(test)]
mod tests {
    use crate::state::{Exchange, Persist};

    counters! {
        /// Two counters and a state.
        struct Counted {
            /// The first.
            #[serde(rename = "one")]
            pub first: u64,
            /// The second.
            pub second: u64,
        }
        when_read {
            /// How it is now.
            pub now: u64,
        }
    }

    #[test]
    fn counters_are_added_saved_and_named_and_states_only_named() {
        let mut sum = Counted { first: 1, second: 2, now: 3 };
        sum += Counted { first: 10, second: 20, now: 30 };
        assert_eq!(sum, Counted { first: 11, second: 22, now: 3 });
        let json = serde_json::to_string(&sum).unwrap();
        assert_eq!(json, r#"{"one":11,"second":22,"now":3}"#);
        let mut bytes = Vec::new();
        sum.persist(&mut Exchange::writing(&mut bytes)).unwrap();
        let mut restored = Counted { now: 5, ..Counted::default() };
        restored.persist(&mut Exchange::reading(&mut &*bytes)).unwrap();
        assert_eq!(restored, Counted { now: 5, ..sum });
    }
}
