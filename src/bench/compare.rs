//! An earlier report beside a new one: is anything slower?
//!
//! What it is not: statistics. Two machines, or one that is busy, cannot be compared, and nothing here notices.

use super::report::BenchReport;
use dbferry_dialect::{Error, ErrorKind, Result};
use serde::Serialize;

/// What became of the cases that both have.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// How much longer a row may take before it counts as slower: 0.1 is a tenth. Without it nothing counts.
    pub fail_over: Option<f64>,
    /// Each case that both have.
    pub cases: Vec<ComparedCase>,
    /// Cases of the earlier report that were not measured now.
    pub missing: Vec<String>,
}

/// One case in both reports.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedCase {
    /// What was measured.
    pub case: String,
    /// Rows a second then.
    pub rows_per_second_before: f64,
    /// Rows a second now.
    pub rows_per_second: f64,
    /// How much longer a row takes: 0.1 is a tenth, less than 0 is faster.
    pub change: f64,
    /// Whether that is more than is allowed.
    pub slower: bool,
}

impl Comparison {
    /// The cases that are slower than allowed.
    pub fn slower(&self) -> impl Iterator<Item = &ComparedCase> {
        self.cases.iter().filter(|case| case.slower)
    }
}

/// Compares the medians of all cases that both reports have.
///
/// # Errors
/// [`ErrorKind::Usage`] when they have none in common.
pub fn compare(before: &BenchReport, now: &BenchReport, fail_over: Option<f64>) -> Result<Comparison> {
    let (then, new) = (speeds(before), speeds(now));
    let mut comparison = Comparison { fail_over, cases: Vec::new(), missing: Vec::new() };
    for (case, earlier) in then {
        let Some((_, rows_per_second)) = new.iter().find(|(name, _)| *name == case) else {
            comparison.missing.push(case);
            continue;
        };
        let change = if *rows_per_second > 0.0 { earlier / rows_per_second - 1.0 } else { 0.0 };
        comparison.cases.push(ComparedCase {
            case,
            rows_per_second_before: earlier,
            rows_per_second: *rows_per_second,
            change,
            slower: fail_over.is_some_and(|most| change > most),
        });
    }
    if comparison.cases.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "the two benchmarks have no case in common")
            .hint("measure with the same sinks, jobs, compressions and sizes"));
    }
    Ok(comparison)
}

/// Rows a second of every case, by what was measured.
fn speeds(report: &BenchReport) -> Vec<(String, f64)> {
    let cases = report.cases.iter().map(|case| (case.case.to_string(), case.rows_per_second));
    let imports = report.imports.iter().map(|import| (format!("import, {} jobs", import.jobs), import.rows_per_second));
    cases.chain(imports).collect()
}
