//! Workers of one process.

use super::{Captures, captures, config, job, sensor, take};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wormsift::Config;
use wormsift::fleet::Tap;
use wormsift_cluster::Error;
use wormsift_cluster::dataflow::{Control, Fed, Feed, Job};

fn run(captures: &Captures, config: &Config, workers: u16) -> [Vec<String>; 3] {
    let mut said = Default::default();
    let job = job(captures.clone(), config.clone(), workers);
    let news = |merger: &mut _| {
        take(&mut said, merger);
        Ok::<_, Error>(Control::GoOn)
    };
    let done = job.run(news).unwrap().unwrap();
    let mut merger = done.merger;
    take(&mut said, &mut merger);
    assert!(merger.is_finished());
    assert_eq!(done.asked_too_late, 0);
    said
}

#[test]
fn they_find_what_one_sensor_finds_however_many_they_are() {
    for (scenario, taps, workers) in [
        ("outbreak", 1, 1),
        ("outbreak", 1, 2),
        ("tcp-exploit", 1, 3),
        ("outbreak", 3, 2),
        ("mail", 2, 5),
    ] {
        let captures = captures(scenario, 4, taps);
        let config = config(taps, "");
        let one = sensor(&captures, &config);
        assert!(!one[0].is_empty());
        let several = run(&captures, &config, workers);
        assert_eq!(several, one, "{scenario}: {taps} taps, {workers} workers");
    }
}

#[test]
fn a_run_that_is_stopped_ends_with_what_was_read() {
    let captures = Arc::new(captures("outbreak", 4, 1));
    let (mut lines, fed) = (Default::default(), Arc::new(AtomicUsize::new(0)));
    let open = {
        let (captures, fed) = (captures.clone(), fed.clone());
        Arc::new(move |tap| {
            let (mut inner, fed) = (super::feed(&captures, tap), fed.clone());
            // It never ends by itself.
            Ok(Box::new(move |to: &mut Tap| {
                fed.fetch_add(100, Ordering::Relaxed);
                inner.feed(to).map(|_| Fed::More)
            }) as Box<dyn Feed>)
        })
    };
    let config = config(1, "");
    let job = Job {
        config: config.clone(),
        baseline: None,
        workers: 2,
        processes: None,
        open,
        gives_up: Arc::new(|| false),
    };
    let one = sensor(&captures, &config);
    let done = job.run(|merger| {
        take(&mut lines, merger);
        let is_read = fed.load(Ordering::Relaxed) > captures[0].len() + 100;
        Ok::<_, Error>(if is_read { Control::Stop } else { Control::GoOn })
    });
    let mut merger = done.unwrap().unwrap().merger;
    take(&mut lines, &mut merger);
    let signatures = |said: &[Vec<String>; 3]| {
        said[0].iter().filter(|line| line.contains("\"type\":\"signature\"")).count()
    };
    assert_eq!(signatures(&lines), signatures(&one));
}

#[test]
fn what_a_tap_cannot_read_and_what_the_host_says_ends_the_run() {
    let failing = |_: u16| {
        Ok(Box::new(|_: &mut Tap| Err("a.pcap: gone".to_owned())) as Box<dyn Feed>)
    };
    for workers in [1, 2] {
        let job = Job {
            config: config(1, ""),
            baseline: None,
            workers,
            processes: None,
            open: Arc::new(failing),
            gives_up: Arc::new(|| false),
        };
        let failed = job.run(|_| Ok::<_, Error>(Control::GoOn)).err().unwrap();
        assert_eq!(failed.to_string(), "a.pcap: gone");
    }
    let job = Job {
        open: Arc::new(|_| Err("no such file".to_owned())),
        ..job(vec![vec![]], config(1, ""), 2)
    };
    let failed = job.run(|_| Ok::<_, Error>(Control::GoOn)).err().unwrap();
    assert_eq!(failed.to_string(), "no such file");
    let panics = |_: u16| {
        Ok(Box::new(|_: &mut Tap| -> Result<Fed, String> { panic!("meant") })
            as Box<dyn Feed>)
    };
    for workers in [1, 2] {
        let job = Job {
            open: Arc::new(panics),
            ..super::job(vec![vec![]], config(1, ""), workers)
        };
        let failed = job.run(|_| Ok::<_, Error>(Control::GoOn)).err().unwrap();
        assert!(matches!(failed, Error::Worker(_)), "{failed}");
    }
    let job = super::job(captures("outbreak", 4, 1), config(1, ""), 2);
    let failed = job.run(|_| Err(Error::Worker("full".to_owned()))).err().unwrap();
    assert_eq!(failed.to_string(), "full");
}
