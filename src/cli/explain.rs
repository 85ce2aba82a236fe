//! `plan --explain-types`: for every column its type on both sides, what happens to its values, and who decided it.

use super::output::{Columns, Output};
use super::text::one_line;
use dbferry::Result;
use dbferry::restore::{PlannedColumn, RestorePlan};

/// Prints the table.
pub(super) fn show(plan: &RestorePlan, output: &Output) -> Result<()> {
    const HEAD: [&str; 9] = ["column", "source", "means", "becomes", "target", "fidelity", "by", "misfits", "why"];
    let mut table = Columns::new(&HEAD, &[]);
    for collection in plan.collections() {
        for column in &collection.columns {
            let Some(translation) = &column.translation else { continue };
            table.row([
                format!("{}.{}", collection.collection, column.name),
                column.source.clone().unwrap_or_default(),
                translation.from.clone(),
                if translation.from == translation.to { "the same".into() } else { translation.to.clone() },
                column.target.clone().unwrap_or_default(),
                column.verdict.to_string(),
                translation.by.clone(),
                translation.on_misfit.to_string(),
                why(column).into_owned(),
            ]);
        }
    }
    output.table(&table)?;
    output.say("")
}

/// What the decision rests on, then what the target's type does.
fn why(column: &PlannedColumn) -> std::borrow::Cow<'_, str> {
    let because = column.translation.as_ref().and_then(|translation| translation.because.as_deref());
    match (because, column.reason.as_deref()) {
        (Some(because), Some(reason)) => one_line(&format!("{because}; {reason}")).into_owned().into(),
        (Some(text), None) | (None, Some(text)) => one_line(text),
        (None, None) => "".into(),
    }
}
