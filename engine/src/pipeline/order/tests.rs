use super::*;
use crate::config::Config;
use crate::fingerprint::Sampling;
use crate::packet::Packet;
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

fn config() -> Config {
    Config {
        memory: "64MiB".parse().unwrap(),
        sampling: Sampling::Value(1),
        prevalence: 3,
        sources: 3,
        destinations: 3,
        ..Config::default()
    }
}

/// A packet of a flow at a time: host `hop` passes a content on to host `hop + 1`.
#[derive(Clone, Debug)]
struct Given {
    time: u64,
    hop: u8,
    content: u8,
}

impl Given {
    fn observe(&self, worker: &mut Worker) {
        self.observe_as(0, worker);
    }

    fn observe_as(&self, number: u64, worker: &mut Worker) {
        let payload: Vec<u8> = (0..120_u32)
            .map(|i| (i * 7 + u32::from(self.content) * 31 + i * i / 3) as u8)
            .collect();
        worker.observe(&Packet {
            number,
            time: Timestamp::from_nanos(self.time),
            source: [10, 0, 0, self.hop].into(),
            destination: [10, 0, 0, self.hop + 1].into(),
            protocol: 17,
            source_port: 4_000,
            destination_port: 53,
            sequence: 0,
            acknowledgement: 0,
            tcp_flags: 0,
            encapsulation: 0,
            to_group: false,
            untrusted_tunnel: false,
            identification: None,
            tap: 0,
            payload: &payload,
        });
    }
}

/// Packets of times that differ.
fn traffic() -> impl Strategy<Value = Vec<Given>> {
    let one = (1..SECOND, 0_u8..12, 0_u8..3);
    prop::collection::vec(one, 1..120).prop_map(|all| {
        let mut time = 1_000 * SECOND;
        all.into_iter()
            .map(|(step, hop, content)| {
                time += step;
                Given { time, hop, content }
            })
            .collect()
    })
}

/// The findings on one thread: the plain way, by numbers.
fn on_one(traffic: &[Given]) -> Vec<String> {
    let mut sensor = Sensor::new(config()).unwrap();
    let mut worker = sensor.worker();
    for (given, number) in traffic.iter().zip(1..) {
        given.observe_as(number, &mut worker);
    }
    sensor.absorb([&mut worker]);
    sensor.finish();
    sensor.findings().iter().map(|finding| format!("{finding:?}")).collect()
}

/// Threads that run as `steps` say: each gives its next packet, or is taken from, or the
/// order is sifted.
fn on_many(
    traffic: &[Given],
    threads: usize,
    steps: &[(usize, u8)],
    mut order: TimeOrder,
) -> (Vec<String>, u64) {
    let mut sensor = Sensor::new(config()).unwrap();
    let lanes: Vec<usize> = (0..threads).map(|_| order.open()).collect();
    let mut workers: Vec<Worker> = (0..threads).map(|_| sensor.worker()).collect();
    let mut queues: Vec<VecDeque<&Given>> = vec![VecDeque::new(); threads];
    for given in traffic {
        queues[usize::from(given.hop) % threads].push_back(given);
    }
    let mut steps = steps.iter().cycle();
    while queues.iter().any(|queue| !queue.is_empty()) {
        let &(thread, what) = steps.next().unwrap();
        let thread = thread % threads;
        match what {
            0 => order.take(lanes[thread], &mut workers[thread]),
            1 => order.sift(&mut sensor),
            _ => {
                if let Some(given) = queues[thread].pop_front() {
                    given.observe(&mut workers[thread]);
                }
            }
        }
    }
    for (lane, worker) in lanes.iter().zip(&mut workers) {
        order.take(*lane, worker);
        order.close(*lane);
    }
    order.sift_all(&mut sensor);
    sensor.finish();
    let findings = sensor.findings();
    (findings.iter().map(|finding| format!("{finding:?}")).collect(), order.late())
}

fn offline() -> TimeOrder {
    TimeOrder::new(None, usize::MAX, Span::from_secs(600))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn findings_on_many_threads_are_those_on_one(
        traffic in traffic(),
        threads in 1_usize..5,
        mut steps in prop::collection::vec((0_usize..5, 0_u8..8), 1..60),
    ) {
        // Each thread gets its turn.
        steps.extend((0..threads).map(|thread| (thread, 7)));
        let (found, late) = on_many(&traffic, threads, &steps, offline());
        prop_assert_eq!(late, 0);
        prop_assert_eq!(found, on_one(&traffic));
    }
}

