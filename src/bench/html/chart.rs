//! Bars as SVG: one row each, made of one or more parts, on a common scale.

use super::text::{escape, shortened};
use std::fmt::Write as _;

/// One bar.
pub(super) struct Bar {
    /// What stands before it.
    pub(super) label: String,
    /// Its parts, from the left.
    pub(super) parts: Vec<Part>,
    /// The least and the most, where it was measured several times.
    pub(super) spread: Option<(f64, f64)>,
    /// What stands behind it.
    pub(super) note: String,
}

/// A part of a bar.
pub(super) struct Part {
    /// Its colour, by name.
    pub(super) color: &'static str,
    /// Its length.
    pub(super) value: f64,
    /// What is shown of it under the pointer.
    pub(super) title: String,
}

const WIDTH: f64 = 880.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 150.0;
const ROW: f64 = 24.0;
const THICK: f64 = 15.0;
/// Characters of a label that fit before its bar.
const LABEL: usize = 28;

/// Draws the bars; `value` writes a number of the scale.
pub(super) fn bars(what: &str, bars: &[Bar], value: impl Fn(f64) -> String) -> String {
    let length = |bar: &Bar| bar.parts.iter().map(|part| part.value).sum::<f64>();
    let most = bars.iter().map(|bar| f64::max(length(bar), bar.spread.map_or(0.0, |(_, max)| max))).fold(0.0, f64::max);
    let step = step(most);
    let end = f64::max((most / step).ceil(), 1.0) * step;
    let x = |value: f64| LEFT + value / end * (WIDTH - LEFT - RIGHT);
    let bottom = bars.len() as f64 * ROW + 6.0;
    let mut svg = format!(
        "<div class=\"scroll\"><svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">\n",
        bottom + 22.0,
        escape(what)
    );
    // Writing to a string cannot fail.
    let mut add = |text: std::fmt::Arguments<'_>| _ = svg.write_fmt(text);
    let mut tick = 0.0;
    while tick <= end * 1.001 {
        let (at, label) = (x(tick), escape(&value(tick)).into_owned());
        add(format_args!("<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"0\" y2=\"{bottom:.1}\"/>"));
        let y = bottom + 16.0;
        add(format_args!("<text class=\"soft\" x=\"{at:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{label}</text>\n"));
        tick += step;
    }
    for (row, bar) in bars.iter().enumerate() {
        let top = row as f64 * ROW + 4.0;
        let base = top + THICK - 3.0;
        let label = escape(&bar.label);
        let short = escape(&shortened(&bar.label, LABEL)).into_owned();
        let before = LEFT - 10.0;
        add(format_args!(
            "<text x=\"{before}\" y=\"{base:.1}\" text-anchor=\"end\"><title>{label}</title>{short}</text>"
        ));
        let mut from = 0.0;
        for part in bar.parts.iter().filter(|part| part.value > 0.0) {
            let (left, width) = (x(from), x(from + part.value) - x(from));
            let (color, title) = (part.color, escape(&part.title));
            add(format_args!(
                "<rect class=\"{color}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{THICK}\" rx=\"2\">\
                 <title>{title}</title></rect>"
            ));
            from += part.value;
        }
        if let Some((min, max)) = bar.spread.filter(|(min, max)| max > min) {
            let (left, right, middle) = (x(min), x(max), top + THICK / 2.0);
            add(format_args!("<path class=\"spread\" d=\"M{left:.1} {middle}H{right:.1}"));
            for end in [left, right] {
                add(format_args!("M{end:.1} {}v7", middle - 3.5));
            }
            add(format_args!("\"/>"));
        }
        let behind = x(f64::max(from, bar.spread.map_or(0.0, |(_, max)| max))) + 8.0;
        add(format_args!("<text class=\"soft\" x=\"{behind:.1}\" y=\"{base:.1}\">{}</text>\n", escape(&bar.note)));
    }
    svg + "</svg></div>\n"
}

/// The distance of the lines of a scale that ends at `most`: 1, 2 or 5 times a power of ten, so that there are about five.
fn step(most: f64) -> f64 {
    if most <= 0.0 || !most.is_finite() {
        return 1.0;
    }
    let rough = most / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough).unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_have_round_lines() {
        for (most, expected) in [(0.0, 1.0), (1.0, 0.2), (9.0, 2.0), (1_234_567.0, 500_000.0), (f64::NAN, 1.0)] {
            assert!((step(most) - expected).abs() < 1e-9, "{most}: {}", step(most));
        }
    }

    #[test]
    fn what_is_shown_is_text_and_nothing_else() {
        let bar = Bar {
            label: "<script>alert(1)</script>".into(),
            parts: vec![Part { color: "one", value: 2.0, title: "a\"b".into() }],
            spread: Some((1.0, 3.0)),
            note: "&".into(),
        };
        let svg = bars("x", &[bar], |value| value.to_string());
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;") && svg.contains("a&quot;b"), "{svg}");
        assert!(svg.contains("class=\"spread\"") && !svg.contains("NaN"), "{svg}");
    }
}
