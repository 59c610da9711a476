//! Names what a file is that is neither pcap nor pcapng, by its first bytes.
//!
//! It only tells: nothing here is read. Formats without a magic number (ERF, hcidump, ETL)
//! are told by the fields of their first record, which must all make sense.

use super::pcap::Pcap;
use super::pcapng::PcapNg;

/// What the first bytes of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// pcap or pcapng.
    Capture,
    /// A capture in a format that is not read: its name, and what converts it.
    Foreign(&'static str, Remedy),
    /// No capture: what it is, as far as that is known.
    Other(Option<&'static str>),
}

/// What turns a file into one that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// `editcap` of Wireshark reads it.
    Editcap,
    /// Another program, by name.
    Program(&'static str),
}

use Remedy::{Editcap, Program};

/// Captures in other formats, by magic number.
const FOREIGN: &[(&[u8], &str, Remedy)] = &[
    (b"RTSS", "a Microsoft Network Monitor 1 capture", Editcap),
    (b"GMBU", "a Microsoft Network Monitor 2 capture", Editcap),
    (b"snoop\0\0\0", "a snoop capture", Editcap),
    (b"btsnoop\0", "a btsnoop capture of Bluetooth", Editcap),
    (b"TRSNIFF data    \x1a", "a Sniffer (DOS) capture", Editcap),
    (b"XCP\0", "a Sniffer (Windows) or NetXRay capture", Editcap),
    (b"VL\0\0", "a NetXRay 1 capture", Editcap),
    (b"\x7fver", "an EtherPeek, AiroPeek or OmniPeek capture", Editcap),
    (b"iptrace 1.0", "an AIX iptrace capture", Editcap),
    (b"iptrace 2.0", "an AIX iptrace capture", Editcap),
    (b"ObserverPktBuffe", "an Observer capture", Editcap),
    (b"\xaa\xaa\xaa\xaa", "a 5View capture", Editcap),
    (b"\x05VNF", "a Visual Networks capture", Editcap),
    (b"\x54\x52\x00\x64\x00", "an HP-UX nettl capture", Editcap),
    (b"\x00\x00\x02\x00\x12\x05\x00\x10", "a Tektronix K12 capture", Editcap),
    (b"\x1c\x00\x01\xac", "an IXIA lcap capture (hardware)", Editcap),
    (b"\xac\x01\x00\x1c", "an IXIA lcap capture (hardware)", Editcap),
    (b"\x1c\x00\x01\xab", "an IXIA lcap capture (software)", Editcap),
    (b"\xab\x01\x00\x1c", "an IXIA lcap capture (software)", Editcap),
    (b"\xa1\xb2\x34\xcd", "a pcap variant (magic a1b234cd)", Editcap),
    (b"\xcd\x34\xb2\xa1", "a pcap variant (magic a1b234cd)", Editcap),
    (b"\xa1\x2b\x3c\x4d", "a Navtel pcap variant (magic a12b3c4d)", Editcap),
    (b"\x4d\x3c\x2b\xa1", "a Navtel pcap variant (magic a12b3c4d)", Editcap),
];

/// Compressions that are not read, by magic number.
const COMPRESSED: &[(&[u8], &str, &str)] = &[
    (b"\xfd7zXZ\0", "an xz file", "unxz"),
    (b"BZh", "a bzip2 file", "bunzip2"),
    (b"\x04\x22\x4d\x18", "an lz4 file", "unlz4"),
    (b"\x02\x21\x4c\x18", "an lz4 file", "unlz4"),
    (b"LZIP", "an lzip file", "lzip -d"),
    (b"\x5d\0\0", "an lzma file", "unlzma"),
    (b"\x89LZO\0\r\n\x1a\n", "an lzop file", "lzop -d"),
    (b"\x1f\x9d", "a compress (.Z) file", "uncompress"),
    (b"\xff\x06\0\0sNaPpY", "a snappy file", "a snappy decoder"),
    (b"PK\x03\x04", "a zip archive", "unzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x"),
    (b"Rar!\x1a\x07", "a rar archive", "unrar x"),
];

/// How captures that are read begin: the start of one may look like text.
const STARTS: [[u8; 4]; 7] = [
    0x0a0d_0d0a_u32.to_le_bytes(),
    0xa1b2_c3d4_u32.to_le_bytes(),
    0xa1b2_c3d4_u32.to_be_bytes(),
    0xa1b2_3c4d_u32.to_le_bytes(),
    0xa1b2_3c4d_u32.to_be_bytes(),
    0xa1b2_cd34_u32.to_le_bytes(),
    0xa1b2_cd34_u32.to_be_bytes(),
];

/// What a file is that begins so. `data` may end anywhere; with fewer than 96 bytes, less
/// is told apart.
pub(super) fn kind(data: &[u8]) -> Kind {
    if let Some(&magic) = data.first_chunk::<4>()
        && (PcapNg::begins_with(magic) || Pcap::begins_with(magic))
    {
        return Kind::Capture;
    }
    if STARTS.iter().any(|start| start.starts_with(data)) && !data.is_empty() {
        return Kind::Other(None);
    }
    if let Some(&(_, name, remedy)) = FOREIGN.iter().find(|it| data.starts_with(it.0)) {
        return Kind::Foreign(name, remedy);
    }
    let compressed = COMPRESSED.iter().find(|it| data.starts_with(it.0));
    if let Some(&(_, name, program)) = compressed {
        return Kind::Foreign(name, Program(program));
    }
    if data.get(257..262) == Some(b"ustar") {
        return Kind::Foreign("a tar archive", Program("tar -x"));
    }
    if let Some(text) = text(data) {
        return Kind::Other(Some(text));
    }
    if is_erf(data) {
        return Kind::Foreign("an Endace ERF capture", Editcap);
    }
    if is_hcidump(data) {
        return Kind::Foreign("an hcidump capture of Bluetooth", Editcap);
    }
    if is_etl(data) {
        return Kind::Foreign("a Windows event trace (.etl)", Program("etl2pcapng"));
    }
    Kind::Other(data.is_empty().then_some("an empty file"))
}

impl Kind {
    /// As a line of damage says what was found.
    pub(super) fn found(self, data: &[u8]) -> String {
        match self {
            Self::Foreign(name, Editcap) => {
                format!("{name}; convert it with `editcap -F pcap IN OUT`")
            }
            Self::Foreign(name, Program(program)) => {
                format!("{name}; unpack or convert it with `{program}`")
            }
            Self::Other(Some(what)) => what.into(),
            Self::Capture | Self::Other(None) => {
                let bytes = data.iter().take(4).map(|byte| format!(" {byte:02x}"));
                format!("an unknown format that begins with{}", bytes.collect::<String>())
            }
        }
    }
}

/// The kind of text, if what is in view is text.
fn text(data: &[u8]) -> Option<&'static str> {
    let view = &data[..data.len().min(512)];
    let view = view.strip_prefix(b"\xef\xbb\xbf").unwrap_or(view);
    let start = view.trim_ascii_start();
    let text = match std::str::from_utf8(view) {
        Ok(text) => text,
        // A character may be cut at the end of what is looked at.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&view[..error.valid_up_to()]).unwrap_or("")
        }
        Err(_) => return None,
    };
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\x0c');
    if start.is_empty() || text.is_empty() || !text.chars().all(is_text) {
        return None;
    }
    Some(match start[0] {
        b'{' | b'[' => "JSON text",
        b'<' => "XML or HTML text",
        _ => "text",
    })
}

