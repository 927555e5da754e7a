//! The plot: small panels, a line for each subject, its instructions and its time as multiples of
//! this library's, on one logarithmic scale. It follows the reader's light or dark colours.

use std::fmt::Write;

use crate::page::over_library;
use crate::row::Row;

const PANEL_WIDTH: f64 = 450.0;
const LINE: f64 = 18.0;
const LABELS: f64 = 190.0;
const COUNTS: f64 = 62.0;
const COLUMNS: usize = 2;
const SCALE: [f64; 5] = [0.01, 0.1, 1.0, 10.0, 100.0];

const STYLE: &str = "<style>
  text { font: 12px -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 13px }
  .muted { fill: #59636e }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .one { stroke: #59636e; stroke-width: 1.5 }
  .between { stroke: #afb8c1; stroke-width: 1.5 }
  .count { fill: #0969da; stroke: #0969da; stroke-width: 2 }
  .time { fill: none; stroke: #bc4c00; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .muted { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .one { stroke: #9198a1 }
    .between { stroke: #59636e }
    .count { fill: #4493f8; stroke: #4493f8 }
    .time { stroke: #f0883e }
  }
</style>
";

/// Panels for the rows of `groups`, a panel for each kind of work.
pub fn svg(rows: &[Row], groups: &[&str]) -> String {
    let mut panels: Vec<Vec<&Row>> = Vec::new();
    for row in rows.iter().filter(|row| groups.contains(&row.group)) {
        match panels.iter_mut().find(|panel| panel[0].same_work(row)) {
            Some(panel) => panel.push(row),
            None => panels.push(vec![row]),
        }
    }
    // A group begins a new line.
    let mut lines: Vec<Vec<&[&Row]>> = Vec::new();
    for panel in &panels {
        match lines.last_mut() {
            Some(line) if line.len() < COLUMNS && line[0][0].group == panel[0].group => {
                line.push(panel);
            }
            _ => lines.push(vec![panel]),
        }
    }
    let mut drawn = String::new();
    let mut top = 30.0;
    for line in lines {
        for (column, panel) in line.iter().enumerate() {
            draw(panel, column as f64 * PANEL_WIDTH, top, &mut drawn);
        }
        let longest = line.iter().map(|panel| panel.len()).max().unwrap_or(0);
        top += longest as f64 * LINE + 58.0;
    }
    let width = PANEL_WIDTH * COLUMNS as f64;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {top}\" width=\"{width}\" \
         height=\"{top}\" role=\"img\" aria-label=\"Instructions and time of each client, as \
         multiples of libfitbit's\">\n{STYLE}{}{drawn}</svg>\n",
        legend()
    )
}

/// Where a ratio stands; what is beyond the scale stands at its end.
fn x(ratio: f64, left: f64) -> f64 {
    let (from, to) = (SCALE[0].log10(), SCALE[SCALE.len() - 1].log10());
    let width = PANEL_WIDTH - LABELS - COUNTS - 20.0;
    left + LABELS + (ratio.log10().clamp(from, to) - from) / (to - from) * width
}

fn legend() -> String {
    "<circle class=\"count\" cx=\"14\" cy=\"14\" r=\"4\"/><text x=\"24\" y=\"18\">instructions</text>\
     <circle class=\"time\" cx=\"118\" cy=\"14\" r=\"4\"/><text x=\"128\" y=\"18\">time</text>\
     <text class=\"muted\" x=\"172\" y=\"18\">of one operation, as a multiple of libfitbit's, on a \
     logarithmic scale: left of 1 costs less; at the edge: beyond it</text>\n"
        .to_owned()
}

fn draw(panel: &[&Row], left: f64, top: f64, out: &mut String) {
    let bottom = top + 30.0 + panel.len() as f64 * LINE;
    let first = panel[0];
    let _ = writeln!(
        out,
        "<text class=\"title\" x=\"{}\" y=\"{}\">{}: {}</text>",
        left + 8.0,
        top + 16.0,
        escaped(first.group),
        escaped(&first.name)
    );
    let counts = left + PANEL_WIDTH - 14.0;
    for ratio in SCALE {
        let (x, class) = (x(ratio, left), if ratio == 1.0 { "one" } else { "grid" });
        let _ = writeln!(
            out,
            "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom}\"/>\
             <text class=\"muted\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{}\">{ratio}</text>",
            top + 26.0,
            bottom + 14.0
        );
    }
    for (at, row) in panel.iter().enumerate() {
        let y = top + 40.0 + at as f64 * LINE;
        let weight = if row.is_library() { " font-weight=\"600\"" } else { "" };
        let class = if row.is_floor() { " class=\"muted\"" } else { "" };
        let _ = write!(
            out,
            "<text text-anchor=\"end\" x=\"{}\" y=\"{}\"{weight}{class}>{}</text>",
            left + LABELS - 10.0,
            y + 4.0,
            escaped(&short(&row.subject))
        );
        let count = over_library(panel, row).map(|ratio| x(ratio, left));
        let time = row.ratio.map(|ratio| x(ratio, left));
        if let (Some(a), Some(b)) = (count, time) {
            let _ = write!(
                out,
                "<line class=\"between\" x1=\"{a:.1}\" x2=\"{b:.1}\" y1=\"{y}\" y2=\"{y}\"/>"
            );
        }
        for (class, x, r) in [("count", count, 3.5), ("time", time, 4.5)] {
            if let Some(x) = x {
                let _ =
                    write!(out, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"{r}\"/>");
            }
        }
        if let Some(count) = row.instructions {
            let _ = write!(
                out,
                "<text class=\"muted\" text-anchor=\"end\" x=\"{counts}\" y=\"{}\">{}</text>",
                y + 4.0,
                brief(count)
            );
        }
        out.push('\n');
    }
}

/// A label that has room.
fn short(subject: &str) -> String {
    match subject {
        "floor: random text in a ready address" => "floor: ready text".to_owned(),
        subject => subject.replace(", fresh connections", ", fresh"),
    }
}

fn brief(count: u64) -> String {
    match count {
        ..100_000 => format!("{:.1} k", count as f64 / 1e3),
        100_000..1_000_000 => format!("{:.0} k", count as f64 / 1e3),
        1_000_000..100_000_000 => format!("{:.1} M", count as f64 / 1e6),
        _ => format!("{:.0} M", count as f64 / 1e6),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
