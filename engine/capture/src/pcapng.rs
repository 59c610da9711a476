//! pcapng: sections of blocks (draft-ietf-opsawg-pcapng).
//!
//! The frame around a block (type, length, length again) is checked here: pcap-parser
//! compares the two lengths of some blocks only, subtracts from others before it
//! compares them, and cannot tell a block that is cut from one whose length is insane.
//! The blocks that describe others are then parsed by pcap-parser, as a whole. Packets
//! with a header of their own are read here, since pcap-parser does not know the old
//! kind, and for the new kind collects every option in a vector: an allocation a frame,
//! and for a hostile one eight times the memory of the block. A test holds both readings
//! together.

use pcap_parser::nom;
use pcap_parser::pcapng::{
    InterfaceDescriptionBlock, OptionCode, parse_interfacedescriptionblock_be,
    parse_interfacedescriptionblock_le, parse_sectionheaderblock,
    parse_simplepacketblock_be, parse_simplepacketblock_le,
};
use pcap_parser::{PcapError, SimplePacketBlock};

use super::MAX_RECORD_BYTES;
use super::damage::Defect;
use super::step::{RawFrame, Skipped, Step};
use super::ticks::Ticks;
use wormsift::packet::{LinkType, Timestamp};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// The byte-order magic of a section header in its writer's order.
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Type, length and length again.
const LEAST_BLOCK_BYTES: usize = 12;
/// Type, length, and the twenty bytes before the data of a packet.
const PACKET_HEADER_BYTES: usize = 28;
/// Longest section header or interface description: pcap-parser's list of options can
/// take eight times as much memory.
const MAX_DESCRIPTION_BYTES: usize = 1 << 20;
/// Interfaces that a section may describe; the old packets count them in 16 bits.
const MAX_INTERFACES: usize = 1 << 16;

/// What is known inside a section.
#[derive(Debug, Default)]
pub(super) struct PcapNg {
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// Of the last frame, for packets without one.
    last_time: Timestamp,
}

#[derive(Debug)]
struct Interface {
    link: LinkType,
    /// 0 for no limit.
    snap_len: u32,
    ticks: Ticks,
}

impl PcapNg {
    /// Whether a file that starts so is a pcapng file.
    pub(super) fn begins_with(magic: [u8; 4]) -> bool {
        // A palindrome: the same in both orders.
        u32::from_le_bytes(magic) == SECTION_HEADER
    }

    /// Looks at the next block.
    #[inline]
    pub(super) fn step(&mut self, data: &[u8]) -> Step {
        let Some(&frame) = data.first_chunk::<LEAST_BLOCK_BYTES>() else {
            return Step::Need { bytes: LEAST_BLOCK_BYTES, of: "a block" };
        };
        let big_endian = if Self::begins_with([frame[0], frame[1], frame[2], frame[3]]) {
            match u32_at(&frame, 8, false) {
                BYTE_ORDER => false,
                swapped if swapped == BYTE_ORDER.swap_bytes() => true,
                other => return unknown_order(other),
            }
        } else {
            self.big_endian
        };
        let kind = u32_at(&frame, 0, big_endian);
        let bytes = u32_at(&frame, 4, big_endian) as usize;
        if !(LEAST_BLOCK_BYTES..=MAX_RECORD_BYTES).contains(&bytes)
            || !bytes.is_multiple_of(4)
        {
            return wrong_length(bytes);
        }
        let Some(block) = data.get(..bytes) else {
            return Step::Need { bytes, of: "a block" };
        };
        let again = u32_at(block, bytes - 4, big_endian) as usize;
        if again != bytes {
            return two_lengths(bytes, again);
        }
        match kind {
            ENHANCED_PACKET | OLD_PACKET => self.packet(block, kind),
            SIMPLE_PACKET => self.simple_packet(block),
            SECTION_HEADER => self.section(block, big_endian),
            INTERFACE_DESCRIPTION => self.interface(block),
            _ => Step::Skip { bytes, what: Skipped::Block },
        }
    }