/// An ERF record: time (little-endian), type, flags, record length, losses, wire length.
fn is_erf(data: &[u8]) -> bool {
    let Some(&head) = data.first_chunk::<16>() else { return false };
    let seconds = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let length = u16::from_be_bytes([head[10], head[11]]);
    let on_wire = u16::from_be_bytes([head[14], head[15]]);
    // 1990 to 2060.
    (631_152_000..2_840_140_800).contains(&seconds)
        && (1..=48).contains(&(head[8] & 0x7f))
        && length >= 16
        && on_wire > 0
        && u32::from(length) <= u32::from(on_wire) + 64
}

/// An hcidump record: length, direction, padding, seconds, microseconds (all
/// little-endian), and then an HCI packet type.
fn is_hcidump(data: &[u8]) -> bool {
    let Some(&head) = data.first_chunk::<13>() else { return false };
    let length = u16::from_le_bytes([head[0], head[1]]);
    let seconds = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let micros = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    (1..=0x1000).contains(&length)
        && head[2] <= 1
        && head[3] == 0
        && (946_684_800..2_840_140_800).contains(&seconds)
        && micros < 1_000_000
        && (1..=5).contains(&head[12])
}

/// The first buffer of an event trace: its size, how much of it is used, and the header
/// of the event that describes the log.
fn is_etl(data: &[u8]) -> bool {
    let Some(&head) = data.first_chunk::<76>() else { return false };
    let number = |at: usize| {
        u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
    };
    let (size, saved) = (number(0), number(4));
    size >= 1_024
        && size.is_multiple_of(1_024)
        && saved <= size
        && matches!(number(72), 0xc001_0002 | 0xc002_0002)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(data: &[u8]) -> String {
        kind(data).found(data)
    }

    #[test]
    fn foreign_captures_are_named_with_what_converts_them() {
        for (start, name, remedy) in [
            (&b"GMBU\x00\x02\x01\x00"[..], "Network Monitor 2", "editcap -F pcap"),
            (b"RTSS\x01\x01", "Network Monitor 1", "editcap -F pcap"),
            (b"snoop\0\0\0\0\0\0\x02", "snoop", "editcap -F pcap"),
            (b"btsnoop\0\0\0\0\x01", "btsnoop", "editcap -F pcap"),
            (b"\x7fver\0\0\0\x10", "OmniPeek", "editcap -F pcap"),
            (b"\xfd7zXZ\0\0\x04", "an xz file", "unxz"),
            (b"BZh91AY&SY", "a bzip2 file", "bunzip2"),
            (b"\x04\x22\x4d\x18\x64\x40", "an lz4 file", "unlz4"),
            (b"PK\x03\x04\x14\0", "a zip archive", "unzip"),
            (b"\xab\x01\x00\x1c", "IXIA", "editcap -F pcap"),
        ] {
            let said = said(start);
            assert!(said.contains(name) && said.contains(remedy), "{said}");
            assert!(matches!(kind(start), Kind::Foreign(..)));
        }
    }

    #[test]
    fn formats_without_a_magic_are_told_by_their_first_record() {
        let seconds = 1_700_000_000_u32.to_le_bytes();
        let mut erf = [0_u8; 96];
        erf[4..8].copy_from_slice(&seconds);
        erf[8..16].copy_from_slice(&[2, 4, 0, 80, 0, 0, 0, 60]);
        assert!(said(&erf).contains("ERF"), "{}", said(&erf));
        erf[8] = 0;
        assert_eq!(kind(&erf), Kind::Other(None), "no such type");

        let mut hci = [0_u8; 16];
        hci[..4].copy_from_slice(&[4, 0, 1, 0]);
        hci[4..8].copy_from_slice(&seconds);
        hci[8..12].copy_from_slice(&999_999_u32.to_le_bytes());
        hci[12] = 4;
        assert!(said(&hci).contains("hcidump"));
        hci[8..12].copy_from_slice(&1_000_000_u32.to_le_bytes());
        assert_eq!(kind(&hci), Kind::Other(None), "no such microsecond");

        let mut etl = [0_u8; 96];
        etl[..4].copy_from_slice(&0x1_0000_u32.to_le_bytes());
        etl[4..8].copy_from_slice(&0x400_u32.to_le_bytes());
        etl[72..76].copy_from_slice(&0xc002_0002_u32.to_le_bytes());
        assert!(said(&etl).contains("etl2pcapng"));
    }

    #[test]
    fn text_is_told_by_kind_and_the_rest_by_its_bytes() {
        assert_eq!(said(b" {\"packets\": 3}\n"), "JSON text");
        assert_eq!(said(b"<?xml version=\"1.0\"?>"), "XML or HTML text");
        assert_eq!(said("Überschrift\n".as_bytes()), "text");
        assert_eq!(said(b""), "an empty file");
        assert_eq!(
            said(&[0, 1, 2, 3, 4]),
            "an unknown format that begins with 00 01 02 03"
        );
        assert_eq!(kind(&[0xd4, 0xc3, 0xb2, 0xa1]), Kind::Capture);
        assert_eq!(kind(&[0x0a, 0x0d, 0x0d, 0x0a]), Kind::Capture);
        for start in STARTS {
            assert_eq!(kind(&start), Kind::Capture);
            (1..4).for_each(|cut| assert_eq!(kind(&start[..cut]), Kind::Other(None)));
        }
    }
}
