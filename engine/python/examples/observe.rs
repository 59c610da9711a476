//! Packets as columns on disk, and how fast the library alone takes them: what
//! `tests/speed.py` compares `Sensor.observe_batch` with.
//!
//! ```text
//! observe write FOLDER PACKETS     generates columns
//! observe measure FOLDER THREADS   prints packets a second
//! ```

use std::error::Error;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Instant;
use wormsift::decode::Decoded;
use wormsift::packet::LinkType;
use wormsift::pipeline::decoder;
use wormsift::{Config, Frame, Packet, Sensor, Timestamp};
use wormsift_corpora::{GenerateOptions, Scenario};

/// So many bytes are buffered before they are sifted, as in the package.
const BUFFER: usize = 4 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [mode, folder, packets] if mode == "write" => {
            write(Path::new(folder), packets.parse()?)
        }
        [mode, folder, threads] if mode == "measure" => {
            println!("{:.0}", measure(Path::new(folder), threads.parse()?)?);
            Ok(())
        }
        _ => Err("expected write FOLDER PACKETS or measure FOLDER THREADS".into()),
    }
}

/// Names of the columns of numbers, each with its bytes a row.
const COLUMNS: [(&str, usize); 9] = [
    ("time", 8),
    ("source", 4),
    ("destination", 4),
    ("protocol", 1),
    ("source_port", 2),
    ("destination_port", 2),
    ("flags", 1),
    ("sequence", 4),
    ("acknowledgement", 4),
];

fn write(folder: &Path, packets: u64) -> Result<(), Box<dyn Error>> {
    let options = GenerateOptions {
        packets: Some(packets),
        background_hosts: Some(200),
        background_rate: Some(2.0),
        ..GenerateOptions::default()
    };
    let mut stream = Scenario::named("outbreak", 1)?.options(options).stream()?;
    let decoder = decoder(&Config::default());
    let mut columns: [Vec<u8>; 9] = Default::default();
    let (mut payload, mut offsets) = (Vec::new(), vec![0_u64]);
    let mut frame = Vec::new();
    while let Some(info) = stream.next_frame(&mut frame) {
        let frame = Frame {
            number: info.number,
            time: Timestamp::from_nanos(info.time_ns),
            link: LinkType::ETHERNET,
            original_len: frame.len() as u32,
            tap: 0,
            data: &frame,
        };
        let Decoded::Packet(packet) = decoder.frame(&frame) else { continue };
        let (IpAddr::V4(source), IpAddr::V4(destination)) =
            (packet.source, packet.destination)
        else {
            continue;
        };
        let values: [&[u8]; 9] = [
            &packet.time.as_nanos().to_le_bytes(),
            &source.to_bits().to_le_bytes(),
            &destination.to_bits().to_le_bytes(),
            &[packet.protocol],
            &packet.source_port.to_le_bytes(),
            &packet.destination_port.to_le_bytes(),
            &[packet.tcp_flags],
            &packet.sequence.to_le_bytes(),
            &packet.acknowledgement.to_le_bytes(),
        ];
        columns.iter_mut().zip(values).for_each(|(column, value)| column.extend(value));
        payload.extend(packet.payload);
        offsets.push(payload.len() as u64);
    }
    fs::create_dir_all(folder)?;
    for ((name, _), column) in COLUMNS.iter().zip(&columns) {
        fs::write(folder.join(name), column)?;
    }
    fs::write(folder.join("payload"), &payload)?;
    let offsets: Vec<u8> = offsets.iter().flat_map(|it| it.to_le_bytes()).collect();
    Ok(fs::write(folder.join("offsets"), offsets)?)
}

/// The number in a row of a column.
fn number(column: &[u8], bytes: usize, row: usize) -> u64 {
    let mut wide = [0; 8];
    wide[..bytes].copy_from_slice(&column[row * bytes..][..bytes]);
    u64::from_le_bytes(wide)
}

fn measure(folder: &Path, threads: usize) -> Result<f64, Box<dyn Error>> {
    let columns: Vec<Vec<u8>> = COLUMNS
        .iter()
        .map(|(name, _)| fs::read(folder.join(name)))
        .collect::<Result<_, _>>()?;
    let payload = fs::read(folder.join("payload"))?;
    let offsets = fs::read(folder.join("offsets"))?;
    let rows = offsets.len() / 8 - 1;
    let at = |column: usize, row| number(&columns[column], COLUMNS[column].1, row);
    let packets: Vec<Packet<'_>> = (0..rows)
        .map(|row| Packet {
            number: row as u64 + 1,
            time: Timestamp::from_nanos(at(0, row)),
            source: Ipv4Addr::from_bits(at(1, row) as u32).into(),
            destination: Ipv4Addr::from_bits(at(2, row) as u32).into(),
            protocol: at(3, row) as u8,
            source_port: at(4, row) as u16,
            destination_port: at(5, row) as u16,
            tcp_flags: at(6, row) as u8,
            sequence: at(7, row) as u32,
            acknowledgement: at(8, row) as u32,
            encapsulation: 0,
            to_group: false,
            untrusted_tunnel: false,
            identification: None,
            tap: 0,
            payload: &payload[number(&offsets, 8, row) as usize
                ..number(&offsets, 8, row + 1) as usize],
        })
        .collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let mut sensor = Sensor::new(Config::default())?;
    let mut worker = sensor.worker();
    let begin = Instant::now();
    let mut buffered = 0;
    for packet in &packets {
        buffered += packet.payload.len() + 128;
        worker.observe(packet);
        if buffered >= BUFFER {
            buffered = 0;
            pool.install(|| sensor.absorb([&mut worker]));
        }
    }
    pool.install(|| {
        sensor.absorb([&mut worker]);
        sensor.finish();
    });
    Ok(rows as f64 / begin.elapsed().as_secs_f64())
}
