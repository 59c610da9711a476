//! Foreign text and bytes made harmless.
//!
//! Names, commands, settings and all that came from a capture are hostile. Every text
//! and every attribute of the page goes through [`escape`]; nothing else writes them.

/// What stands for a character that must not reach a reader.
const REPLACEMENT: char = '\u{fffd}';

/// Text as it may stand in an element or between the quotes of an attribute.
///
/// Characters that XML forbids, other controls, and those that turn the direction of
/// what follows are replaced: a name must not look like another.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(character),
            _ if character.is_control() || is_invisible(character) => {
                safe.push(REPLACEMENT);
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// Marks of direction, joiners without width, and what is no character at all.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}'
    )
}

/// The bytes that a hexadecimal text stands for, if it is one.
pub fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len())
        .step_by(2)
        .map(|at| {
            let pair = &hex[at..at + 2];
            // The parser of numbers would take a sign.
            let digits = pair.bytes().all(|byte| byte.is_ascii_hexdigit());
            digits.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
        })
        .collect()
}

/// Printable ASCII, and a dot for every other byte. Still to be escaped.
pub fn printable(bytes: &[u8]) -> String {
    let shown = |&byte: &u8| {
        if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }
    };
    bytes.iter().map(shown).collect()
}

/// Sixteen bytes a line: offset, hexadecimal, printable ASCII. Still to be escaped.
pub fn hex_dump(bytes: &[u8]) -> String {
    let mut dump = String::new();
    for (line, chunk) in bytes.chunks(16).enumerate() {
        if line > 0 {
            dump.push('\n');
        }
        dump.push_str(&format!("{:04x} ", line * 16));
        for (index, byte) in chunk.iter().enumerate() {
            dump.push_str(if index == 8 { "  " } else { " " });
            dump.push_str(&format!("{byte:02x}"));
        }
        let written = chunk.len() * 3 + usize::from(chunk.len() > 8);
        dump.push_str(&" ".repeat(51 - written));
        dump.push_str(&printable(chunk));
    }
    dump
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            escape("</script><img src=x onerror=alert(1)>\"'&"),
            "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"
        );
        assert_eq!(escape("a\n\tb"), "a\n\tb");
        assert_eq!(escape("größer ≥ 3"), "größer ≥ 3");
    }

    #[test]
    fn controls_and_turned_text_are_replaced() {
        for bad in ['\0', '\x1b', '\r', '\u{9b}', '\u{202e}', '\u{2066}', '\u{ffff}'] {
            assert_eq!(escape(&format!("a{bad}b")), "a\u{fffd}b", "{bad:?}");
        }
    }

    #[test]
    fn hexadecimal_is_read_strictly() {
        assert_eq!(bytes_of("00fF"), Some(vec![0, 255]));
        assert_eq!(bytes_of(""), Some(vec![]));
        for bad in ["0", "zz", "+1", "é", "<b>!"] {
            assert_eq!(bytes_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn dumps_align() {
        let dump = hex_dump(b"GET / HTTP/1.1\r\n\xff<");
        let lines: Vec<&str> = dump.lines().collect();
        let first =
            "0000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1..";
        assert_eq!(lines[0], first);
        assert_eq!(lines[1], format!("0010  ff 3c{}.<", " ".repeat(45)));
    }
}
