//! Compares the shape of an archived collection with the one that the target holds: every difference at once, each with a
//! verdict.

use crate::translate::{Decision, Policy, Translation};
use dbferry_dialect::model::{ColumnRole, Index, IndexPart, IndexSubject, NativeType};
use dbferry_dialect::{Collection, Column, Fidelity, LogicalType, NativeMapping, Syntax};
use serde::Serialize;
use std::fmt;

/// What becomes of one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedColumn {
    /// Its name in the source, or in the target if only that has it.
    pub name: String,
    /// Its name in the target, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed: Option<String>,
    /// Its type in the archive; absent when only the target has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its type in the target; absent when only the archive has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, unless it is identical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How its values cross; absent when only the target has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translation: Option<ExplainedType>,
}

/// How the values of a column cross, and who decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedType {
    /// What they mean in the source.
    pub from: String,
    /// What they mean in the target.
    pub to: String,
    /// Who decided: `default`, `rule 2`, `evidence`.
    pub by: String,
    /// Why, unless the default was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What happens to a value that does not fit.
    pub on_misfit: Policy,
}

/// A verdict on one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Same type, same nullability.
    Identical,
    /// The target's type holds every value of the archive's.
    Widening,
    /// Only the target has the column, and it fills itself.
    Extra,
    /// Holds as long as the rows agree; checked while loading.
    Checked,
    /// Something is lost; needs consent.
    Lossy,
    /// Cannot be loaded.
    Incompatible,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identical => "identical",
            Self::Widening => "widening",
            Self::Extra => "extra",
            Self::Checked => "checked",
            Self::Lossy => "lossy",
            Self::Incompatible => "incompatible",
        })
    }
}

impl Verdict {
    /// The verdict on a column whose type the target's dialect chose.
    pub(super) fn of(fidelity: &Fidelity) -> Self {
        match fidelity {
            Fidelity::Exact => Self::Identical,
            Fidelity::Checked { .. } => Self::Checked,
            Fidelity::Lossy { .. } => Self::Lossy,
            Fidelity::Unsupported { .. } => Self::Incompatible,
        }
    }
}

/// The comparison of two collections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) columns: Vec<PlannedColumn>,
    /// What keeps the rows from being loaded, in sentences.
    pub(super) problems: Vec<String>,
    /// What differs and does no harm, in sentences.
    pub(super) notes: Vec<String>,
}

/// Compares the archive's `source` with the target's `target`, whose dialect's syntax is `syntax`. `same_dialect` says whether
/// native types mean the same on both sides.
pub(super) fn compare(source: &Collection, target: &Collection, syntax: &dyn Syntax, same_dialect: bool) -> Comparison {
    let mut comparison = Comparison::default();
    for column in source.columns.iter().filter(|column| same_dialect || column.role == ColumnRole::Data) {
        let planned = match target.column(&column.name) {
            Some((_, existing)) => {
                let chosen = syntax.column_type(source, column);
                compare_column(column, existing, chosen, syntax, same_dialect)
            }
            None if column.role == ColumnRole::RowIdentity => PlannedColumn {
                name: column.name.clone(),
                renamed: None,
                source: Some(column.native.text.clone()),
                target: None,
                verdict: Verdict::Incompatible,
                reason: Some("the target's rows have no row number of that name".into()),
                translation: None,
            },
            None => PlannedColumn {
                name: column.name.clone(),
                renamed: None,
                source: Some(described(column)),
                target: None,
                verdict: Verdict::Incompatible,
                reason: Some("the target has no such column".into()),
                translation: None,
            },
        };
        comparison.add(planned);
    }
    for column in &target.columns {
        if column.role == ColumnRole::Data && source.column(&column.name).is_none() {
            comparison.add(extra_column(column));
        }
    }
    compare_keys(source, target, same_dialect, &mut comparison);
    comparison
}

