//! The encapsulation that tells flows with equal addresses apart.

/// A header that sets equal addresses apart, or that hides an outer packet.
///
/// The numbers are part of results, so they stay: a new one goes to the end of its group.
#[derive(Clone, Copy)]
pub(super) enum Wrapping {
    Vlan = 1,
    Mpls,
    Pppoe,
    Pseudowire,
    IpInIp,
    Ipv6InIp,
    Gre,
    GreWithKey,
    Vxlan,
    Geneve,
    // Tunnels whose numbers differ by direction, and mirrors: all by kind alone.
    Erspan = 32,
    L2tp,
    Gtp,
    Nsh,
    Teredo,
    Lisp,
    EtherIp,
    PimRegister,
    MplsInIp,
    Gue,
    Capwap,
    Tzsp,
    Ayiya,
    // Those of the link layer go on at 64.
    FrameRelay = 64,
    Atm,
    BackboneService,
}

/// Folds one more wrapping into `encapsulation`, which is 0 for none.
///
/// `id` is the number that both directions share: VLAN id, label, session, key
/// or network id. Addresses and ports of the outer headers are left out, for
/// they swap or vary with the direction. Order counts: QinQ 1 in 2 is not 2 in 1.
pub(super) fn fold(encapsulation: u64, wrapping: Wrapping, id: u32) -> u64 {
    let word = (wrapping as u64) << 32 | u64::from(id);
    // The finaliser of SplitMix64 (Steele, Lea, Flood 2014): it is one to one,
    // so that single wrappings never collide.
    let mut x = encapsulation.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(word);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ x >> 31).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn wrappings_differ_by_kind_by_number_and_by_order() {
        let mut seen = BTreeSet::from([0]);
        let kinds = [Wrapping::Vlan, Wrapping::Mpls, Wrapping::Vxlan, Wrapping::Gre];
        for outer in kinds {
            for outer_id in 0..20 {
                let outer = fold(0, outer, outer_id);
                assert!(seen.insert(outer));
                for inner in kinds {
                    for inner_id in 0..20 {
                        assert!(seen.insert(fold(outer, inner, inner_id)));
                    }
                }
            }
        }
    }

    #[test]
    fn the_numbers_of_wrappings_stay_as_they_are() {
        // Computed apart from this code: results are compared over versions.
        let vlan = fold(0, Wrapping::Vlan, 1);
        assert_eq!(vlan, 0x106e_11b2_223f_6961);
        let within = fold(vlan, Wrapping::Vxlan, 5);
        assert_eq!(within, 0x5b20_c639_2361_0457, "new ones stand at the end of a group");
    }
}