    /// An Enhanced Packet Block, or the Packet Block that it made obsolete: they differ
    /// in the width of the interface's number.
    #[inline]
    fn packet(&mut self, block: &[u8], kind: u32) -> Step {
        let Some(room) = block.len().checked_sub(PACKET_HEADER_BYTES + 4) else {
            return short_packet(block.len());
        };
        let number = |at| u32_at(block, at, self.big_endian);
        let interface = match (kind, self.big_endian) {
            (OLD_PACKET, false) => number(8) & 0xffff,
            (OLD_PACKET, true) => number(8) >> 16,
            _ => number(8),
        };
        let ticks = u64::from(number(12)) << 32 | u64::from(number(16));
        let (captured, original) = (number(20), number(24));
        if captured as usize > room {
            return too_much_data(captured, room);
        }
        let Some(described) = self.interfaces.get(interface as usize) else {
            return self.unclaimed(block, interface);
        };
        let (time, clamped) = described.ticks.time(ticks);
        self.last_time = time;
        let frame = RawFrame {
            time,
            link: described.link,
            original_len: original.max(captured),
            start: PACKET_HEADER_BYTES,
            len: captured as usize,
            untimed: false,
            clamped,
        };
        Step::Frame { bytes: block.len(), frame }
    }

    /// A Simple Packet Block: of the first interface, without time or captured length.
    fn simple_packet(&mut self, block: &[u8]) -> Step {
        let parsed = match self.by_order(
            block,
            parse_simplepacketblock_le,
            parse_simplepacketblock_be,
            "a simple packet block",
        ) {
            Ok(parsed) => parsed,
            Err(step) => return step,
        };
        let SimplePacketBlock { origlen, data, .. } = parsed;
        let Some(described) = self.interfaces.first() else {
            return self.unclaimed(block, 0);
        };
        let cut = match described.snap_len {
            0 => origlen,
            most => origlen.min(most),
        };
        if cut as usize > data.len() {
            return too_much_data(cut, data.len());
        }
        let frame = RawFrame {
            time: self.last_time,
            link: described.link,
            original_len: origlen,
            start: 12,
            len: cut as usize,
            untimed: true,
            clamped: false,
        };
        Step::Frame { bytes: block.len(), frame }
    }

    fn unclaimed(&self, block: &[u8], interface: u32) -> Step {
        let described = self.interfaces.len();
        Step::Skip { bytes: block.len(), what: Skipped::Packet { interface, described } }
    }

    #[cold]
    fn section(&mut self, block: &[u8], big_endian: bool) -> Step {
        const WHAT: &str = "a section header block";
        if block.len() > MAX_DESCRIPTION_BYTES {
            return long_description(WHAT, block.len());
        }
        let header = match parse_sectionheaderblock(block) {
            Ok((_, header)) => header,
            Err(error) => return malformed(WHAT, &error),
        };
        if header.major_version != 1 {
            let found =
                format!("version {}.{}", header.major_version, header.minor_version);
            return Step::Broken(Defect::new(12, "a section of version 1", found));
        }
        self.big_endian = big_endian;
        self.interfaces.clear();
        Step::Skip { bytes: block.len(), what: Skipped::Structure }
    }

    #[cold]
    fn interface(&mut self, block: &[u8]) -> Step {
        const WHAT: &str = "an interface description block";
        if block.len() > MAX_DESCRIPTION_BYTES {
            return long_description(WHAT, block.len());
        }
        if self.interfaces.len() == MAX_INTERFACES {
            let expected = format!("at most {MAX_INTERFACES} interfaces in a section");
            return Step::Broken(Defect::new(0, expected, "one more"));
        }
        let parsed = match self.by_order(
            block,
            parse_interfacedescriptionblock_le,
            parse_interfacedescriptionblock_be,
            WHAT,
        ) {
            Ok(parsed) => parsed,
            Err(step) => return step,
        };
        self.interfaces.push(Interface {
            link: LinkType(parsed.linktype.0 as u32),
            snap_len: parsed.snaplen,
            ticks: self.ticks(&parsed),
        });
        Step::Skip { bytes: block.len(), what: Skipped::Structure }
    }