impl Comparison {
    /// Puts in what is known of each column's translation: its type in the source, who decided, what the conversion does.
    pub(super) fn explain(&mut self, source: &Collection, translation: &Translation<'_>) {
        let target = translation.collection.columns.iter();
        for ((column, chosen), target) in source.columns.iter().zip(&translation.columns).zip(target) {
            if let Some(problem) = &chosen.problem {
                self.problems.push(format!("column {}: {problem}", column.name));
            }
            let Some(planned) = self.columns.iter_mut().find(|planned| planned.name == target.name) else { continue };
            if target.name != column.name {
                planned.name.clone_from(&column.name);
                planned.renamed = Some(target.name.clone());
            }
            if planned.source.is_some() && chosen.from != chosen.to {
                planned.source = Some(described(column));
            }
            let conversion = Verdict::of(&chosen.fidelity);
            if conversion > planned.verdict {
                planned.verdict = conversion;
                planned.reason = chosen.fidelity.reason().map(str::to_owned);
            }
            if chosen.by != Decision::Default {
                let because = chosen.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                self.notes.push(format!("column {} becomes {} by {}{because}", column.name, chosen.to, chosen.by));
            }
            planned.translation = Some(ExplainedType {
                from: chosen.from.to_string(),
                to: chosen.to.to_string(),
                by: chosen.by.to_string(),
                because: chosen.reason.clone(),
                on_misfit: chosen.on_misfit,
            });
        }
    }

    /// The columns that lose something even for ordinary values, each with what.
    pub(super) fn lossy(&self) -> Vec<(String, String)> {
        let lossy = self.columns.iter().filter(|column| column.verdict == Verdict::Lossy);
        lossy.map(|column| (column.name.clone(), column.reason.clone().unwrap_or_default())).collect()
    }

    pub(super) fn add(&mut self, column: PlannedColumn) {
        if column.verdict == Verdict::Incompatible {
            let reason = column.reason.as_deref().unwrap_or("the target cannot hold its values");
            self.problems.push(format!("column {}: {reason}", column.name));
        }
        self.columns.push(column);
    }
}

/// `chosen` is the type that the target's dialect has for such a column.
fn compare_column(
    source: &Column,
    target: &Column,
    chosen: NativeMapping,
    syntax: &dyn Syntax,
    same_dialect: bool,
) -> PlannedColumn {
    let types = if same_dialect {
        compare_native(source, target, syntax)
    } else if normalised(&chosen.text) == normalised(&target.native.text) || keeps_texts(&chosen, target, syntax) {
        TypeVerdict::Chosen(chosen.fidelity)
    } else {
        compare_types(&source.logical, &target.logical)
    };
    let (mut verdict, mut reason) = match types {
        TypeVerdict::Chosen(fidelity) => (Verdict::of(&fidelity), fidelity.reason().map(str::to_owned)),
        TypeVerdict::Same => (Verdict::Identical, None),
        TypeVerdict::Wider => (Verdict::Widening, Some("the target's type is wider".to_owned())),
        TypeVerdict::StoredAlike => (
            Verdict::Widening,
            Some("declared in another way, but the target stores the values as they are".to_owned()),
        ),
        TypeVerdict::StoredOtherwise => {
            (Verdict::Checked, Some("the target may store some values in another way".to_owned()))
        }
        TypeVerdict::Narrower(why) => (Verdict::Incompatible, Some(why)),
        TypeVerdict::Other => {
            (Verdict::Incompatible, Some(format!("{} does not go into {}", described(source), described(target))))
        }
    };
    let mut raise = |at_least: Verdict, why: &str| {
        if verdict < at_least {
            verdict = at_least;
            reason = Some(why.to_owned());
        }
    };
    match (&source.generated, &target.generated) {
        (None, Some(_)) => {
            raise(Verdict::Incompatible, "the target computes this column, so its rows cannot be loaded");
        }
        (Some(_), None) => {
            raise(Verdict::Checked, "computed in the source, plain in the target: the values are loaded");
        }
        _ => {}
    }
    if source.nullable && !target.nullable && target.generated.is_none() {
        raise(Verdict::Checked, "the target allows no nulls here");
    }
    PlannedColumn {
        name: source.name.clone(),
        renamed: None,
        source: Some(described(source)),
        target: Some(described(target)),
        verdict,
        reason,
        translation: None,
    }
}

