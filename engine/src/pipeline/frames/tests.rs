//! Runs against one packet after another.

use super::*;
use crate::config::Config;
use crate::fingerprint::Kernel;
use crate::packet::{LinkType, Timestamp};
use crate::pipeline::seeds::Seeds;
use proptest::prelude::*;

/// What a frame carries: payload bytes, of few kinds so that lengths and protocols meet
/// in every order, and how its header is spoilt.
#[derive(Clone, Debug)]
struct Shape {
    tcp: bool,
    syn: bool,
    payload: Vec<u8>,
    spoilt: u8,
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let length = prop_oneof![
        2 => Just(0_usize),
        3 => 1_usize..16,
        8 => 16_usize..40,
        4 => 40_usize..60,
        4 => 60_usize..700,
    ];
    let payload = length.prop_flat_map(|n| prop::collection::vec(any::<u8>(), n));
    let shape = (any::<bool>(), any::<bool>(), payload, 0_u8..16)
        .prop_map(|(tcp, syn, payload, spoilt)| Shape { tcp, syn, payload, spoilt });
    prop::collection::vec(shape, 0..150)
}

/// IPv4 in Ethernet.
fn wire(shape: &Shape) -> Vec<u8> {
    let transport = if shape.tcp { 20 } else { 8 };
    let length = 20 + transport + shape.payload.len();
    let mut bytes = vec![0; 34 + transport];
    bytes[12] = 0x08;
    bytes[14] = 0x45;
    bytes[16..18].copy_from_slice(&(length as u16).to_be_bytes());
    bytes[23] = if shape.tcp { 6 } else { 17 };
    bytes[26..34].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, shape.spoilt]);
    bytes[34..38].copy_from_slice(&[0x12, 0x34, 0x27, 0x0f]);
    if shape.tcp {
        bytes[46] = 0x50;
        bytes[47] = if shape.syn { 0x02 } else { 0x10 };
    } else {
        let length = 8 + shape.payload.len() as u16;
        bytes[38..40].copy_from_slice(&length.to_be_bytes());
    }
    bytes.extend_from_slice(&shape.payload);
    match shape.spoilt {
        0 => bytes[13] = 0x06, // ARP
        1 => bytes[20] = 0x20, // a fragment, more to come
        2 => bytes.truncate(40),
        _ => {}
    }
    bytes
}

/// What a chunk holds, as text.
fn contents(chunk: &Chunk) -> String {
    let Chunk {
        records,
        sightings,
        flows,
        fragments,
        arrivals,
        has_unsifted: _,
        has_copies: _,
        by_tap: _,
        kept,
        own,
        packets,
        windows,
        coverage,
        stops,
        nanos: _,
        facts: _,
        ports: _,
        least: _,
    } = chunk;
    assert!(kept.is_empty() && own.is_empty());
    format!(
        "{records:?} {sightings:?} {flows:?} {fragments:?} {arrivals:?} {packets:?} {windows:?} \
         {coverage:?} {stops:?}"
    )
}

proptest! {
    #[test]
    fn in_runs_as_one_by_one(
        shapes in shapes(), sampling in prop_oneof![Just("1"), Just("1/8"), Just("winnow:8")],
        from in 0_usize..40,
    ) {
        let config = Config { sampling: sampling.parse().unwrap(), ..Config::default() };
        let sifter = Sifter::new(&config, &Seeds::new(7), Kernel::best());
        let decoder = Decoder::new(true, true);
        let stored: Vec<_> = shapes.iter().map(wire).collect();
        let frames: Vec<_> = stored
            .iter()
            .zip(1..)
            .map(|(data, number)| Frame {
                number,
                time: Timestamp::from_nanos(number),
                link: LinkType::ETHERNET,
                original_len: data.len() as u32,
                tap: 0,
                data,
            })
            .collect();
        let range = from.min(frames.len())..frames.len();
        let (mut scratch, mut runs) = (Scratch::default(), Chunk::new());
        let drops = fill_chunk(
            &mut runs, range.clone(), &frames[..], &decoder, &sifter, StageTimer::default(),
            &mut scratch,
        );

        let (mut single, mut expected) = (Chunk::new(), DropCounters::default());
        for index in range {
            let frame = &frames[index];
            let (decoded, stop) = decoder.frame_and_stop(frame);
            single.coverage.frame(frame.data.len() as u64);
            match decoded {
                Decoded::Packet(packet) if !packet.payload.is_empty() && stop.is_none() => {}
                Decoded::Packet(packet) => {
                    sifter.note_stop(frame, stop, Some(&packet), &mut single);
                }
                _ => sifter.note_stop(frame, stop, None, &mut single),
            }
            match decoded {
                Decoded::Packet(packet) => {
                    let payload = place_in(frames[index].data, index, &packet);
                    sifter.sift(&packet, payload, None, &mut scratch, &mut single);
                }
                Decoded::Fragment(_) => {
                    let record = single.records.len() as u32;
                    single.fragments.push(FragmentAt { frame: index as u32, record });
                    single.records.push(Record::vacant(frames[index].number));
                }
                Decoded::Drop(reason) => expected.add(reason),
            }
        }
        prop_assert_eq!(contents(&runs), contents(&single));
        prop_assert_eq!(format!("{drops:?}"), format!("{expected:?}"));
        for list in &runs.sightings {
            prop_assert!(list.is_sorted_by_key(|s| (s.record, s.offset)));
        }
    }
}

#[test]
fn a_steady_load_keeps_its_memory_and_a_freak_is_given_back() {
    let mut chunk = Chunk::new();
    let fill = |chunk: &mut Chunk, count: u64| {
        (0..count).for_each(|n| chunk.keep(n % 2, 0, n as i32));
        chunk.own.resize(count as usize, 0);
    };
    let capacity = |chunk: &Chunk| (chunk.sightings[0].capacity(), chunk.own.capacity());
    fill(&mut chunk, 200_000);
    let grown = capacity(&chunk);
    chunk.clear();
    for _ in 0..3 {
        assert_eq!(capacity(&chunk), grown);
        fill(&mut chunk, 140_000);
        chunk.clear();
    }
    // An ordinary batch behind it, and it is gone.
    fill(&mut chunk, 30);
    chunk.clear();
    assert!(capacity(&chunk) <= (128, 1 << 16), "{:?}", capacity(&chunk));
}
