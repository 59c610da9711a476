//! Hard negatives: traffic that looks like a worm and is none.
//!
//! Content repeats on every network, and much of it goes from many hosts to many. Each
//! scenario is one such case alone, over a little background traffic. Nothing is planted
//! and nobody is infected, so that whatever a detector reports is false. Its profile says
//! what either alarm should do: stay silent and why, or, where the content truly goes from
//! many to many or is truly relayed, what decides.

mod backscatter;
mod bulk_mail;
mod cdn_certificates;
mod flash_crowd;
mod forged_sources;
pub(crate) mod host_pool;
mod loud_scanner;
mod mailing_list;
mod ping_monitoring;
mod protocol_headers;
mod reflection;
pub(crate) mod setup;
mod sip_proxy;
mod smtp;
mod software_update;
mod swarm;
mod tls_program;
mod zero_padding;

use crate::scenario::Entry;

pub(crate) const SCENARIOS: &[Entry] = &[
    flash_crowd::ENTRY,
    cdn_certificates::ENTRY,
    swarm::FIXED_PORT,
    swarm::RANDOM_PORTS,
    mailing_list::ENTRY,
    bulk_mail::ENTRY,
    software_update::ENTRY,
    sip_proxy::ENTRY,
    protocol_headers::ENTRY,
    reflection::ENTRY,
    backscatter::ENTRY,
    loud_scanner::ENTRY,
    ping_monitoring::ENTRY,
    zero_padding::ENTRY,
    forged_sources::OVER_TCP,
    forged_sources::OVER_UDP,
];
