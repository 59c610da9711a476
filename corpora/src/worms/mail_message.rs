//! Mail messages with the worm attached.
//!
//! Headers, a line of text and one attachment in base64. Everything but the attachment
//! differs from message to message, the forged sender too; comments are where fixed words
//! would otherwise be as long as a window. A message stays as it is from hop to hop, but
//! for the line that each server adds at the top.

use std::ops::Range;

use crate::rng::Rng;
use crate::text::letters;
use crate::time::http_date;

/// Characters of a line of base64 (RFC 2045, section 6.8).
const LINE: usize = 76;

/// One message, as its sender wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Message {
    /// Of its words.
    pub(super) seed: u64,
    /// When it was written, in nanoseconds since the epoch.
    pub(super) written_ns: u64,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Message {
    /// Its text with the last line, a dot, and where the attachment is in it.
    pub(super) fn text(&self, hops: u32, attachment: &[u8]) -> (Vec<u8>, Range<usize>) {
        let mut rng = Rng::new(self.seed, "letter");
        let rng = &mut rng;
        let date = http_date(self.written_ns, &format!("({}) +0000", letters(rng)));
        let received = |hop: u32| {
            let mut rng = Rng::new(self.seed, &format!("hop {hop}"));
            format!("Received: by {} id {}\r\n", letters(&mut rng), letters(&mut rng))
        };
        let mut text: String = (0..hops).map(received).collect();
        let boundary = format!("{}{}", letters(rng), letters(rng));
        let mut headers = [
            format!("From: {} <{}>\r\n", letters(rng), self.sender()),
            format!("To: {}\r\n", mailbox(self.to)),
            format!("Subject: {} {} {}\r\n", letters(rng), letters(rng), letters(rng)),
            format!("Date: {date}\r\n"),
            format!("Message-ID: <{}@{}>\r\n", letters(rng), letters(rng)),
            format!(
                "Content-Type: multipart/mixed; v={}; boundary={boundary}\r\n",
                letters(rng)
            ),
        ];
        rng.shuffle(&mut headers);
        text += &format!("X-Mailer: {}\r\n{}", letters(rng), headers.concat());
        text += &format!(
            "\r\n--{boundary}\r\n\r\n{} {} {}\r\n\r\n--{boundary}\r\nContent-Type: \
             application/{}\r\nContent-Transfer-Encoding: base64 ({})\r\n\r\n",
            letters(rng),
            letters(rng),
            letters(rng),
            letters(rng),
            letters(rng)
        );
        let start = text.len();
        let last = format!("--{boundary}--\r\n.\r\n");
        let text = [text.as_bytes(), attachment, last.as_bytes()].concat();
        (text, start..start + attachment.len())
    }

    /// Whom it claims to be from.
    pub(super) fn sender(&self) -> String {
        let mut rng = Rng::new(self.seed, "sender");
        format!("{}@{}", letters(&mut rng), letters(&mut rng))
    }
}

pub(super) fn mailbox(person: usize) -> String {
    format!("p{person}@{}", letters(&mut Rng::new(person as u64, "domain")))
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
    fn messages_share_the_attachment_and_no_other_long_run() {
        let attachment = base64_lines(&Rng::new(1, "test").next_u64().to_le_bytes());
        let message = |seed| Message { seed, written_ns: 1 << 60, from: 3, to: 4 };
        let write = |seed| {
            let (text, range) = message(seed).text(2, &attachment);
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
