//! Checks and indexes: their expressions are read in the source's words, checked against the target's types and kept as what
//! they mean.

use super::Carrying;
use crate::translate::choose::Crossing;
use dbferry_dialect::expression::{ColumnKinds, Function, condition, index_key};
use dbferry_dialect::model::{Index, IndexSubject};
use dbferry_dialect::{Collection, Expression, LogicalType, Part};

/// The columns of a table in the target, and what the source says of them.
struct Columns<'c, 'a, 'r> {
    crossing: &'c Crossing<'a, 'r>,
    source: &'c Collection,
    target: &'c Collection,
}

impl Columns<'_, '_, '_> {
    /// The column of that name in the target, where it has the same place as in the source.
    fn place(&self, name: &str) -> Option<usize> {
        self.target.column(name).map(|(place, _)| place)
    }
}

impl ColumnKinds for Columns<'_, '_, '_> {
    fn logical(&self, column: &str) -> Option<&LogicalType> {
        let column = &self.target.columns[self.place(column)?];
        column.native.imposed.is_none().then_some(&column.logical)
    }

    fn ignores_case(&self, column: &str) -> bool {
        let source = self.place(column).and_then(|place| self.source.columns.get(place));
        let syntax = self.crossing.source_syntax;
        source.zip(syntax).is_some_and(|(column, syntax)| syntax.ignores_case(self.source, column))
    }
}

/// The columns of an index, as a key lists them.
pub(super) fn columns_of(index: &Index) -> String {
    let names = index.parts.iter().filter_map(|part| match &part.subject {
        IndexSubject::Column(name) => Some(name.as_str()),
        IndexSubject::Expression(_) => None,
    });
    names.collect::<Vec<_>>().join(", ")
}

const NOT_UNDERSTOOD: &str = "it says something that not every engine has";
const NO_SPELLING: &str = "the target cannot say it of such columns";

impl Carrying<'_, '_, '_, '_> {
    /// What a text of the source means with the target's columns.
    fn understood(
        &self,
        collection: &Collection,
        text: &str,
        typed: impl FnOnce(Expression, &dyn ColumnKinds) -> Result<Expression, String>,
    ) -> Result<Expression, String> {
        let crossing = self.crossing();
        let read = crossing.source_syntax.and_then(|syntax| syntax.read_expression(self.source, text));
        let read = read.ok_or_else(|| NOT_UNDERSTOOD.to_owned())?;
        let renamed = read.renamed(&|column| crossing.names.column(&self.source.name, column));
        let columns = Columns { crossing, source: self.source, target: collection };
        let meaning = typed(renamed, &columns)?;
        match crossing.target_syntax.expression(collection, &meaning) {
            Some(_) => Ok(meaning),
            None => Err(NO_SPELLING.to_owned()),
        }
    }

    pub(super) fn checks(&mut self, collection: &mut Collection) {
        let carries = self.crossing().capabilities.carries.checks;
        let renamed = std::mem::take(&mut collection.checks);
        let mut kept = Vec::with_capacity(renamed.len());
        for (source, mut check) in self.source.checks.iter().zip(renamed) {
            let name = source.name.clone().unwrap_or_else(|| source.expression.clone());
            if !carries {
                self.losses.lose("check", name, "the target has no checks");
                continue;
            }
            if self.is_said_by_a_type(collection, &source.expression) {
                continue;
            }
            if !self.tell_unspoken("check", &name, Part::Check(source)) {
                continue;
            }
            match self.understood(collection, &source.expression, condition) {
                Ok(meaning) => {
                    (check.meaning, check.definition) = (Some(meaning), None);
                    kept.push(check);
                }
                Err(why) => self.losses.lose("check", name, format!("{}: {why}", source.expression)),
            }
        }
        collection.checks = kept;
    }

    /// Whether a check only says that a column holds JSON, and its type in the target does.
    fn is_said_by_a_type(&self, collection: &Collection, text: &str) -> bool {
        let read = self.crossing().source_syntax.and_then(|syntax| syntax.read_expression(self.source, text));
        let Some(Expression::Call { function: Function::IsJson, arguments }) = read else { return false };
        let [Expression::Column(name)] = arguments.as_slice() else { return false };
        let name = self.crossing().names.column(&self.source.name, name);
        collection.column(&name).is_some_and(|(_, column)| column.logical == LogicalType::Json)
    }

    pub(super) fn indexes(&mut self, collection: &mut Collection) {
        let renamed = std::mem::take(&mut collection.indexes);
        let mut kept = Vec::with_capacity(renamed.len());
        for (source, index) in self.source.indexes.iter().zip(renamed) {
            if !self.tell_unspoken("index", &source.name, Part::Index(source)) {
                continue;
            }
            match self.index(collection, source, index) {
                Ok(index) => kept.push(index),
                Err(why) => self.losses.lose("index", &source.name, why),
            }
        }
        collection.indexes = kept;
    }

    fn index(&mut self, collection: &Collection, source: &Index, mut index: Index) -> Result<Index, String> {
        let carries = self.crossing().capabilities.carries;
        index.definition = None;
        if let Some(predicate) = &source.predicate {
            if !carries.partial_indexes {
                return Err("it is for some rows only, and the target has no such indexes".to_owned());
            }
            index.condition = Some(self.understood(collection, predicate, condition)?);
        }
        for (source_part, part) in source.parts.iter().zip(&mut index.parts) {
            let IndexSubject::Expression(text) = &source_part.subject else {
                if let Some(collation) = source_part.collation.as_ref().filter(|_| source.unique) {
                    let note = "compares texts as they are there, not by the collation";
                    self.losses.notes.push(format!("index {} {note} {collation}", source.name));
                }
                part.collation = None;
                continue;
            };
            let meaning = self.understood(collection, text, index_key)?;
            let is_prefix = matches!(&meaning, Expression::Call { function: Function::Left, arguments }
                if matches!(arguments.first(), Some(Expression::Column(_))));
            if !(carries.expression_indexes || is_prefix && carries.prefix_indexes) {
                return Err("it is over an expression, and the target has no such indexes".to_owned());
            }
            part.meaning = Some(meaning);
            part.collation = None;
        }
        Ok(index)
    }
}
