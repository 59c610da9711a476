//! The six words that output and help take for granted; the README has the same table.

use std::sync::LazyLock;
use wormsift::config::SETTINGS;

/// A word, and what it means; `{name}` is the default of a setting.
const WORDS: [(&str, &str); 6] = [
    (
        "content, window",
        "bytes that recur; they are compared in pieces (windows) of {beta} bytes",
    ),
    (
        "prevalence",
        "how often a content was seen within {prevalence_window}, or longer while memory allows; \
         {prevalence} times put it under watch",
    ),
    (
        "dispersion",
        "how many sources sent it and how many destinations received it; \
         {sources} x {destinations} alarm",
    ),
    (
        "relay, spread",
        "a host that received the content before it sent it; how many new hosts all relays sent \
         it to; {spread} alarm, or one less if it began to talk to them afterwards",
    ),
    (
        "signature, grade",
        "the whole content with its evidence; how sure it is: low, medium or high",
    ),
    (
        "incident, kind",
        "signatures that belong together; outbreak, forwarding service, peer protocol, \
         scan campaign, mass delivery or unclear",
    ),
];

/// What the long help and the manual page end with: the examples, then the words.
pub(super) static EXAMPLES_AND_WORDS: LazyLock<String> = LazyLock::new(|| {
    let words = WORDS.map(|(word, meaning)| format!("\n  {word}: {}", filled(meaning)));
    format!("{}\n\nWords:{}", super::EXAMPLES, words.concat())
});

fn filled(meaning: &str) -> String {
    let placed = |text: String, name: &str, default: &str| {
        text.replace(&format!("{{{name}}}"), default)
    };
    SETTINGS.iter().fold(meaning.to_owned(), |text, it| placed(text, it.name, it.default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_same_words() {
        let readme = include_str!("../../../README.md");
        for (word, meaning) in WORDS {
            let row = format!("| {word} | {} |", filled(meaning));
            assert!(readme.contains(&row), "{row}");
        }
    }
}
