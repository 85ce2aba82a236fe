//! A report as one page that needs nothing else: no script, no font, no picture, nothing from elsewhere.
//!
//! What it is not: the data. That is the JSON; the page is for looking.

mod chart;
mod text;

use super::compare::Comparison;
use super::report::{BenchReport, CaseReport, CollectionReport, ImportReport};
use chart::{Bar, Part, bars};
use std::collections::BTreeSet;
use text::{escape, large, size, time};

const STYLE: &str = include_str!("style.css");
/// Colours of numbers of jobs, fewest first.
const SHADES: [&str; 5] = ["one", "two", "three", "four", "five"];
/// More collections than that are told in JSON only.
const MOST_COLLECTIONS: usize = 20;

/// The page.
pub fn page(report: &BenchReport, comparison: Option<&Comparison>) -> String {
    let source = &report.source;
    // Some servers add to their version who has built them.
    let version = source.version.split(' ').next().unwrap_or_default();
    let title = format!("{} ({} {version})", source.database, source.product);
    let mut body = format!("<h1>How fast is {}?</h1>\n", escape(&title));
    body.push_str(&format!(
        "<p>{} rows in {} tables. The middle of {} after {} to warm up, on {} processors ({} {}). {}, {} UTC.</p>\n",
        grouped(report.rows),
        report.collections,
        counted(report.repeats, "run"),
        counted(report.warm_up, "run"),
        report.machine.processors,
        escape(&report.machine.system),
        escape(&report.machine.architecture),
        escape(&report.tool),
        escape(&minute(&report.created_at))
    ));
    body.push_str(&tiles(report));
    body.push_str(&throughput(report));
    body.push_str(&stages(report));
    body.push_str(&collections(report));
    body.push_str(&imports(&report.imports));
    body.push_str(&comparison.map(compared).unwrap_or_default());
    body.push_str(&figures(report));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>dbferry bench: {}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(&title)
    )
}

fn section(title: &str, about: &str, content: &str) -> String {
    format!("<section>\n<h2>{title}</h2>\n<p>{about}</p>\n{content}</section>\n")
}

/// The best of each sink.
fn tiles(report: &BenchReport) -> String {
    let mut best: Vec<&CaseReport> = Vec::new();
    for case in &report.cases {
        match best.iter_mut().find(|known| known.case.sink == case.case.sink) {
            Some(known) if known.rows_per_second < case.rows_per_second => *known = case,
            Some(_) => {}
            None => best.push(case),
        }
    }
    let tile = |case: &&CaseReport| {
        let about = format!("rows/s, {}", case.case);
        format!("<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", large(case.rows_per_second), escape(&about))
    };
    format!("<div class=\"tiles\">\n{}</div>\n", best.iter().map(tile).collect::<String>())
}

fn throughput(report: &BenchReport) -> String {
    let jobs: BTreeSet<usize> = report.cases.iter().map(|case| case.case.jobs).collect();
    let jobs: Vec<usize> = jobs.into_iter().collect();
    let shade = |of: usize| {
        let place = jobs.iter().position(|jobs| *jobs == of).unwrap_or(0);
        // With one number of jobs the middle of the scale reads best.
        SHADES[if jobs.len() == 1 { 1 } else { place.min(SHADES.len() - 1) }]
    };
    let mut last = String::new();
    let bar = |case: &CaseReport| {
        let about = case.case.to_string();
        let series = series(case);
        let label = if series == last { String::new() } else { series.clone() };
        last = series;
        let per = |seconds: f64| if seconds > 0.0 { case.rows as f64 / seconds } else { 0.0 };
        Bar {
            label,
            parts: vec![Part {
                color: shade(case.case.jobs),
                value: case.rows_per_second,
                title: format!("{about}: {} rows/s", large(case.rows_per_second)),
            }],
            spread: Some((per(case.seconds.max), per(case.seconds.min))),
            note: format!("{} rows/s, {}/s", large(case.rows_per_second), size(case.bytes_per_second)),
        }
    };
    let drawn: Vec<Bar> = sorted(report).into_iter().map(bar).collect();
    let keys = jobs.iter().map(|of| (shade(*of), counted(*of, "job")));
    section(
        "Throughput by jobs",
        "Rows a second; the thin lines reach from the slowest to the fastest run.",
        &(legend(keys) + &bars("rows a second by jobs", &drawn, large)),
    )
}

/// The cases, those that differ only in jobs beside each other.
fn sorted(report: &BenchReport) -> Vec<&CaseReport> {
    let mut cases: Vec<&CaseReport> = report.cases.iter().collect();
    let place = |case: &CaseReport| report.cases.iter().position(|other| series(other) == series(case));
    cases.sort_by_key(|case| (place(case), case.case.jobs));
    cases
}

/// What a case is but for its jobs.
fn series(case: &CaseReport) -> String {
    let mut name = case.case.sink.to_string();
    if let Some(compression) = case.case.compression {
        name.push_str(&format!(", {compression}"));
    }
    for (bytes, what) in [(case.case.batch_bytes, "batch"), (case.case.chunk_bytes, "chunk")] {
        if let Some(bytes) = bytes {
            name.push_str(&format!(", {what} {}", size(bytes as f64)));
        }
    }
    name
}

