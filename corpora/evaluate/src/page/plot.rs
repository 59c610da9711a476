//! Lines and marks inside a frame of axes, as SVG.
//!
//! A [`Plot`] is an SVG element whose colours come from the style sheet, so that one
//! drawing serves light, dark and paper. Screen readers read its title and its
//! description.

use super::scale::Scale;
use maud::{Markup, html};
use wormsift_export::html::number;

/// One edge of a plot.
pub(super) struct Axis {
    pub(super) scale: Scale,
    name: String,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Plain numbers.
    pub(super) fn numbers(scale: Scale, name: &str, ticks: usize) -> Self {
        Self::written(scale, name, ticks, number::tick)
    }

    /// Shares of one, from nothing to all.
    pub(super) fn shares(name: &str) -> Self {
        Self::written(Scale::between(0.0, 1.0), name, 5, |share| {
            format!("{} %", number::tick(share * 100.0))
        })
    }

    /// Numbers with a text of their own.
    pub(super) fn written(
        scale: Scale,
        name: &str,
        ticks: usize,
        text: impl Fn(f64) -> String,
    ) -> Self {
        let ticks =
            scale.ticks(ticks).into_iter().map(|value| (value, text(value))).collect();
        Self { scale, name: name.to_owned(), ticks }
    }

    /// Chosen places with their texts.
    pub(super) fn labelled(scale: Scale, name: &str, ticks: Vec<(f64, String)>) -> Self {
        Self { scale, name: name.to_owned(), ticks }
    }
}

/// What a mark looks like, apart from its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Circle,
    Triangle,
}

/// The frame of a drawing.
pub(super) struct Plot {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Margins: numbers stand at the left and under the lower edge.
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 34.0;
const TOP: f64 = 18.0;
const RIGHT: f64 = 10.0;
/// Points that change a line by less than this are left out.
const TOLERANCE: f64 = 0.2;

impl Plot {
    /// Draws axes, and on them the marks.
    pub(super) fn draw(&self, title: &str, description: &str, marks: &Markup) -> Markup {
        html! {
            svg viewBox={ "0 0 " (self.width) " " (self.height) } role="img" {
                title { (title) }
                desc { (description) }
                (self.axes())
                (marks)
            }
        }
    }

    /// Where a pair of values stands.
    pub(super) fn place(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (wide, high) = (self.width - LEFT - RIGHT, self.height - TOP - BOTTOM);
        [LEFT + self.x.scale.unit(x) * wide, TOP + (1.0 - self.y.scale.unit(y)) * high]
    }

    fn axes(&self) -> Markup {
        let (right, floor) = (self.width - RIGHT, self.height - BOTTOM);
        let mut grid = String::new();
        let mut edge = format!("M{} {}H{}", px(LEFT), px(floor), px(right));
        let mut labels = html! {
            (label("name", 2.0, 10.0, &self.y.name))
            (label("name end", right, self.height - 4.0, &self.x.name))
        };
        for (value, text) in &self.y.ticks {
            let [_, y] = self.place([f64::NAN, *value]);
            grid.push_str(&format!("M{} {}H{}", px(LEFT), px(y), px(right)));
            labels.0 += &label("tick end", LEFT - 6.0, y + 3.5, text).0;
        }
        for (value, text) in &self.x.ticks {
            let [x, _] = self.place([*value, f64::NAN]);
            edge.push_str(&format!("M{} {}v4", px(x), px(floor)));
            labels.0 += &label("tick middle", x, floor + 15.0, text).0;
        }
        html! { (path("grid", &grid)) (path("axis", &edge)) (labels) }
    }

    /// Lines of one look through points; one that is missing breaks its line.
    pub(super) fn lines<'a>(
        &self,
        class: &str,
        lines: impl IntoIterator<Item = &'a [Option<[f64; 2]>]>,
    ) -> Markup {
        let mut drawn = String::new();
        for part in lines.into_iter().flat_map(|line| line.split(Option::is_none)) {
            let placed: Vec<[f64; 2]> =
                part.iter().flatten().map(|point| self.place(*point)).collect();
            trace(&mut drawn, &simplified(&placed));
        }
        path(class, &drawn)
    }

    /// The area between a lower and an upper value: x, low, high.
    pub(super) fn band(&self, class: &str, points: &[Option<[f64; 3]>]) -> Markup {
        let mut drawn = String::new();
        for part in points.split(Option::is_none).filter(|part| !part.is_empty()) {
            let upper = part.iter().flatten().map(|[x, _, high]| [*x, *high]);
            let lower = part.iter().flatten().rev().map(|[x, low, _]| [*x, *low]);
            let placed: Vec<_> =
                upper.chain(lower).map(|point| self.place(point)).collect();
            trace(&mut drawn, &placed);
            drawn.push('z');
        }
        path(class, &drawn)
    }

    /// Upright strokes from a lower to an upper value: x, low, high.
    pub(super) fn whiskers(&self, class: &str, points: &[[f64; 3]]) -> Markup {
        let stroke = |[x, low, high]: &[f64; 3]| {
            let ([x, low], [_, high]) = (self.place([*x, *low]), self.place([*x, *high]));
            format!("M{} {}V{}", px(x), px(low), px(high))
        };
        path(class, &points.iter().map(stroke).collect::<String>())
    }

    /// Marks of one look at these places.
    pub(super) fn marks(
        &self,
        class: &str,
        shape: Shape,
        radius: f64,
        points: &[[f64; 2]],
    ) -> Markup {
        let mark = |point: &[f64; 2]| {
            let [x, y] = self.place(*point);
            outline(shape, x, y, radius)
        };
        path(class, &points.iter().map(mark).collect::<String>())
    }
}

