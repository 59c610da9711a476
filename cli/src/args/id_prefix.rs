//! An id as people give it: whole, or its first digits.

use crate::output::exit_code::Failure;

/// An id, or its beginning, in lower case.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    match text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(text),
        false => {
            Err("expected an id, or its first four hexadecimal digits or more".into())
        }
    }
}

/// The same where no argument parser says what was found.
pub(crate) fn given(text: &str) -> Result<String, Failure> {
    let found = text.to_ascii_lowercase();
    parse(text).map_err(|said| Failure::usage(format_args!("{said}; found `{found}`")))
}
