use super::*;
use environment::sample;
use wormsift::config::Size;

#[path = "../../../../engine/tests/common/environment.rs"]
mod environment;

fn config() -> Config {
    let mut config = Config::default();
    config.memory = Size(64 << 20);
    config
}

#[test]
fn without_a_list_all_of_the_site_are_infected() {
    for world in [World::Border, World::Site] {
        let outcome = run(world, 1, &config(), None).unwrap();
        assert_eq!(outcome.infected_at.len() as u64, world.vulnerable(), "{world:?}");
        assert!(outcome.infected_at.is_sorted());
        assert_eq!(outcome.listed, [0; 2]);
    }
}

#[test]
fn an_operator_who_never_comes_changes_nothing() {
    let without = run(World::Site, 2, &config(), None).unwrap();
    let never = run(World::Site, 2, &config(), Some(Span::from_secs(1 << 30))).unwrap();
    assert_eq!(never.infected_at, without.infected_at);
    if sample(false, true) {
        let again =
            run(World::Site, 2, &config(), Some(Span::from_secs(1 << 30))).unwrap();
        assert_eq!(again, never);
    }
    assert!(never.listed[0] > 10 && never.at_first.is_some(), "{never:?}");
    // The site has background traffic, and hosts that send the content; no others are listed.
    assert_eq!(never.listed[1], 0, "{never:?}");
    assert!(never.confirmed[0] > 0 && never.confirmed[1] == 0, "{never:?}");
}

#[test]
fn the_sooner_hosts_are_cut_off_the_fewer_are_infected() {
    let spans = [Span::from_secs(2), Span::from_secs(600)];
    let rows = isolation(&[World::Site], &config(), &spans, &[1, 2]).unwrap();
    assert_eq!(rows.len(), 3);
    let site: Vec<f64> = rows.iter().map(|row| row.infected_share.median).collect();
    assert!(site[0] > 0.99 && site[1] < 0.25 && site[2] > 0.9, "{site:?}");
    for row in &rows {
        let last = row.curve.last().unwrap()[1];
        assert!((last - row.infected_share.median).abs() < 0.02, "{row:?}");
        assert_eq!(row.after_seconds.is_none(), row.infected_at_first.is_none());
    }
}
