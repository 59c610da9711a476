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

/// A column of numbers.
fn column(folder: &Path, index: usize) -> Result<Vec<u64>, Box<dyn Error>> {
    let (name, bytes) = COLUMNS[index];
    let file = fs::read(folder.join(name))?;
    Ok((0..file.len() / bytes).map(|row| number(&file, bytes, row)).collect())
}

fn measure(folder: &Path, threads: usize) -> Result<f64, Box<dyn Error>> {
    let times = column(folder, 0)?;
    let addresses = |index| -> Result<Vec<IpAddr>, Box<dyn Error>> {
        let bits = column(folder, index)?.into_iter();
        Ok(bits.map(|it| Ipv4Addr::from_bits(it as u32).into()).collect())
    };
    let (sources, destinations) = (addresses(1)?, addresses(2)?);
    let protocols: Vec<u8> = column(folder, 3)?.into_iter().map(|it| it as u8).collect();
    let ports = |index| -> Result<Vec<u16>, Box<dyn Error>> {
        Ok(column(folder, index)?.into_iter().map(|it| it as u16).collect())
    };
    let (source_ports, destination_ports) = (ports(4)?, ports(5)?);
    let flags: Vec<u8> = column(folder, 6)?.into_iter().map(|it| it as u8).collect();
    let wide = |index| -> Result<Vec<u32>, Box<dyn Error>> {
        Ok(column(folder, index)?.into_iter().map(|it| it as u32).collect())
    };
    let (sequences, acknowledgements) = (wide(7)?, wide(8)?);
    let payload = fs::read(folder.join("payload"))?;
    let offsets = fs::read(folder.join("offsets"))?;
    let offsets: Vec<usize> =
        (0..offsets.len() / 8).map(|row| number(&offsets, 8, row) as usize).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let mut sensor = Sensor::new(Config::default())?;
    let mut worker = sensor.worker();
    let begin = Instant::now();
    let mut buffered = 0;
    for row in 0..times.len() {
        let payload = &payload[offsets[row]..offsets[row + 1]];
        buffered += payload.len() + 128;
        worker.observe(&Packet {
            number: row as u64 + 1,
            time: Timestamp::from_nanos(times[row]),
            source: sources[row],
            destination: destinations[row],
            protocol: protocols[row],
            source_port: source_ports[row],
            destination_port: destination_ports[row],
            sequence: sequences[row],
            acknowledgement: acknowledgements[row],
            tcp_flags: flags[row],
            encapsulation: 0,
            to_group: false,
            untrusted_tunnel: false,
            identification: None,
            tap: 0,
            payload,
        });
        if buffered >= BUFFER {
            buffered = 0;
            pool.install(|| sensor.absorb([&mut worker]));
        }
    }
    pool.install(|| {
        sensor.absorb([&mut worker]);
        sensor.finish();
    });
    Ok(times.len() as f64 / begin.elapsed().as_secs_f64())
}
