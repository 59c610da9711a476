//! The hosts that passed the content of an incident on, over time.

use super::axis::{Frame, Scale};
use super::{Picture, Piece, WIDTH, label, path, px, seconds, span, text_width};
use maud::{Markup, html};
use wormsift::packet::Timestamp;
use wormsift::signature::Incident;
use wormsift_export::html::number::time_unit;
use wormsift_export::text::{counted, grouped};

const HEIGHT: f64 = 220.0;

/// The timeline, if it is known of two hosts when they received the content.
pub(in super::super) fn draw(incident: &Incident) -> Option<Markup> {
    let relays = incident.hosts.iter().filter(|it| it.generation > 0);
    let mut times: Vec<Timestamp> = relays.filter_map(|it| it.first_seen).collect();
    times.sort_unstable();
    let [first, .., last] = times[..] else { return None };
    let alarm = incident.detected_at;
    let start = first.min(incident.first_seen).min(alarm);
    let end = last.max(alarm);
    let (unit, name) = time_unit(seconds(start, end));
    let at = |time: Timestamp| seconds(start, time) / unit;
    let x_name =
        format!("{name} since {}", start.to_string().get(..19).unwrap_or_default());
    let frame = Frame {
        x: (Scale::linear(at(end)), &x_name.replace('T', " ")),
        y: (Scale::count(times.len()), "hosts that passed it on"),
        height: HEIGHT,
    };
    let [left, _, top, floor] = frame.edges();
    let mut steps = format!("M{} {}", px(left), px(floor));
    for (n, time) in (1..).zip(&times) {
        let [x, y] = frame.place([at(*time), f64::from(n)]);
        steps += &format!("H{}V{}", px(x), px(y));
    }
    steps += &format!("H{}", px(frame.place([at(end), 0.0])[0]));
    let by_then = times.iter().filter(|time| **time <= alarm).count();
    let [x, _] = frame.place([at(alarm), 0.0]);
    let alarm_text = format!("alarm: {}", counted(by_then as u64, "host"));
    let room = text_width(&alarm_text) / 2.0;
    let marks = html! {
        (frame.draw())
        (path("steps", &steps))
        (path("alarm", &format!("M{} {}V{}", px(x), px(top - 4.0), px(floor))))
        (label("alarm middle", x.clamp(room, WIDTH - room), top - 8.0, &alarm_text))
    };
    let caption = caption(incident, &times, by_then);
    let description = format!(
        "{caption} The line rises by one when a host received the content, from {first} to \
         {last}. The upright line is the alarm, at {alarm}."
    );
    let picture = Picture {
        class: "timeline",
        title: "How it spread",
        caption: &caption,
        description: &description,
        width: WIDTH,
    };
    Some(picture.draw(&[Piece { height: HEIGHT, marks }], &Markup::default()))
}

/// The story in a sentence.
fn caption(incident: &Incident, times: &[Timestamp], by_then: usize) -> String {
    let (first, last) = (times[0], times[times.len() - 1]);
    let all = times.len();
    let which = match incident.relays as usize == all {
        true => format!("{} passed it on", counted(all as u64, "host")),
        false => format!(
            "Of {} that passed it on {} are dated, which did so",
            counted(incident.relays.into(), "host"),
            grouped(all as u64)
        ),
    };
    let when = match incident.detected_at < incident.first_seen {
        true => "the alarm was before the first packet that is known".to_owned(),
        false => format!(
            "{} of them had it at the alarm, {} after the first packet",
            grouped(by_then as u64),
            span(incident.first_seen, incident.detected_at)
        ),
    };
    format!("{which} within {}; {when}.", span(first, last))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;
    use wormsift::packet::Host;
    use wormsift::signature::IncidentHost;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_nanos(1_700_000_000_000_000_000 + (seconds * 1e9) as u64)
    }

    fn incident(times: &[f64], detected_at: f64) -> Incident {
        let host = |(n, time): (u8, &f64)| IncidentHost {
            host: Host::of([10, 0, 0, n].into(), 64),
            first_seen: Some(at(*time)),
            generation: 1,
            ..IncidentHost::default()
        };
        Incident {
            relays: times.len() as u32,
            hosts: (1..).zip(times).map(host).collect(),
            first_seen: at(0.0),
            detected_at: at(detected_at),
            ..Incident::default()
        }
    }

    #[test]
    fn each_host_is_a_step_and_the_alarm_stands_in_its_time() {
        let drawn = draw(&incident(&[2.0, 4.0, 4.0, 10.0], 5.0)).unwrap().into_string();
        let texts = check(&drawn);
        assert!(texts.contains(&"alarm: 3 hosts".to_owned()), "{texts:?}");
        // From 54 to 354 in ten seconds, from 184 to 34 in four hosts.
        let path = "M54 184H114V146.5H174V109H174V71.5H354V34H354";
        assert!(drawn.contains(path), "{drawn}");
        assert!(drawn.contains("M204 30V184"), "{drawn}");
        let story = "4 hosts passed it on within 8\u{a0}s; 3 of them had it at the alarm, \
                     5\u{a0}s after the first packet.";
        assert!(drawn.contains(story), "{drawn}");
    }

    #[test]
    fn alarms_before_and_after_all_hosts_stay_inside() {
        for alarm in [0.0, 0.001, 9.9, 10.0, 5_000.0, 1e7] {
            let drawn = draw(&incident(&[1.0, 2.0, 10.0], alarm)).unwrap();
            check(&drawn.into_string());
        }
        assert!(draw(&incident(&[1.0], 2.0)).is_none());
        // All at once is a step, too.
        check(&draw(&incident(&[0.0, 0.0], 0.0)).unwrap().into_string());
    }

    #[test]
    fn hosts_that_are_not_dated_are_told_apart() {
        let mut found = incident(&[1.0, 2.0, 10.0], 3.0);
        found.relays = 400;
        let drawn = draw(&found).unwrap().into_string();
        let story =
            "Of 400 hosts that passed it on 3 are dated, which did so within 9\u{a0}s";
        assert!(drawn.contains(story), "{drawn}");
        // A source only is no host that passed it on.
        found.hosts[0].generation = 0;
        assert!(
            check(&draw(&found).unwrap().into_string())
                .contains(&"alarm: 1 host".to_owned())
        );
    }
}