/// Whether the values of `source`, a column of `collection`, go into the column `target` that is there.
pub(super) fn fits(
    collection: &Collection,
    source: &Column,
    target: &Column,
    syntax: &dyn Syntax,
    same_dialect: bool,
) -> bool {
    let chosen = syntax.column_type(collection, source);
    compare_column(source, target, chosen, syntax, same_dialect).verdict < Verdict::Lossy
}

fn extra_column(target: &Column) -> PlannedColumn {
    let fills_itself =
        target.nullable || target.default.is_some() || target.generated.is_some() || target.identity.is_some();
    PlannedColumn {
        name: target.name.clone(),
        renamed: None,
        source: None,
        target: Some(described(target)),
        verdict: if fills_itself { Verdict::Extra } else { Verdict::Incompatible },
        reason: Some(if fills_itself {
            "only the target has it; it gets its default".into()
        } else {
            "only the target has it, it allows no nulls and has no default".into()
        }),
        translation: None,
    }
}

fn compare_keys(source: &Collection, target: &Collection, same_dialect: bool, comparison: &mut Comparison) {
    let key = |collection: &Collection| collection.primary_key.as_ref().map(|key| key.columns.clone());
    let (source_key, target_key) = (key(source), key(target));
    if source_key != target_key {
        let spell = |key: Option<Vec<String>>| key.map_or_else(|| "none".to_owned(), |columns| columns.join(", "));
        comparison.problems.push(format!(
            "primary key: {} in the archive, {} in the target",
            spell(source_key),
            spell(target_key)
        ));
    }
    // Engines do not agree on what is a unique constraint and what an index.
    let unique = |collection: &Collection| {
        let keys = collection.unique_keys.iter().map(|key| key.columns.clone());
        let indexes = collection.indexes.iter().filter(|index| index.unique && !same_dialect).filter_map(columns_of);
        keys.chain(indexes).collect::<Vec<_>>()
    };
    let (own, there) = (unique(source), unique(target));
    for columns in there.iter().filter(|columns| !own.contains(columns)) {
        comparison.notes.push(format!("only the target has a unique key on {}", columns.join(", ")));
    }
    for columns in own.iter().filter(|columns| !there.contains(columns)) {
        comparison.notes.push(format!("the target has no unique key on {}", columns.join(", ")));
    }
    for index in &source.indexes {
        let is_there = if same_dialect {
            target.indexes.iter().any(|other| other.parts == index.parts && other.unique == index.unique)
        } else {
            index.unique || target.indexes.iter().any(|other| is_alike(index, other))
        };
        if !is_there {
            comparison.notes.push(format!("the target has no index like {}; the target keeps its own", index.name));
        }
    }
    for key in &source.foreign_keys {
        if !target.foreign_keys.iter().any(|other| other.columns == key.columns && other.references == key.references) {
            let (columns, parent) = (key.columns.join(", "), &key.references);
            comparison.notes.push(format!("the target has no foreign key from {columns} to {parent}"));
        }
    }
}

/// The columns of an index that is over nothing else.
fn columns_of(index: &Index) -> Option<Vec<String>> {
    let column = |part: &IndexPart| match &part.subject {
        IndexSubject::Column(name) => Some(name.clone()),
        IndexSubject::Expression(_) => None,
    };
    index.parts.iter().map(column).collect()
}

/// Whether an index of another dialect can be this one: expressions are spelled in each dialect's own way.
fn is_alike(index: &Index, other: &Index) -> bool {
    let alike = |(one, other): (&IndexPart, &IndexPart)| match (&one.subject, &other.subject) {
        (IndexSubject::Column(one), IndexSubject::Column(other)) => one == other,
        _ => true,
    };
    index.parts.len() == other.parts.len() && index.parts.iter().zip(&other.parts).all(alike)
}

