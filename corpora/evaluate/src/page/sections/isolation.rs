//! Epidemics with an isolation list: how many are infected over time, and in the end.

use crate::isolation::IsolationRow;
use crate::page::charts::isolation;
use crate::results::Evaluation;
use crate::table::of_without;
use maud::{Markup, html};
use wormsift_export::html::number::{
    NOTHING, count, duration, percent, percent_interval,
};
use wormsift_export::html::table;

const NOTE: &str = "Share of the vulnerable hosts of a site that are infected, median of the seeds, \
    where hosts of the site that the isolation list names are cut off at the tap some time after \
    each alarm, and where nobody is. Hosts outside are never cut off, and at a border what \
    stays on one side of it goes on.";
const HEADINGS: [&str; 7] = [
    "Cut off after",
    "#Infected in the end",
    "#95 % interval of the mean",
    "#Of that without a list",
    "#Infected when the first was listed",
    "#Listed, and not infected of them",
    "#Confirmed, and not infected of them",
];

/// One chart and table a world.
pub(super) fn draw(evaluation: &Evaluation) -> Option<Markup> {
    let rows = &evaluation.isolation;
    (!rows.is_empty()).then(|| {
        html! {
            p.note { (NOTE) }
            @for of_world in rows.chunk_by(|a, b| a.name == b.name) {
                h3 { (of_world[0].name) }
                figure {
                    figcaption {
                        "The infected double in " (duration(of_world[0].doubling_seconds))
                        " while they are few. Lowest: cut off soonest; dark: nobody is cut off."
                    }
                    (isolation::draw(of_world))
                }
                (table(
                    "plain",
                    &format!("Infected in the end: {}", of_world[0].name),
                    &HEADINGS,
                    html! { tbody { @for row in of_world { (one(rows, row)) } } },
                ))
            }
        }
    })
}

fn one(rows: &[IsolationRow], row: &IsolationRow) -> Markup {
    let of_two = |[all, wrong]: [u64; 2]| match row.after_seconds {
        Some(_) => format!("{}, {}", count(all as f64), count(wrong as f64)),
        None => NOTHING.to_owned(),
    };
    html! {
        tr {
            th scope="row" { (row.after_seconds.map_or("never".to_owned(), duration)) }
            td.n { (percent(row.infected_share.median)) }
            td.n { (percent_interval(row.infected_share.interval)) }
            td.n { (of_without(rows, row).map_or(NOTHING.to_owned(), percent)) }
            td.n { (row.infected_at_first.map_or(NOTHING.to_owned(), |it| count(it.median))) }
            td.n { (of_two(row.all_listed)) }
            td.n { (of_two(row.confirmed)) }
        }
    }
}
