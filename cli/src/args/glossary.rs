//! The five words that output and help take for granted; the README has the same table.

use std::sync::LazyLock;

/// A word, and what it means.
const WORDS: [(&str, &str); 5] = [
    (
        "content, window",
        "bytes that recur; they are compared in pieces (windows) of 40 bytes",
    ),
    (
        "prevalence",
        "how often a content was seen within a minute; three times put it under watch",
    ),
    (
        "dispersion",
        "how many sources sent it and how many destinations received it; 30 x 30 alarm",
    ),
    (
        "relay, spread",
        "a host that received the content before it sent it; how many new hosts all relays sent \
         it to; 3 alarm",
    ),
    (
        "signature, grade",
        "the whole content with its evidence; how sure it is: low, medium or high",
    ),
];

/// What the long help and the manual page end with: the examples, then the words.
pub(super) static EXAMPLES_AND_WORDS: LazyLock<String> = LazyLock::new(|| {
    let words = WORDS.map(|(word, meaning)| format!("\n  {word}: {meaning}"));
    format!("{}\n\nWords:{}", super::EXAMPLES, words.concat())
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_same_words() {
        let readme = include_str!("../../../README.md");
        for (word, meaning) in WORDS {
            let row = format!("| {word} | {meaning} |");
            assert!(readme.contains(&row), "{row}");
        }
    }
}