fn stages(report: &BenchReport) -> String {
    let bar = |case: &CaseReport| {
        let parts = case.stages.named().map(|(name, seconds)| Part {
            color: name,
            value: seconds,
            title: format!("{name}: {}", time(seconds)),
        });
        let whole: f64 = parts.iter().map(|part| part.value).sum();
        Bar {
            label: format!("{}, {}", series(case), counted(case.case.jobs, "job")),
            parts: parts.into(),
            spread: None,
            note: time(whole),
        }
    };
    let drawn: Vec<Bar> = sorted(report).into_iter().map(bar).collect();
    let names = [
        ("wait", "waiting for the database or a processor"),
        ("decode", "driver and decoding"),
        ("hash", "hashing"),
        ("encode", "encoding"),
        ("compress", "compressing"),
        ("write", "writing"),
        ("other", "other"),
    ];
    section(
        "Time by stage",
        "Seconds of the reading threads together, from the first row to the last.",
        &(legend(names.into_iter().map(|(color, name)| (color, name.to_owned())))
            + &bars("seconds by stage", &drawn, time)),
    )
}

fn collections(report: &BenchReport) -> String {
    let Some(case) = report.longest_way() else { return String::new() };
    let more = case.per_collection.len().saturating_sub(MOST_COLLECTIONS);
    let about = format!(
        "Seconds of all threads together in {}: in the reader, and what became of the rows.{}",
        escape(&case.case.to_string()),
        if more > 0 { format!(" {more} more tables are in the JSON.") } else { String::new() }
    );
    let keys = [("decode", "reading"), ("encode", "hashing, encoding, writing")];
    let content = legend(keys.into_iter().map(|(color, name)| (color, name.to_owned())));
    section("By table", &about, &(content + &by_collection(&case.per_collection, |one| one.reading_seconds)))
}

fn by_collection(reports: &[CollectionReport], first: impl Fn(&CollectionReport) -> f64) -> String {
    let bar = |one: &CollectionReport| {
        let reading = first(one);
        let part = |color, value: f64| Part { color, value, title: format!("{}: {}", one.collection, time(value)) };
        Bar {
            label: one.collection.clone(),
            parts: vec![part("decode", reading), part("encode", f64::max(one.seconds - reading, 0.0))],
            spread: None,
            note: format!("{} rows, {}", large(one.rows as f64), size(one.bytes as f64)),
        }
    };
    let drawn: Vec<Bar> = reports.iter().take(MOST_COLLECTIONS).map(bar).collect();
    bars("seconds by table", &drawn, time)
}

fn imports(reports: &[ImportReport]) -> String {
    let Some(first) = reports.first() else { return String::new() };
    const COLORS: [&str; 6] = ["wait", "hash", "decode", "compress", "encode", "write"];
    let color = |place: usize| COLORS[place % COLORS.len()];
    let bar = |report: &ImportReport| Bar {
        label: counted(report.jobs, "job"),
        parts: report
            .phases
            .iter()
            .enumerate()
            .map(|(place, phase)| Part {
                color: color(place),
                value: phase.seconds,
                title: format!("{}: {}", phase.phase, time(phase.seconds)),
            })
            .collect(),
        spread: None,
        note: format!("{}, {} rows/s", time(report.seconds.median), large(report.rows_per_second)),
    };
    let drawn: Vec<Bar> = reports.iter().map(bar).collect();
    let keys = first.phases.iter().enumerate().map(|(place, phase)| (color(place), phase.phase.clone()));
    let about = format!(
        "A restore of {} rows into {} {}: seconds by what was done one after the other.",
        grouped(first.rows),
        escape(&first.target.product),
        escape(first.target.version.split(' ').next().unwrap_or_default())
    );
    section("The way back", &about, &(legend(keys) + &bars("seconds of a restore by phase", &drawn, time)))
}

fn compared(comparison: &Comparison) -> String {
    let rows = comparison.cases.iter().map(|case| {
        format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td{}>{:+.1} %</td></tr>\n",
            escape(&case.case),
            large(case.rows_per_second_before),
            large(case.rows_per_second),
            if case.slower { " class=\"slower\"" } else { "" },
            case.change * 100.0
        )
    });
    let head = "<tr><th>case</th><th>rows/s before</th><th>rows/s now</th><th>time for a row</th></tr>\n";
    let table = format!("<div class=\"scroll\"><table>\n{head}{}</table></div>\n", rows.collect::<String>());
    section("Compared with before", "More time for a row is slower.", &table)
}

fn figures(report: &BenchReport) -> String {
    let mut rows = String::from(
        "<tr><th>case</th><th>seconds</th><th>min to max</th><th>rows/s</th><th>bytes/s</th><th>CPU</th><th>memory</th>\
         <th>files</th></tr>\n",
    );
    let optional = |bytes: Option<u64>| bytes.map(|bytes| size(bytes as f64)).unwrap_or_default();
    for case in sorted(report) {
        let cells = [
            case.case.to_string(),
            format!("{:.2}", case.seconds.median),
            format!("{:.2} to {:.2}", case.seconds.min, case.seconds.max),
            large(case.rows_per_second),
            size(case.bytes_per_second),
            case.cpu.map(|cpu| time(cpu.total())).unwrap_or_default(),
            optional(case.peak_memory),
            optional(case.output_bytes),
        ];
        rows.push_str("<tr>");
        cells.iter().for_each(|cell| rows.push_str(&format!("<td>{}</td>", escape(cell))));
        rows.push_str("</tr>\n");
    }
    section(
        "All figures",
        "null: rows are taken from the database and nothing is made of them. arrow: decoded. parquet: hashed, encoded and \
         compressed. file: written to the disk. Bytes are counted as they come for null, and in memory otherwise.",
        &format!("<div class=\"scroll\"><table>\n{rows}</table></div>\n"),
    )
}

fn legend(keys: impl Iterator<Item = (&'static str, String)>) -> String {
    let keys = keys.map(|(color, name)| format!("<li><i class=\"{color}\"></i>{}</li>", escape(&name)));
    format!("<ul class=\"keys\">{}</ul>\n", keys.collect::<String>())
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A point in time without what is finer than a minute: `2026-11-30 06:49`.
fn minute(time: &str) -> String {
    time.chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
