//! IP over InfiniBand (RFC 4391).

use super::super::{Context, Outcome};
use super::{follow, header, tags};

/// A global route header of 40 bytes, an Ethernet type and two reserved bytes.
pub(super) fn link<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<44>(data)?;
    let ethertype = u16::from_be_bytes([header[40], header[41]]);
    follow(*context, tags::by_type(ethertype, rest)?)
}
