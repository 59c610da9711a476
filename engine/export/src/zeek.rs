//! A Zeek signature file, and the script that turns matches into notices.
//!
//! Zeek anchors its patterns at the start of the stream, so each begins with
//! `(?s:.*)`; and it stops matching after the first kilobyte of a connection unless
//! the script says otherwise, which costs it time on every connection.

use super::rule::{Rule, Service};
use std::fmt::Write;

/// One signature block, with the line feed. Tokens become one condition each, all of
/// which must hold; those in order become one pattern.
pub fn rule(rule: &Rule<'_>) -> String {
    let mut text = format!("signature wormsift-{} {{\n", rule.sid.sid);
    let protocol = match rule.protocol() {
        "ip" => rule.signature.protocol.to_string(),
        "icmpv6" => "icmp6".to_owned(),
        name => name.to_owned(),
    };
    let _ = writeln!(text, "  ip-proto == {protocol}");
    match rule.service {
        Service::To(port, _) => {
            let _ = writeln!(text, "  dst-port == {port}");
        }
        Service::From(port) => {
            let _ = writeln!(text, "  src-port == {port}");
        }
        // Zeek has no condition on either port.
        Service::Either(_) | Service::Anywhere => {}
        Service::Icmp(kind, code) => {
            let _ = writeln!(text, "  header {protocol}[0:1] == {kind}");
            let _ = writeln!(text, "  header {protocol}[1:1] == {code}");
        }
    }
    let patterns = rule.tokens.iter().map(|token| {
        let bytes: String = token.iter().map(|byte| format!("\\x{byte:02X}")).collect();
        format!("(?s:.*){bytes}")
    });
    if rule.ordered {
        let _ = writeln!(text, "  payload /{}/", patterns.collect::<String>());
    } else {
        for pattern in patterns {
            let _ = writeln!(text, "  payload /{pattern}/");
        }
    }
    let _ = writeln!(text, "  event \"{}\"\n}}", rule.title());
    text
}

/// The head of a file of signatures.
pub const HEAD: &str = "\
# Signatures of wormsift for Zeek. Load them through wormsift.zeek (`wormsift export --format
# zeek-script`): without it Zeek looks at the first kilobyte of each connection only, and its
# own signature framework raises notices beside those of the script.
";

/// The script to load beside the signatures, which are in `signatures.sig`.
pub const SCRIPT: &str = r#"# Turns matches of wormsift's signatures into notices.
@load base/frameworks/notice
@load base/frameworks/signatures

@load-sigs ./signatures.sig

# Match beyond the first kilobyte of each connection: bodies come late. This costs
# time on every connection.
redef dpd_match_only_beginning = F;

# Zeek's own signature framework would raise Sensitive_Signature and
# Multiple_Sig_Responders for each match: the notices below are enough.
redef Signatures::ignored_ids += /^wormsift-/;

module Wormsift;

export {
	redef enum Notice::Type += {
		## A content that was seen to spread.
		Spreading_Content,
	};
}

event signature_match(state: signature_state, msg: string, data: string)
	{
	if ( /^wormsift-/ !in state$sig_id )
		return;
	NOTICE([$note=Spreading_Content, $msg=msg, $sub=state$sig_id, $conn=state$conn,
	        $identifier=cat(state$sig_id, state$conn$id$orig_h)]);
	}
"#;
