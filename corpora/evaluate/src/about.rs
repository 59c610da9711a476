//! What a signature is about: which of the planted contents, or none.

use wormsift::config::{Config, PortRule};
use wormsift::packet::protocol;
use wormsift::signature::Signature;
use wormsift_corpora::ground_truth::Protocol;
use wormsift_corpora::{Claim, GroundTruth, Score};

/// What a signature claims, as the truth takes it.
pub(crate) fn claim(time_ns: u64, it: &Signature, config: &Config) -> Claim {
    Claim {
        content: it.content.clone(),
        protocol: protocol_of(it.protocol),
        // Under another rule the port is not the one that the truth names.
        port: it.port.filter(|_| config.port_rule == PortRule::Destination),
        time_ns,
    }
}

/// Whether a signature is about something planted.
pub(crate) fn is_true(it: &Signature, truth: &GroundTruth, config: &Config) -> bool {
    Score::new(&[claim(0, it, config)], truth).false_claims == 0
}

/// Of each planted content, whether a signature is about it.
pub(crate) fn concerns(
    it: &Signature,
    truth: &GroundTruth,
    config: &Config,
) -> Vec<bool> {
    let score = Score::new(&[claim(0, it, config)], truth);
    score.contents.iter().map(|content| content.detection.is_some()).collect()
}

fn protocol_of(number: u8) -> Protocol {
    match number {
        protocol::TCP => Protocol::Tcp,
        protocol::UDP => Protocol::Udp,
        _ => Protocol::Icmp,
    }
}
