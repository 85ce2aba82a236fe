//! What stands around the columns of a table: defaults, numbering, keys, checks, indexes, comments.
//!
//! Each part is carried if it means the same in the target, and else named: as not carried where it is missing there, in a
//! note where it is there in another way that keeps the rows what they are. Texts of the source's dialect are never used: what a
//! default or an expression means is, if it is understood. What it is not: types are chosen before, and names by
//! [`Names`](super::names::Names).

mod constraints;
mod expressions;

use super::choose::Crossing;
use super::{ColumnTranslation, Decision};
use dbferry_dialect::expression;
use dbferry_dialect::model::{Check, ColumnRole, Counter, DefaultMeaning, DefaultValue, Identity, NotCarried};
use dbferry_dialect::{Collection, CollectionName, Column, Expression, LogicalType, Part};
use std::collections::BTreeMap;

/// What is known beside a collection itself.
pub(super) struct Surroundings<'a, 'c, 'r> {
    pub(super) crossing: &'c Crossing<'a, 'r>,
    /// What becomes of the columns of all that are restored.
    pub(super) columns: &'c BTreeMap<&'c CollectionName, &'c [ColumnTranslation]>,
}

/// What of a collection is not as it was.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    /// What is missing in the target.
    pub(super) not_carried: Vec<NotCarried>,
    /// What is there in another way.
    pub(super) notes: Vec<String>,
}

impl Losses {
    fn lose(&mut self, kind: &str, name: impl Into<String>, reason: impl Into<String>) {
        self.not_carried.push(NotCarried { kind: kind.to_owned(), name: name.into(), reason: reason.into() });
    }
}

/// A collection on its way.
struct Carrying<'s, 'a, 'c, 'r> {
    surroundings: &'s Surroundings<'a, 'c, 'r>,
    /// As the source has it.
    source: &'s Collection,
    losses: Losses,
}

/// A number that is written as a text, as a number where the column holds numbers: engines without such a type keep it so.
fn suit(column: &mut Column) {
    let is_number = matches!(
        column.logical,
        LogicalType::Int { .. } | LogicalType::Decimal { .. } | LogicalType::Numeric | LogicalType::Float { .. }
    );
    let Some(meaning) = column.default.as_mut().and_then(|default| default.meaning.as_mut()) else { return };
    match meaning {
        DefaultMeaning::Text(text) if is_number && expression::is_number(text) => {
            *meaning = DefaultMeaning::Number(std::mem::take(text));
        }
        _ => {}
    }
}

impl Surroundings<'_, '_, '_> {
    /// Carries what stands around the columns of `source` over to `collection`, which has the target's types by now, and gives
    /// everything in it its name there.
    pub(super) fn carry(
        &self,
        source: &Collection,
        collection: &mut Collection,
        columns: &[ColumnTranslation],
    ) -> Losses {
        self.crossing.names.rename(collection);
        let mut carrying = Carrying { surroundings: self, source, losses: Losses::default() };
        carrying.losses.notes.extend(self.crossing.names.told(source));
        carrying.comments(collection);
        carrying.columns(collection);
        carrying.keys(collection);
        carrying.foreign_keys(collection);
        carrying.checks(collection);
        carrying.indexes(collection);
        carrying.labels(collection, columns);
        carrying.letters(collection);
        collection.attributes.clear();
        carrying.losses
    }
}

