//! Against a real broker: whatever happens to it, to the link, to a tap or to the merger,
//! the merger gets each parcel once, in order, and complete.
//!
//! Where no `nats-server` is installed these tests say so; `.ci/nats` installs it.

use crate::common::broker::{Broker, Scratch};
use crate::common::fleet::{
    Merged, Merger, PATIENCE, Tap, contents, fleet, link, recovered, tap,
};
use crate::common::proxy::Proxy;
use std::time::{Duration, Instant};
use wormsift_cluster::Wanted;
use wormsift_cluster::jetstream::{Event, Refusals};

const TAPS: [&str; 2] = ["a", "b"];

fn taps(url: &str, scratch: &Scratch, ticks: u64) -> Vec<Tap> {
    TAPS.iter().map(|name| Tap::new(name, url, scratch.path(), ticks)).collect()
}

fn send(taps: &mut [Tap], end: u64) {
    for tap in taps {
        tap.send_to(end);
    }
}

#[test]
fn parcels_arrive_and_are_covered() {
    let scratch = Scratch::new("arrive");
    let Some(broker) = Broker::start(scratch.path()) else { return };
    let mut merger = Merger::new(&broker.url(), scratch.path(), &TAPS, 10);
    let mut taps = taps(&broker.url(), &scratch, 200);
    send(&mut taps, 200);
    merger.merge_to(200);
    assert_eq!(merger.merged, Merged::twin(&TAPS, 200));
    merger.finish(&taps);
    let counters = merger.receiver.counters();
    assert_eq!(counters.log.refused, Refusals::default());
    assert_eq!(counters.asked_for_parcels, 0);
    for tap in &taps {
        let progress = tap.publisher.progress();
        assert_eq!(progress.appended, progress.covered);
        assert_eq!(tap.publisher.counters().acknowledged, progress.appended);
    }
}

#[test]
fn the_broker_is_killed_and_comes_again() {
    let scratch = Scratch::new("killed");
    let Some(mut broker) = Broker::start(scratch.path()) else { return };
    let mut merger = Merger::new(&broker.url(), scratch.path(), &TAPS, 10);
    let mut taps = taps(&broker.url(), &scratch, 200);
    for round in 0..4 {
        // Some of these are on the way when it is killed, and some are sent while it is away.
        send(&mut taps, 50 * round + 30);
        merger.merge_to(50 * round + 1 + 7 * round);
        broker.kill();
        send(&mut taps, 50 * round + 50);
        std::thread::sleep(Duration::from_millis(500 * round));
        broker.restart();
        let begin = Instant::now();
        merger.merge_to(50 * round + 49);
        recovered(begin);
    }
    merger.merge_to(200);
    assert_eq!(merger.merged, Merged::twin(&TAPS, 200));
    merger.finish(&taps);
}

#[test]
fn a_link_is_cut() {
    let scratch = Scratch::new("cut");
    let Some(broker) = Broker::start(scratch.path()) else { return };
    let (far, near) = (Proxy::start(broker.port()), Proxy::start(broker.port()));
    let mut merger = Merger::new(&near.url(), scratch.path(), &TAPS, 10);
    let mut taps = taps(&far.url(), &scratch, 200);
    for round in 0..4 {
        send(&mut taps, 50 * round + 30);
        merger.merge_to(50 * round + 5 * round);
        let cut = if round % 2 == 0 { &far } else { &near };
        if round < 2 {
            cut.silence()
        } else {
            cut.close()
        }
        send(&mut taps, 50 * round + 50);
        std::thread::sleep(Duration::from_secs(3));
        cut.open();
        let begin = Instant::now();
        merger.merge_to(50 * round + 49);
        recovered(begin);
    }
    merger.merge_to(200);
    assert_eq!(merger.merged, Merged::twin(&TAPS, 200));
    merger.finish(&taps);
}

/// The broker acknowledged it and lost it; the merger had read it, or had not.
#[test]
fn the_broker_is_put_back_to_an_older_copy() {
    for (has_read, has_copy) in [(true, true), (false, true), (true, false)] {
        let scratch = Scratch::new(&format!("put-back-{has_read}-{has_copy}"));
        let Some(mut broker) = Broker::start(scratch.path()) else { return };
        let mut merger = Merger::new(&broker.url(), scratch.path(), &TAPS, 10);
        let mut taps = taps(&broker.url(), &scratch, 200);
        send(&mut taps, 60);
        merger.merge_to(40);
        broker.kill();
        broker.copy_store();
        broker.restart();
        if has_read {
            send(&mut taps, 150);
            merger.merge_to(149);
        } else {
            drop(merger);
            send(&mut taps, 150);
            taps.iter().for_each(Tap::wait_until_delivered);
            merger = Merger::new(&broker.url(), scratch.path(), &TAPS, 10);
        }
        broker.kill();
        if has_copy {
            broker.put_back()
        } else {
            broker.delete_store()
        }
        broker.restart();
        let begin = Instant::now();
        send(&mut taps, 200);
        merger.merge_to(200);
        recovered(begin);
        assert_eq!(merger.merged, Merged::twin(&TAPS, 200), "{has_read} {has_copy}");
        merger.finish(&taps);
    }
}