/// Gives each time to a worker that is taken from at once.
fn give(order: &mut TimeOrder, lane: usize, worker: &mut Worker, times: &[u64]) {
    for &time in times {
        Given { time, hop: lane as u8, content: 1 }.observe(worker);
    }
    order.take(lane, worker);
}

/// Packets that the sensor has been given.
fn sifted(order: &TimeOrder) -> u64 {
    order.next_number - 1
}

#[test]
fn a_silent_lane_holds_others_up_for_the_time_given_and_no_longer() {
    let mut sensor = Sensor::new(config()).unwrap();
    let hold = Some(Span::from_secs(2));
    let mut order = TimeOrder::new(hold, usize::MAX, Span::from_secs(600));
    let (one, silent) = (order.open(), order.open());
    let (mut worker, mut other) = (sensor.worker(), sensor.worker());
    give(&mut order, silent, &mut other, &[10 * SECOND]);
    give(&mut order, one, &mut worker, &[11 * SECOND, 12 * SECOND]);
    order.sift(&mut sensor);
    assert_eq!(sifted(&order), 0, "the silent lane may still give 10 s");
    // Past its time by two seconds, 12 s is not yet settled.
    give(&mut order, one, &mut worker, &[14 * SECOND]);
    order.sift(&mut sensor);
    assert_eq!(sifted(&order), 2);
    // The host says that time goes on.
    order.pass(Timestamp::from_nanos(17 * SECOND));
    order.sift(&mut sensor);
    assert_eq!(sifted(&order), 4);
    // What comes too late is counted, and sifted all the same.
    give(&mut order, silent, &mut other, &[13 * SECOND, 20 * SECOND]);
    order.sift_all(&mut sensor);
    assert_eq!((order.late(), sifted(&order)), (1, 6));
}

#[test]
fn a_lane_that_names_its_time_or_ends_holds_nobody_up() {
    let mut sensor = Sensor::new(config()).unwrap();
    let mut order = offline();
    let (one, two) = (order.open(), order.open());
    let (mut worker, mut other) = (sensor.worker(), sensor.worker());
    give(&mut order, one, &mut worker, &[10 * SECOND, 11 * SECOND]);
    order.sift(&mut sensor);
    assert_eq!(sifted(&order), 0);
    other.pass(Timestamp::from_nanos(11 * SECOND));
    order.take(two, &mut other);
    order.sift(&mut sensor);
    assert_eq!(sifted(&order), 1, "another packet of 11 s may follow");
    order.close(two);
    give(&mut order, one, &mut worker, &[12 * SECOND]);
    order.sift(&mut sensor);
    assert_eq!((sifted(&order), order.late()), (3, 0));
}

#[test]
fn what_waits_is_bounded() {
    let mut sensor = Sensor::new(config()).unwrap();
    let mut order = TimeOrder::new(None, 1 << 20, Span::from_secs(600));
    let (one, _silent) = (order.open(), order.open());
    let mut worker = sensor.worker();
    for round in 0..100 {
        let times: Vec<u64> = (1..200).map(|i| (round * 200 + i) * 1_000_000).collect();
        give(&mut order, one, &mut worker, &times);
        order.sift(&mut sensor);
        assert!(order.waiting_bytes() < 2 << 20);
    }
    assert!(order.forced() > 0 && sifted(&order) >= order.forced());
}

#[test]
fn one_broken_time_moves_nothing_and_a_step_back_is_believed() {
    let mut sensor = Sensor::new(config()).unwrap();
    let mut order = offline();
    let (one, two) = (order.open(), order.open());
    let (mut worker, mut other) = (sensor.worker(), sensor.worker());
    let year = 31_536_000 * SECOND;
    give(&mut order, one, &mut worker, &[10 * SECOND, year, 11 * SECOND]);
    give(&mut order, two, &mut other, &[11 * SECOND, 12 * SECOND]);
    order.sift(&mut sensor);
    assert_eq!((sifted(&order), order.late()), (5 - 3, 0), "what is before 11 s");
    // All clocks go back by half an hour.
    let back: Vec<u64> = (0..30).map(|i| 100 * SECOND + i).collect();
    for time in [500, 1_000, 1_500, 2_000] {
        give(&mut order, one, &mut worker, &[time * SECOND]);
        give(&mut order, two, &mut other, &[time * SECOND]);
    }
    give(&mut order, one, &mut worker, &back);
    give(&mut order, two, &mut other, &back);
    order.sift(&mut sensor);
    assert!(sifted(&order) > 50, "{}", sifted(&order));
    assert_eq!(order.late(), 0);
    assert_eq!(order.leader.era, 1);
}