impl<'s, 'a, 'c, 'r> Carrying<'s, 'a, 'c, 'r> {
    fn crossing(&self) -> &'c Crossing<'a, 'r> {
        self.surroundings.crossing
    }

    /// What the source's dialect says of a part beyond the model. False when nothing of the part is carried.
    fn tell_unspoken(&mut self, kind: &str, name: &str, part: Part<'_>) -> bool {
        let found = self.crossing().source_syntax.map(|syntax| syntax.unspoken(part)).unwrap_or_default();
        let mut carried = true;
        for unspoken in found {
            carried &= !unspoken.essential;
            let reason = format!("there it {}", unspoken.without);
            if unspoken.essential {
                self.losses.lose(kind, name, format!("without {} it {} there", unspoken.what, unspoken.without));
            } else {
                self.losses.lose(&format!("{} of {kind}", unspoken.what), name, reason);
            }
        }
        carried
    }

    /// Comments go where there are some.
    fn comments(&mut self, collection: &mut Collection) {
        let capabilities = self.crossing().capabilities;
        let longest = capabilities.carries.comment_chars;
        let is_held = |comment: &String| {
            capabilities.comments
                && longest.is_none_or(|longest| comment.chars().count() <= longest)
                && !comment.contains('\0')
        };
        let mut lost = Vec::new();
        if collection.comment.take_if(|comment| !is_held(comment)).is_some() {
            lost.push("the table".to_owned());
        }
        for column in &mut collection.columns {
            if column.comment.take_if(|comment| !is_held(comment)).is_some() {
                lost.push(column.name.clone());
            }
        }
        if !lost.is_empty() {
            let reason = if capabilities.comments { "too long for the target" } else { "the target has no comments" };
            self.losses.lose("comment", lost.join(", "), reason);
        }
    }

    /// Defaults and numbering.
    fn columns(&mut self, collection: &mut Collection) {
        let syntax = self.crossing().target_syntax;
        let mut numbered = Vec::new();
        for at in 0..collection.columns.len() {
            let (source, column) = (&self.source.columns[at], &collection.columns[at]);
            if column.role != ColumnRole::Data {
                continue;
            }
            self.tell_unspoken("column", &source.name, Part::Column(source));
            if source.generated.is_some() {
                self.losses.notes.push(format!(
                    "column {} is computed in the source and plain there: its values are carried, not what computes them",
                    source.name
                ));
            }
            let sequence = self.sequence(source).filter(|_| matches!(column.logical, LogicalType::Int { .. }));
            if let Some(counter) = sequence {
                collection.columns[at].identity = Some(Identity::ByDefault);
                numbered.push((at, counter));
            }
            suit(&mut collection.columns[at]);
            let column = &collection.columns[at];
            let is_numbered = column.identity.is_some() || source.identity.is_some();
            let numbers = syntax.numbers(collection, column);
            let default = source.default.as_ref().filter(|_| !is_numbered && source.generated.is_none());
            let is_null = |default: &DefaultValue| default.meaning == Some(DefaultMeaning::Null);
            let lost = default.filter(|default| !is_null(default)).and_then(|default| match &default.meaning {
                None => Some((default.native.clone(), "it is not understood")),
                Some(_) if syntax.column_default(collection, column).is_none() => {
                    Some((default.native.clone(), "it is no value of the type that the column has there"))
                }
                Some(_) => None,
            });
            let column = &mut collection.columns[at];
            if let Some((native, why)) = lost {
                column.default = None;
                self.losses.lose("default", &source.name, format!("{native}: {why}"));
            } else if is_numbered || source.generated.is_some() {
                column.default = None;
            }
            if is_numbered && !numbers {
                column.identity = None;
                let reason = "the target does not number a column of that type or without a key of its own";
                self.losses.lose("numbering", &source.name, reason);
            }
        }
        for (at, counter) in numbered {
            if collection.columns[at].identity.is_some() && collection.counter.is_none() {
                let column = collection.columns[at].name.clone();
                collection.counter = counter.map(|counter| Counter { column, ..counter });
            }
        }
        let is_numbered = |name: &str| collection.column(name).is_some_and(|(_, column)| column.identity.is_some());
        if collection.counter.as_ref().is_some_and(|counter| !is_numbered(&counter.column)) {
            collection.counter = None;
        }
    }

    /// Where the sequence stands that a column is numbered by, if one does.
    fn sequence(&self, source: &Column) -> Option<Option<Counter>> {
        let crossing = self.crossing();
        let syntax = crossing.source_syntax?;
        syntax.numbered_by(source, crossing.objects).map(|(_, counter)| counter)
    }

    /// A column of labels takes no other ones: where the target has no type for that, a check says it.
    fn labels(&self, collection: &mut Collection, columns: &[ColumnTranslation]) {
        let crossing = self.crossing();
        if crossing.capabilities.carries.enumerations || !crossing.capabilities.carries.checks {
            return;
        }
        let mut checks = Vec::new();
        for (column, chosen) in collection.columns.iter().zip(columns) {
            let LogicalType::Enum { labels } = &column.logical else { continue };
            let plain = chosen.to_native.is_none() && matches!(chosen.by, Decision::Default | Decision::Rule(_));
            if !plain || labels.is_empty() {
                continue;
            }
            let meaning = Expression::one_of(&column.name, labels.iter().cloned());
            if crossing.target_syntax.expression(collection, &meaning).is_some() {
                checks.push(Check { name: None, expression: String::new(), meaning: Some(meaning), definition: None });
            }
        }
        collection.checks.append(&mut checks);
    }

    /// Texts that are equal in the source whatever their case are not in the target.
    fn letters(&mut self, collection: &Collection) {
        let Some(syntax) = self.crossing().source_syntax else { return };
        let folded = |(source, column): &(&Column, &Column)| {
            matches!(column.logical, LogicalType::Text { .. }) && syntax.ignores_case(self.source, source)
        };
        let pairs = self.source.columns.iter().zip(&collection.columns);
        let names: Vec<&str> = pairs.filter(folded).map(|(source, _)| source.name.as_str()).collect();
        if names.is_empty() {
            return;
        }
        let keys = self.source.primary_key.iter().chain(&self.source.unique_keys).map(|key| key.columns.join(", "));
        let indexes = self.source.indexes.iter().filter(|index| index.unique).map(expressions::columns_of);
        let is_folded = |columns: &String| columns.split(", ").any(|column| names.contains(&column));
        let keys: Vec<String> = keys.chain(indexes).filter(is_folded).collect();
        let mut note =
            format!("upper and lower case are different there, and equal in the source, in {}", names.join(", "));
        if !keys.is_empty() {
            note.push_str(&format!("; so what is unique by {} may differ in case only", keys.join("; ")));
        }
        self.losses.notes.push(note);
    }
}