/// A log of so many bytes, made by somebody else.
fn small_log(broker: &Broker, max_bytes: i64) {
    over(&broker.url(), async |context| {
        let config = async_nats::jetstream::stream::Config {
            name: fleet().log_stream(),
            subjects: ["parcel", "piece"]
                .map(|kind| format!("wormsift.test.{kind}.*"))
                .to_vec(),
            discard: async_nats::jetstream::stream::DiscardPolicy::New,
            max_bytes,
            allow_direct: true,
            ..Default::default()
        };
        context.create_stream(config).await.unwrap();
    });
}

/// What does not fit into the log waits with the taps, and the merger's checkpoints make room.
#[test]
fn the_log_is_full() {
    let scratch = Scratch::new("full");
    let Some(broker) = Broker::start(scratch.path()) else { return };
    small_log(&broker, 64 << 10);
    let mut taps = taps(&broker.url(), &scratch, 300);
    send(&mut taps, 300);
    let mut merger = Merger::new(&broker.url(), scratch.path(), &TAPS, u64::MAX);
    fill(&mut merger, &taps);
    assert!(merger.ticks < 300);
    merger.every = 10;
    merger.checkpoint();
    merger.merge_to(300);
    assert_eq!(merger.merged, Merged::twin(&TAPS, 300));
    merger.finish(&taps);
    assert!(taps.iter().all(has_left_room));
}

/// A merger that writes no checkpoints, until every tap finds the log full.
fn fill(merger: &mut Merger, taps: &[Tap]) {
    let begin = Instant::now();
    while taps.iter().any(|tap| tap.publisher.counters().log_full < 3) {
        assert!(begin.elapsed() < PATIENCE, "{:?}", taps[0].publisher.counters());
        merger.step(Duration::from_millis(10));
    }
}

/// Whether the broker refused none of its parcels.
fn has_left_room(tap: &Tap) -> bool {
    !tap.publisher.counters().why.contains("maximum bytes")
}

/// Parcels leave room in the log for answers: a merger that waits for one writes no checkpoint,
/// and nothing makes room until it has come.
#[test]
fn an_answer_gets_into_a_log_that_is_full() {
    let scratch = Scratch::new("full-answer");
    let Some(broker) = Broker::start(scratch.path()) else { return };
    small_log(&broker, 1 << 20);
    // Without checkpoints, as one that waits.
    let mut merger = Merger::new(&broker.url(), scratch.path(), &TAPS, u64::MAX);
    let mut taps = taps(&broker.url(), &scratch, 2_000);
    send(&mut taps, 2_000);
    fill(&mut merger, &taps);
    let begin = Instant::now();
    merger.receiver.ask(&tap("a"), 7, b"what?".to_vec()).unwrap();
    let ask = taps[0].publisher.ask(PATIENCE).expect("an ask");
    let answer = vec![7; 50_000];
    taps[0].publisher.answer(ask.number, &answer, PATIENCE).unwrap();
    loop {
        assert!(begin.elapsed() < PATIENCE);
        let events = merger.receiver.next(Duration::from_secs(1)).unwrap();
        let piece = events.into_iter().flatten().find_map(|event| match event {
            Event::Piece(piece) => Some(piece),
            Event::Tick(tick) => {
                merger.merged.tick(&tick);
                merger.ticks += 1;
                None
            }
            Event::Late(late) => panic!("{late:?} is late"),
        });
        if piece.is_some_and(|piece| piece.bytes == answer) {
            break;
        }
    }
    // Then it goes on, and makes room.
    merger.every = 10;
    merger.checkpoint();
    merger.merge_to(2_000);
    assert_eq!(merger.merged, Merged::twin(&TAPS, 2_000));
    merger.finish(&taps);
    assert!(taps.iter().all(has_left_room));
}