    /// pcap-parser reads `if_tsoffset` as little-endian in every section, and reads on
    /// after the end of the options; so its options count here, not its results.
    fn ticks(&self, block: &InterfaceDescriptionBlock<'_>) -> Ticks {
        let (mut resolution, mut offset) = (6, 0);
        let options = block.options.iter();
        for option in options.take_while(|option| option.code != OptionCode::EndOfOpt) {
            match (option.code, option.as_bytes()) {
                (OptionCode::IfTsresol, Ok(&[value])) => resolution = value,
                (OptionCode::IfTsoffset, Ok(value)) => {
                    if let Ok(bytes) = <[u8; 8]>::try_from(value) {
                        offset = if self.big_endian {
                            i64::from_be_bytes(bytes)
                        } else {
                            i64::from_le_bytes(bytes)
                        };
                    }
                }
                _ => {}
            }
        }
        Ticks::new(resolution, offset)
    }

    fn by_order<'a, B>(
        &self,
        block: &'a [u8],
        little: impl Fn(&'a [u8]) -> Parsed<'a, B>,
        big: impl Fn(&'a [u8]) -> Parsed<'a, B>,
        what: &str,
    ) -> Result<B, Step> {
        let parsed = if self.big_endian { big(block) } else { little(block) };
        parsed.map(|(_, block)| block).map_err(|error| malformed(what, &error))
    }
}

type Parsed<'a, B> = nom::IResult<&'a [u8], B, PcapError<&'a [u8]>>;

/// The number at an offset; 0 beyond the end, which no caller asks for.
#[inline]
fn u32_at(data: &[u8], at: usize, big_endian: bool) -> u32 {
    let bytes = data.get(at..).and_then(|rest| rest.first_chunk::<4>());
    let read = if big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
    bytes.map_or(0, |&bytes| read(bytes))
}

#[cold]
fn unknown_order(found: u32) -> Step {
    let expected = "the byte-order magic 4d 3c 2b 1a or 1a 2b 3c 4d";
    let [a, b, c, d] = found.to_le_bytes();
    Step::Broken(Defect::new(8, expected, format!("{a:02x} {b:02x} {c:02x} {d:02x}")))
}

#[cold]
fn wrong_length(bytes: usize) -> Step {
    let expected = format!(
        "a block length of {LEAST_BLOCK_BYTES} to {MAX_RECORD_BYTES} bytes in steps of 4"
    );
    Step::Broken(Defect::new(4, expected, format!("{bytes}")))
}

#[cold]
fn two_lengths(first: usize, second: usize) -> Step {
    let expected = format!("the block length {first} again at the block's end");
    Step::Broken(Defect::new(first - 4, expected, format!("{second}")))
}

#[cold]
fn short_packet(bytes: usize) -> Step {
    let least = PACKET_HEADER_BYTES + 4;
    let expected = format!("a packet block of at least {least} bytes");
    Step::Broken(Defect::new(0, expected, format!("one of {bytes}")))
}

#[cold]
fn too_much_data(captured: u32, room: usize) -> Step {
    let expected = format!("at most {room} captured bytes, which the block has room for");
    Step::Broken(Defect::new(0, expected, format!("{captured}")))
}

#[cold]
fn long_description(what: &str, bytes: usize) -> Step {
    let expected = format!("{what} of at most {MAX_DESCRIPTION_BYTES} bytes");
    Step::Broken(Defect::new(0, expected, format!("one of {bytes}")))
}

#[cold]
fn malformed(what: &str, error: &nom::Err<PcapError<&[u8]>>) -> Step {
    let found = match error {
        nom::Err::Incomplete(_) => "one too short for its fields",
        _ => "one whose fields contradict each other",
    };
    Step::Broken(Defect::new(0, what, found))
}
