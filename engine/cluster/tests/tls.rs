//! The settings that the package ships, in a real broker: certificates on both sides, and
//! permissions that keep taps apart.

use crate::common::broker::{Broker, Scratch};
use crate::common::environment::skipped;
use crate::common::fleet::{PATIENCE, tap};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wormsift_cluster::Fleet;
use wormsift_cluster::closing::Rules;
use wormsift_cluster::jetstream::{Event, Link, Publisher, Receiver, Server};
use wormsift_cluster::spool::{DEFAULT_CAPACITY, Spool};

fn fleet() -> Fleet {
    Fleet::new("prod").unwrap()
}

fn openssl(folder: &Path, words: &str) {
    let done = Command::new("openssl")
        .args(words.split(' '))
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    assert!(done.is_ok_and(|status| status.success()), "openssl {words}");
}

/// An authority, and certificates of it: `authority.pem`, `NAME.pem`, `NAME.key`.
fn certificates(folder: &Path, authority: &str, names: &[&str]) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        folder,
        &format!(
            "req -x509 {KEY} -days 2 -subj /CN={authority} -keyout {authority}.key -out \
             {authority}.pem"
        ),
    );
    for name in names {
        openssl(
            folder,
            &format!(
                "req -new {KEY} -subj /CN={name} -keyout {name}.key -out {name}.csr"
            ),
        );
        let is_server = *name == "server";
        let kind = if is_server {
            "subjectAltName=IP:127.0.0.1"
        } else {
            "keyUsage=digitalSignature"
        };
        std::fs::write(folder.join("kind"), format!("{kind}\n")).unwrap();
        openssl(
            folder,
            &format!(
                "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -days 2 \
                 -CAcreateserial -extfile kind -out {name}.pem"
            ),
        );
    }
}

/// A broker with the settings that the package ships, and the folder of certificates.
fn broker(scratch: &Scratch) -> Option<(Broker, PathBuf)> {
    // Not all its versions know `--version`.
    let found = Command::new("openssl").arg("version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        skipped("openssl", "openssl is not installed");
        return None;
    }
    let folder = scratch.path().join("certificates");
    std::fs::create_dir_all(&folder).unwrap();
    certificates(&folder, "authority", &["server", "berlin", "paris", "merger"]);
    certificates(&folder, "stranger", &["impostor"]);
    let shipped = include_str!("../nats-server.conf");
    let of_etc = format!("{}/", folder.display());
    let conf = shipped.replace("/etc/nats/", &of_etc);
    Broker::start_as(scratch.path(), &conf).map(|broker| (broker, folder))
}

fn server(broker: &Broker, folder: &Path, name: &str) -> Server {
    let file = |kind: &str| folder.join(format!("{name}.{kind}"));
    Server {
        urls: format!("tls://127.0.0.1:{}", broker.port()),
        authority: Some(folder.join("authority.pem")),
        identity: Some((file("pem"), file("key"))),
        ..Server::default()
    }
}

fn publisher(link: &Link, scratch: &Scratch, folder: &str, name: &str) -> Publisher {
    let folder = scratch.path().join(folder);
    let spool = Spool::open(&folder, &fleet(), &tap(name), DEFAULT_CAPACITY).unwrap();
    Publisher::start(link, &fleet(), &tap(name), spool)
}

#[test]
fn taps_are_kept_apart_by_their_certificates() {
    let scratch = Scratch::new("tls");
    let Some((broker, folder)) = broker(&scratch) else { return };
    let link = |certificate: &str, name: &str| {
        Link::open(server(&broker, &folder, certificate), &tap(name)).unwrap()
    };
    let (merger, berlin) = (link("merger", "merger"), link("berlin", "berlin"));
    let (mut receiver, _) = Receiver::open(
        &merger,
        &fleet(),
        &scratch.path().join("merger"),
        Rules::new(30),
        &[tap("berlin")],
    )
    .unwrap();
    let own = publisher(&berlin, &scratch, "berlin", "berlin");
    receiver.ask(&tap("berlin"), 1, b"what?".to_vec()).unwrap();
    for tick in 0..10 {
        own.send(tick, 0, tick == 9, b"parcel").unwrap();
    }
    let (mut ticks, mut pieces) = (0, 0);
    let begin = Instant::now();
    while ticks < 10 || pieces < 1 {
        assert!(
            begin.elapsed() < PATIENCE,
            "{:?} {:?}",
            own.counters(),
            receiver.counters()
        );
        if pieces == 0 && own.ask(Duration::from_millis(10)).is_some() {
            own.answer(1, b"that", PATIENCE).unwrap();
        }
        for event in
            receiver.next(Duration::from_millis(100)).unwrap().into_iter().flatten()
        {
            match event {
                Event::Tick(_) => ticks += 1,
                Event::Piece(_) => pieces += 1,
                Event::Late(parcel) => panic!("{parcel:?}"),
            }
        }
    }
    receiver.finding("id", b"found", PATIENCE).unwrap();
    receiver.checkpoint(b"state").unwrap();
    assert!(own.wait_until_covered(PATIENCE), "{:?}", own.counters());

    // With its own certificate, berlin sends nothing in the name of paris.
    let as_paris = publisher(&berlin, &scratch, "as-paris", "paris");
    as_paris.send(100, 0, false, b"forged").unwrap();
    // And paris, which may, cannot read what comes to berlin's inbox or is berlin's.
    let paris = publisher(&link("paris", "paris"), &scratch, "paris", "paris");
    paris.send(11, 0, true, b"parcel").unwrap();
    let begin = Instant::now();
    while paris.progress().delivered < 1 {
        assert!(begin.elapsed() < PATIENCE, "{:?}", paris.counters());
        std::thread::sleep(Duration::from_millis(20));
    }
    while as_paris.counters().interrupted == 0 {
        assert!(begin.elapsed() < PATIENCE, "{:?}", as_paris.counters());
        std::thread::sleep(Duration::from_millis(20));
    }
    let counters = as_paris.counters();
    assert_eq!(counters.acknowledged, 0, "{counters:?}");
    assert!(
        counters.why.to_lowercase().contains("permissions violation"),
        "{counters:?}"
    );
    let as_berlin = link("paris", "berlin");
    let as_berlin = publisher(&as_berlin, &scratch, "as-berlin", "berlin");
    as_berlin.send(100, 0, false, b"forged").unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(as_berlin.counters().acknowledged, 0, "{:?}", as_berlin.counters());
}

#[test]
fn who_has_no_certificate_is_told() {
    let scratch = Scratch::new("tls-none");
    let Some((broker, folder)) = broker(&scratch) else { return };
    let said = |server: Server| {
        let link = Link::open(server, &tap("berlin")).unwrap();
        let said = link.wait(Duration::from_secs(3)).unwrap_err().to_string();
        assert!(said.contains("not connected"), "{said}");
        assert!(!said.contains('\n'), "{said}");
        said
    };
    let own = server(&broker, &folder, "berlin");
    Link::open(own.clone(), &tap("berlin")).unwrap().wait(PATIENCE).unwrap();
    said(Server { identity: None, ..own.clone() });
    said(server(&broker, &folder, "impostor"));
    // A broker whose certificate another authority signed is not believed.
    let stranger = Some(folder.join("stranger.pem"));
    let unknown = said(Server { authority: stranger, ..own.clone() });
    assert!(unknown.contains("certificate"), "{unknown}");
    // Plain text is not what this broker speaks.
    said(Server { urls: broker.url(), ..Server::default() });
}