/// How one logical type goes into another.
#[derive(Clone, Debug, PartialEq, Eq)]
enum TypeVerdict {
    Same,
    Wider,
    /// The target has the very type that its dialect has for such values, as after an earlier restore.
    Chosen(Fidelity),
    /// The declarations differ and are hints: the target keeps the values as they are.
    StoredAlike,
    /// The declarations ask for the same and are hints: the target may convert some values.
    StoredOtherwise,
    Narrower(String),
    Other,
}

/// How a column goes into another one of the same dialect. Equal declarations are equal, whatever the values of one of them
/// looked like when it was dumped.
fn compare_native(source: &Column, target: &Column, syntax: &dyn Syntax) -> TypeVerdict {
    use TypeVerdict::{Other, Same, StoredAlike, StoredOtherwise, Wider};
    if normalised(&source.native.text) == normalised(&target.native.text) {
        return Same;
    }
    let declared = |column: &Column| syntax.declared_type(&column.native).unwrap_or_else(|| column.logical.clone());
    let types = compare_types(&declared(source), &declared(target));
    match (syntax.stores_alike(&source.native, &target.native), types) {
        (Some(true), Other) => StoredAlike,
        (Some(false), Same | Wider) => StoredOtherwise,
        (_, types) => types,
    }
}

fn compare_types(source: &LogicalType, target: &LogicalType) -> TypeVerdict {
    use LogicalType as L;
    use TypeVerdict::{Narrower, Other, Same, Wider};
    if source == target {
        return Same;
    }
    let by_bound = |source: Option<u64>, target: Option<u64>, unit: &str| match (source, target) {
        (_, None) => Wider,
        (Some(source), Some(target)) if source <= target => Wider,
        (source, Some(target)) => Narrower(format!(
            "the target is narrower: {target} {unit} instead of {}",
            source.map_or_else(|| "any number of them".to_owned(), |n| n.to_string())
        )),
    };
    match (source, target) {
        (L::Int { bits: a, signed: sa }, L::Int { bits: b, signed: sb }) => {
            let fits = if sa == sb { b >= a } else { *sb && b > a };
            if fits { Wider } else { Narrower(format!("the target is narrower: {target} instead of {source}")) }
        }
        (L::Float { bits: a }, L::Float { bits: b }) => {
            if b >= a {
                Wider
            } else {
                Narrower("the target is narrower: float32 instead of float64".into())
            }
        }
        (L::Decimal { precision: p1, scale: s1 }, L::Decimal { precision: p2, scale: s2 }) => {
            if s2 >= s1 && p2 - s2.min(p2) >= p1 - s1 {
                Wider
            } else {
                Narrower(format!("the target is narrower: {target} instead of {source}"))
            }
        }
        (L::Decimal { .. } | L::Int { .. }, L::Numeric) => Wider,
        (L::Text { max_chars: a, .. }, L::Text { max_chars: b, .. }) => by_bound(*a, *b, "characters"),
        (L::Bytes { max_bytes: a, .. }, L::Bytes { max_bytes: b, .. }) => by_bound(*a, *b, "bytes"),
        (L::Time { precision: a }, L::Time { precision: b })
        | (L::TimeTz { precision: a }, L::TimeTz { precision: b })
        | (L::Timestamp { precision: a }, L::Timestamp { precision: b })
        | (L::Instant { precision: a }, L::Instant { precision: b })
        | (L::Span { precision: a }, L::Span { precision: b }) => {
            by_bound(Some(u64::from(*a)), Some(u64::from(*b)), "digits of a second")
        }
        (L::Enum { labels: a }, L::Enum { labels: b }) | (L::Set { labels: a }, L::Set { labels: b }) => {
            match a.iter().find(|label| !b.contains(label)) {
                None => Wider,
                Some(label) => Narrower(format!("the target has no label {label}")),
            }
        }
        (_, L::Dynamic) => Wider,
        _ => Other,
    }
}