/// A path of this look, if it has a length.
pub(super) fn path(class: &str, drawn: &str) -> Markup {
    html! { @if !drawn.is_empty() { path class=(class) d=(drawn) {} } }
}

/// The outline of a mark as path data.
pub(super) fn outline(shape: Shape, x: f64, y: f64, radius: f64) -> String {
    let r = px(radius);
    match shape {
        Shape::Circle => format!(
            "M{} {}a{r} {r} 0 1 0 {} 0a{r} {r} 0 1 0 -{} 0z",
            px(x - radius),
            px(y),
            px(2.0 * radius),
            px(2.0 * radius)
        ),
        Shape::Triangle => format!(
            "M{} {}l{} {}h-{}z",
            px(x),
            px(y - 1.25 * radius),
            px(1.2 * radius),
            px(2.1 * radius),
            px(2.4 * radius)
        ),
    }
}

/// A text at a place.
pub(super) fn label(class: &str, x: f64, y: f64, text: &str) -> Markup {
    html! { text class=(class) x=(px(x)) y=(px(y)) { (text) } }
}

/// A coordinate to a tenth, as short as it can be.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// Adds a polyline in relative steps of tenths, which are the shortest to write.
fn trace(path: &mut String, points: &[[f64; 2]]) {
    let Some((first, rest)) = points.split_first() else { return };
    let tenth = |value: f64| (value * 10.0).round() as i64;
    let [mut x, mut y] = first.map(tenth);
    path.push_str(&format!("M{} {}", px(first[0]), px(first[1])));
    for point in rest {
        let [next_x, next_y] = point.map(tenth);
        let step = |tenths: i64| px(tenths as f64 / 10.0);
        path.push_str(&format!("l{} {}", step(next_x - x), step(next_y - y)));
        [x, y] = [next_x, next_y];
    }
    if rest.is_empty() {
        // A line of one point shows as a dot under round caps.
        path.push_str("h0");
    }
}

/// The fewest of the points whose line stays within the tolerance (Ramer, Douglas and
/// Peucker).
fn simplified(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    if points.len() < 3 {
        return points.to_vec();
    }
    let mut kept = vec![false; points.len()];
    let mut open = vec![(0, points.len() - 1)];
    (kept[0], kept[points.len() - 1]) = (true, true);
    while let Some((first, last)) = open.pop() {
        let far = (first + 1..last)
            .map(|at| (at, distance(points[at], points[first], points[last])))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((at, distance)) = far
            && distance > TOLERANCE
        {
            kept[at] = true;
            open.extend([(first, at), (at, last)]);
        }
    }
    points.iter().zip(kept).filter_map(|(point, keep)| keep.then_some(*point)).collect()
}

/// From a point to the straight line between two others.
fn distance([x, y]: [f64; 2], [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) -> f64 {
    let length = (x2 - x1).hypot(y2 - y1);
    if length == 0.0 {
        return (x - x1).hypot(y - y1);
    }
    ((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)).abs() / length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_lines_lose_their_inner_points() {
        let straight: Vec<[f64; 2]> =
            (0..50).map(|i| [f64::from(i), 2.0 * f64::from(i)]).collect();
        assert_eq!(simplified(&straight), [[0.0, 0.0], [49.0, 98.0]]);
        let bent = [[0.0, 0.0], [5.0, 9.0], [10.0, 0.0]];
        assert_eq!(simplified(&bent), bent);
    }

    #[test]
    fn simplified_lines_stay_near() {
        let curve: Vec<[f64; 2]> = (0..=200)
            .map(|i| {
                let x = f64::from(i);
                [x, 100.0 / (1.0 + (-(x - 100.0) / 15.0).exp())]
            })
            .collect();
        let short = simplified(&curve);
        assert!(short.len() < 40, "{}", short.len());
        for point in &curve {
            let near = short
                .windows(2)
                .filter(|pair| pair[0][0] <= point[0] && point[0] <= pair[1][0])
                .any(|pair| distance(*point, pair[0], pair[1]) <= TOLERANCE + 1e-9);
            assert!(near, "{point:?}");
        }
    }

    #[test]
    fn paths_do_not_drift() {
        let points: Vec<[f64; 2]> =
            (0..100).map(|i| [f64::from(i) * 0.333, f64::from(i % 7)]).collect();
        let mut path = String::new();
        trace(&mut path, &points);
        let steps = path.split('l').skip(1);
        let x: f64 =
            steps.map(|s| s.split(' ').next().unwrap().parse::<f64>().unwrap()).sum();
        assert!((x - 99.0 * 0.333).abs() < 0.06, "{x}");
    }

    #[test]
    fn missing_points_break_a_line() {
        let plot = Plot {
            x: Axis::numbers(Scale::between(0.0, 10.0), "x", 5),
            y: Axis::numbers(Scale::between(0.0, 10.0), "y", 5),
            width: 200.0,
            height: 100.0,
        };
        let at = |x, y| Some([x, y]);
        let line = [at(0.0, 0.0), at(1.0, 9.0), None, at(5.0, 5.0)];
        let text = plot.lines("c", [&line[..]]).into_string();
        assert_eq!(text.matches('M').count(), 2, "{text}");
        assert_eq!(plot.place([0.0, 10.0]), [LEFT, TOP]);
        assert_eq!(plot.place([10.0, 0.0]), [190.0, 66.0]);
    }
}
