//! Words, tokens and running text from a seed.

use crate::rng::Rng;

/// A word that can be spoken, of two to four syllables.
pub(crate) fn word(rng: &mut Rng) -> String {
    const ONSETS: [&str; 16] = [
        "b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "br",
    ];
    const RIMES: [&str; 12] =
        ["a", "e", "i", "o", "u", "an", "el", "is", "or", "ai", "em", "ut"];
    (0..rng.between(2, 4))
        .map(|_| [rng.word(&ONSETS), rng.word(&RIMES)].concat())
        .collect()
}

/// Four to ten random letters, so that hardly two words are alike.
pub(crate) fn letters(rng: &mut Rng) -> String {
    let length = rng.between(4, 10);
    (0..length).map(|_| char::from(b'a' + rng.below(26) as u8)).collect()
}

/// So many random hexadecimal digits.
pub(crate) fn token(digits: usize, rng: &mut Rng) -> String {
    let mut text = String::with_capacity(digits + 16);
    while text.len() < digits {
        text.push_str(&format!("{:016x}", rng.next_u64()));
    }
    text.truncate(digits);
    text
}

/// Running text of at least `length` bytes, in lines that end with CRLF.
pub(crate) fn prose(length: usize, rng: &mut Rng) -> String {
    let mut text = String::with_capacity(length + 80);
    while text.len() < length {
        let mut line = 0;
        while line < 56 {
            let word = word(rng);
            line += word.len() + 1;
            text.push_str(&word);
            text.push(' ');
        }
        text.pop();
        text.push_str("\r\n");
    }
    text
}