/// The log lost parcels in its middle, which only the merger can see.
#[test]
fn a_hole_in_the_log_is_asked_for() {
    let scratch = Scratch::new("hole");
    let Some(broker) = Broker::start(scratch.path()) else { return };
    // The merger makes the streams.
    drop({
        let mut merger = Merger::new(&broker.url(), scratch.path(), &TAPS, 1000);
        merger.step(Duration::from_secs(1));
        merger
    });
    let mut taps = taps(&broker.url(), &scratch, 60);
    send(&mut taps, 50);
    taps.iter().for_each(Tap::wait_until_delivered);
    over(&broker.url(), async |context| {
        let log = context.get_stream(fleet().log_stream()).await.unwrap();
        for sequence in 20..40 {
            log.delete_message(sequence).await.unwrap();
        }
    });
    let mut merger = Merger::new(&broker.url(), scratch.path(), &TAPS, 10);
    send(&mut taps, 60);
    merger.merge_to(60);
    assert_eq!(merger.merged, Merged::twin(&TAPS, 60));
    merger.finish(&taps);
    let counters = merger.receiver.counters();
    assert!(counters.asked_for_parcels > 0);
    assert_eq!(counters.log.skipped, 20);
}

/// Does something to the broker as an administrator could.
fn over(url: &str, work: impl AsyncFnOnce(async_nats::jetstream::Context)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let client = async_nats::connect(url).await.unwrap();
        work(async_nats::jetstream::new(client)).await;
    });
}

#[test]
fn asks_are_answered() {
    let scratch = Scratch::new("asks");
    let Some(broker) = Broker::start(scratch.path()) else { return };
    let mut merger = Merger::new(&broker.url(), scratch.path(), &TAPS, 10);
    // Asked before the tap is there: it is repeated.
    merger.receiver.ask(&tap("a"), 7, b"what?".to_vec()).unwrap();
    merger.step(Duration::from_secs(1));
    let taps = taps(&broker.url(), &scratch, 60);
    let ask = taps[0].publisher.ask(PATIENCE).expect("an ask");
    assert_eq!((ask.number, ask.wanted), (7, Wanted::Content(b"what?".to_vec())));
    taps[0].publisher.answer(7, b"that", PATIENCE).unwrap();
    let begin = Instant::now();
    let piece = loop {
        assert!(begin.elapsed() < PATIENCE);
        let events = merger.receiver.next(Duration::from_secs(1)).unwrap();
        if let Some(Event::Piece(piece)) = events.into_iter().flatten().next() {
            break piece;
        }
    };
    assert_eq!((piece.tap, piece.number, piece.bytes), (tap("a"), 7, b"that".to_vec()));
    // Answered, it is not asked again.
    while taps[0].publisher.ask(Duration::from_millis(100)).is_some() {}
    assert_eq!(taps[0].publisher.ask(Duration::from_secs(3)), None);
    merger.receiver.finding("id", b"found", PATIENCE).unwrap();
}

/// Messages that are none, or of another fleet or tap, are counted and change nothing.
#[test]
fn hostile_messages_are_refused() {
    use wormsift_cluster::{Fleet, Message, Parcel};
    let scratch = Scratch::new("hostile");
    let Some(broker) = Broker::start(scratch.path()) else { return };
    let mut merger = Merger::new(&broker.url(), scratch.path(), &TAPS, 10);
    merger.step(Duration::from_secs(1));
    let parcel = |name: &str| Parcel {
        tap: tap(name),
        tick: 1_000_000,
        part: 0,
        spool: 1,
        sequence: 0,
        leaves: false,
        absent_since: None,
        bytes: Vec::new(),
    };
    let other = Fleet::new("other").unwrap();
    let damaged = vec![b"nonsense".to_vec(), vec![], vec![0xff; 100_000]];
    let of_others = Message::Parcel(parcel("a")).encode(&other);
    let as_another = Message::Parcel(parcel("b")).encode(&fleet());
    let misplaced = Message::Done(wormsift_cluster::Done { checkpoint: 0, taps: vec![] });
    let messages =
        damaged.into_iter().chain([of_others, as_another, misplaced.encode(&fleet())]);
    over(&broker.url(), async |context| {
        for message in messages {
            let sent = context.publish(fleet().parcel(&tap("a")), message.into()).await;
            sent.unwrap().await.unwrap();
        }
    });
    let mut taps = taps(&broker.url(), &scratch, 30);
    send(&mut taps, 30);
    merger.merge_to(30);
    assert_eq!(merger.merged, Merged::twin(&TAPS, 30));
    let refused = merger.receiver.counters().log.refused;
    assert_eq!((refused.damaged, refused.fleet, refused.tap, refused.kind), (3, 1, 1, 1));
}

#[test]
fn without_a_broker_it_is_said_why() {
    let link = link("nats://127.0.0.1:1", "a");
    let said = link.wait(Duration::from_millis(500)).unwrap_err().to_string();
    assert!(said.starts_with("nats://127.0.0.1:1: not connected: "), "{said}");
    assert!(!said.contains('\n'), "{said}");
    assert_eq!(contents("a", 3).len(), 2);
}
