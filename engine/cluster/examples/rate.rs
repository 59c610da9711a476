//! How many parcels a second one tap sends and the merger takes, through a broker that runs:
//! `rate nats://127.0.0.1:4222 BYTES SECONDS`.
//!
//! Everything is as in a fleet: a spool on the disk, forced to it before parcels are sent; the
//! broker's log; ticks that close; checkpoints.

use std::error::Error;
use std::time::{Duration, Instant};
use wormsift_cluster::closing::Rules;
use wormsift_cluster::jetstream::{Event, Link, Publisher, Receiver, Server};
use wormsift_cluster::spool::{DEFAULT_CAPACITY, Spool};
use wormsift_cluster::{Fleet, TapName};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, bytes, seconds] = words.as_slice() else {
        return Err("usage: rate URL BYTES SECONDS".into());
    };
    let (bytes, seconds): (usize, u64) = (bytes.parse()?, seconds.parse()?);
    // Another run's parcels would be this one's past.
    let fleet = Fleet::new(&format!("rate-{}", std::process::id()))?;
    let tap = TapName::new("tap")?;
    let folder =
        std::env::temp_dir().join(format!("wormsift-rate-{}", std::process::id()));
    let server = Server { urls: url.clone(), ..Server::default() };
    let to_merger = Link::open(server.clone(), &TapName::new("merger")?)?;
    to_merger.wait(Duration::from_secs(10))?;
    let declared = std::slice::from_ref(&tap);
    let (mut receiver, _) = Receiver::open(
        &to_merger,
        &fleet,
        &folder.join("merger"),
        Rules::new(30),
        declared,
    )?;
    let spool = Spool::open(&folder.join("spool"), &fleet, &tap, DEFAULT_CAPACITY)?;
    let publisher = Publisher::start(&Link::open(server, &tap)?, &fleet, &tap, spool);

    let contents: Vec<u8> = (0..bytes).map(|at| (at * 31 % 251) as u8).collect();
    let (begin, end) = (Instant::now(), Duration::from_secs(seconds));
    let (mut tick, mut merged, mut checkpoints) = (0, 0, 0);
    while begin.elapsed() < end {
        // Never so far ahead that only the spool is measured.
        while tick < merged + 200 {
            publisher.send(tick, 0, false, &contents)?;
            tick += 1;
        }
        let events = receiver.next(Duration::from_millis(100))?;
        let is_tick = |event: &Event| matches!(event, Event::Tick(_));
        merged += events.into_iter().flatten().filter(is_tick).count() as u64;
        if receiver.is_checkpoint_due() {
            receiver.checkpoint(&[])?;
            checkpoints += 1;
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let rate = merged as f64 / seconds;
    println!(
        "{bytes} bytes: {rate:.0} parcels/s, {:.1} MB/s ({merged} in {seconds:.1} s, \
         {checkpoints} checkpoints)",
        rate * bytes as f64 / 1e6
    );
    drop((publisher, receiver));
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
