//! Mail messages with the worm attached.
//!
//! Headers, a line of text and one attachment in base64. Everything but the
//! attachment differs from letter to letter, the forged sender too; comments
//! stand where fixed words would otherwise be as long as a window. A letter stays
//! as it is from hop to hop, but for the line that each server puts on top.

use std::ops::Range;

use crate::calendar::http_date;
use crate::rng::Rng;

/// Characters of a line of base64 (RFC 2045, section 6.8).
const LINE: usize = 76;

/// One letter on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Letter {
    /// What its words are drawn from.
    pub(super) seed: u64,
    /// When it was written, in nanoseconds since the epoch.
    pub(super) written_ns: u64,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Letter {
    /// Appends the letter with its last line, a dot; tells where the attachment
    /// stands in `text`.
    pub(super) fn write(
        &self,
        hops: u32,
        attachment: &[u8],
        text: &mut Vec<u8>,
    ) -> Range<usize> {
        let mut rng = Rng::new(self.seed, "letter");
        let rng = &mut rng;
        let date = http_date(self.written_ns, &format!("({}) +0000", word(rng)));
        let mut put = |line: String| {
            text.extend_from_slice(line.as_bytes());
            text.extend_from_slice(b"\r\n");
        };
        for hop in 0..hops {
            let mut server = Rng::new(self.seed, &format!("hop {hop}"));
            put(format!("Received: by {} id {}", word(&mut server), word(&mut server)));
        }
        let boundary = format!("{}{}", word(rng), word(rng));
        let mut headers = vec![
            format!("From: {} <{}>", word(rng), self.sender()),
            format!("To: {}", mailbox(self.to)),
            format!("Subject: {} {} {}", word(rng), word(rng), word(rng)),
            format!("Date: {date}"),
            format!("Message-ID: <{}@{}>", word(rng), word(rng)),
            format!(
                "Content-Type: multipart/mixed; v={}; boundary={boundary}",
                word(rng)
            ),
        ];
        rng.shuffle(&mut headers);
        put(format!("X-Mailer: {}", word(rng)));
        headers.into_iter().for_each(&mut put);
        put(format!(
            "\r\n--{boundary}\r\n\r\n{} {} {}\r\n",
            word(rng),
            word(rng),
            word(rng)
        ));
        put(format!("--{boundary}\r\nContent-Type: application/{}", word(rng)));
        put(format!("Content-Transfer-Encoding: base64 ({})\r\n", word(rng)));
        let start = text.len();
        text.extend_from_slice(attachment);
        let end = text.len();
        text.extend_from_slice(format!("--{boundary}--\r\n.\r\n").as_bytes());
        start..end
    }

    /// Whom it claims to be from.
    pub(super) fn sender(&self) -> String {
        let mut rng = Rng::new(self.seed, "sender");
        format!("{}@{}", word(&mut rng), word(&mut rng))
    }
}

pub(super) fn mailbox(person: usize) -> String {
    format!("p{person}@{}", word(&mut Rng::new(person as u64, "domain")))
}

/// Four to ten letters.
pub(super) fn word(rng: &mut Rng) -> String {
    let length = rng.between(4, 10);
    (0..length).map(|_| char::from(b'a' + rng.below(26) as u8)).collect()
}

/// Base64 in lines of 76 characters, each with its CRLF.
pub(super) fn base64_lines(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut digits = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .chain(&[0; 3])
            .take(3)
            .fold(0u32, |bits, &byte| bits << 8 | u32::from(byte));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            digits.push(if place <= group.len() { digit } else { b'=' });
        }
    }
    digits.chunks(LINE).flat_map(|line| [line, b"\r\n"].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_its_known_forms() {
        // RFC 4648, section 10.
        for (plain, encoded) in [
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let lines = base64_lines(plain.as_bytes());
            assert_eq!(lines, [encoded.as_bytes(), b"\r\n"].concat());
        }
        let lines = base64_lines(&[0xff; 100]);
        let lengths: Vec<usize> =
            lines.split(|&byte| byte == b'\n').map(<[u8]>::len).collect();
        assert_eq!(lengths, [77, 61, 0]);
    }

    #[test]
    fn letters_share_the_attachment_and_no_other_long_run() {
        let attachment = base64_lines(&Rng::new(1, "test").next_u64().to_le_bytes());
        let letter = |seed| Letter { seed, written_ns: 1 << 60, from: 3, to: 4 };
        let write = |seed| {
            let mut text = Vec::new();
            let range = letter(seed).write(2, &attachment, &mut text);
            assert_eq!(text[range.clone()], attachment[..]);
            (text[..range.start].to_vec(), text[range.end..].to_vec())
        };
        let (first, second) = (write(1), write(2));
        assert_eq!(first, write(1));
        for (one, other) in [(&first.0, &second.0), (&first.1, &second.1)] {
            let shared = |run: &&[u8]| other.windows(40).any(|window| window == &run[..]);
            assert_eq!(one.windows(40).find(shared), None);
        }
    }
}