/// Whether the column that is there holds any text, and stores it as the chosen type would.
fn keeps_texts(chosen: &NativeMapping, target: &Column, syntax: &dyn Syntax) -> bool {
    let wanted = NativeType { text: chosen.text.clone(), ..NativeType::default() };
    target.logical == LogicalType::TEXT && syntax.stores_alike(&wanted, &target.native) == Some(true)
}

/// A column's type as messages show it.
fn described(column: &Column) -> String {
    let text = if column.native.text.is_empty() { column.logical.to_string() } else { column.native.text.clone() };
    if column.nullable { text } else { format!("{text} NOT NULL") }
}

fn normalised(native: &str) -> String {
    native.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase().replace(" (", "(").replace(", ", ",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::testkit::MemoryDialect;
    use dbferry_dialect::{CollectionName, Dialect};

    fn table(columns: Vec<Column>) -> Collection {
        Collection::table(CollectionName::new("main", "t"), columns)
    }

    fn text(max_chars: Option<u64>) -> LogicalType {
        LogicalType::Text { max_chars, fixed: false }
    }

    #[test]
    fn all_differences_are_found_at_once() {
        let source = table(vec![
            Column::new("id", LogicalType::INT64, "INTEGER"),
            Column::new("gone", LogicalType::TEXT, "TEXT"),
            Column::new("name", text(Some(40)), "VARCHAR(40)"),
            Column::new("price", LogicalType::Decimal { precision: 10, scale: 2 }, "DECIMAL(10,2)"),
        ]);
        let mut required = Column::new("must", LogicalType::INT64, "INTEGER");
        required.nullable = false;
        let target = table(vec![
            Column::new("id", LogicalType::INT64, "integer"),
            Column::new("name", text(Some(10)), "VARCHAR(10)"),
            Column::new("price", LogicalType::Decimal { precision: 12, scale: 2 }, "DECIMAL(12, 2)"),
            Column::new("spare", LogicalType::TEXT, "TEXT"),
            required,
        ]);
        let comparison = compare(&source, &target, MemoryDialect::new().syntax(), true);
        let verdicts: Vec<_> = comparison.columns.iter().map(|column| (column.name.as_str(), column.verdict)).collect();
        assert_eq!(
            verdicts,
            [
                ("id", Verdict::Identical),
                ("gone", Verdict::Incompatible),
                ("name", Verdict::Incompatible),
                ("price", Verdict::Widening),
                ("spare", Verdict::Extra),
                ("must", Verdict::Incompatible),
            ]
        );
        assert_eq!(comparison.problems.len(), 3, "{:?}", comparison.problems);
    }

    #[test]
    fn whole_numbers_widen_by_range_and_not_by_name() {
        let int = |bits, signed| LogicalType::Int { bits, signed };
        assert_eq!(compare_types(&int(32, true), &int(64, true)), TypeVerdict::Wider);
        assert_eq!(compare_types(&int(32, false), &int(64, true)), TypeVerdict::Wider);
        assert!(matches!(compare_types(&int(64, false), &int(64, true)), TypeVerdict::Narrower(_)));
        assert!(matches!(compare_types(&int(32, true), &int(64, false)), TypeVerdict::Narrower(_)));
        assert_eq!(compare_types(&int(64, true), &LogicalType::Date), TypeVerdict::Other);
    }

    #[test]
    fn a_column_that_the_target_computes_cannot_be_loaded() {
        let source = table(vec![Column::new("a", LogicalType::INT64, "INTEGER")]);
        let mut target = source.clone();
        target.columns[0].generated = Some(dbferry_dialect::model::Generated { expression: "1".into(), stored: true });
        assert_eq!(
            compare(&source, &target, MemoryDialect::new().syntax(), true).columns[0].verdict,
            Verdict::Incompatible
        );
        assert_eq!(compare(&target, &source, MemoryDialect::new().syntax(), true).columns[0].verdict, Verdict::Checked);
    }
}
