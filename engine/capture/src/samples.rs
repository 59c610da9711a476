//! Captures built byte by byte, for tests. Shares nothing with the parsers.

use std::io::Write;

/// The byte order of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) const BOTH: [Self; 2] = [Self::Little, Self::Big];

    pub(super) fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub(super) fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub(super) fn u64(self, value: u64) -> [u8; 8] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

pub(super) const MICROSECONDS: u32 = 0xa1b2_c3d4;
pub(super) const NANOSECONDS: u32 = 0xa1b2_3c4d;
pub(super) const MODIFIED: u32 = 0xa1b2_cd34;

/// A classic pcap file under construction.
pub(super) struct PcapSample {
    pub(super) bytes: Vec<u8>,
    order: Order,
    magic: u32,
}

impl PcapSample {
    pub(super) fn new(order: Order, magic: u32, link: u32) -> Self {
        let mut bytes = Vec::new();
        bytes.extend(order.u32(magic));
        bytes.extend(order.u16(2));
        bytes.extend(order.u16(4));
        bytes.extend([0; 8]);
        // A snap length that the frames below do not keep to: nobody enforces it.
        bytes.extend(order.u32(3));
        bytes.extend(order.u32(link));
        Self { bytes, order, magic }
    }

    /// Adds a record; `original_len` is the length on the wire.
    pub(super) fn record(
        mut self,
        time: (u32, u32),
        data: &[u8],
        original_len: u32,
    ) -> Self {
        let fields = [time.0, time.1, data.len() as u32, original_len];
        for field in fields {
            self.bytes.extend(self.order.u32(field));
        }
        if self.magic == MODIFIED {
            self.bytes.extend([0xee; 8]);
        }
        self.bytes.extend(data);
        self
    }
}

/// A pcapng file under construction; blocks have the order of the last section.
pub(super) struct PcapNgSample {
    pub(super) bytes: Vec<u8>,
    /// Where each block begins, and the end.
    pub(super) edges: Vec<usize>,
    pub(super) order: Order,
}

impl PcapNgSample {
    /// A file that begins with an empty section.
    pub(super) fn new(order: Order) -> Self {
        Self { bytes: Vec::new(), edges: vec![0], order }.section(order)
    }

    pub(super) fn block(mut self, kind: u32, body: &[&[u8]]) -> Self {
        let mut body = body.concat();
        body.resize(body.len().next_multiple_of(4), 0xaa);
        let length = self.order.u32(body.len() as u32 + 12);
        self.bytes.extend(self.order.u32(kind));
        self.bytes.extend(length);
        self.bytes.extend(body);
        self.bytes.extend(length);
        self.edges.push(self.bytes.len());
        self
    }

    pub(super) fn section(mut self, order: Order) -> Self {
        self.order = order;
        let comment = self.option(1, b"a comment");
        self.block(
            0x0a0d_0d0a,
            &[
                &order.u32(0x1a2b_3c4d),
                &order.u16(1),
                &order.u16(0),
                &order.u64(u64::MAX),
                &comment,
                &[0; 4],
            ],
        )
    }

    pub(super) fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = self.order.u16(code).to_vec();
        bytes.extend(self.order.u16(value.len() as u16));
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    pub(super) fn interface(self, link: u16, snap_len: u32, options: &[u8]) -> Self {
        let order = self.order;
        self.block(1, &[&order.u16(link), &[0; 2], &order.u32(snap_len), options])
    }

    /// An interface with a resolution and an offset in seconds.
    pub(super) fn clock(self, link: u16, resolution: u8, offset: i64) -> Self {
        let options = [
            self.option(2, b"eth0"),
            self.option(9, &[resolution]),
            self.option(14, &self.order.u64(offset as u64)),
            self.option(0, &[]),
            // After the end of the options, nothing counts.
            self.option(9, &[0]),
        ];
        self.interface(link, 0, &options.concat())
    }

    pub(super) fn enhanced(
        self,
        interface: u32,
        ticks: u64,
        data: &[u8],
        original_len: u32,
        options: &[u8],
    ) -> Self {
        let order = self.order;
        let number = order.u32(interface);
        self.packet(6, &number, ticks, data, original_len, options)
    }

    /// The obsolete Packet Block, with a count of drops.
    pub(super) fn old(self, interface: u16, drops: u16, ticks: u64, data: &[u8]) -> Self {
        let number = [self.order.u16(interface), self.order.u16(drops)].concat();
        self.packet(2, &number, ticks, data, data.len() as u32, &[])
    }

    pub(super) fn simple(self, data: &[u8], original_len: u32) -> Self {
        let order = self.order;
        self.block(3, &[&order.u32(original_len), data])
    }

    fn packet(
        self,
        kind: u32,
        number: &[u8],
        ticks: u64,
        data: &[u8],
        original_len: u32,
        options: &[u8],
    ) -> Self {
        let order = self.order;
        let padding = data.len().next_multiple_of(4) - data.len();
        self.block(
            kind,
            &[
                number,
                &order.u32((ticks >> 32) as u32),
                &order.u32(ticks as u32),
                &order.u32(data.len() as u32),
                &order.u32(original_len),
                data,
                &[0xbb; 3][..padding],
                options,
            ],
        )
    }
}

/// One gzip member.
pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// One zstd frame.
pub(super) fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 1).unwrap()
}
