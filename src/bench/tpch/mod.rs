//! Databases to measure when there is none at hand: the tables of TPC-H, in any dialect.
//!
//! Rows are generated and go the way of a restore: planned, loaded by parallel writers, keys and foreign keys made, read
//! again and compared. So there is no SQL here, and every dialect has its tables as it would create them. What it is not:
//! the benchmark TPC-H, which is one of queries.

mod rows;
mod tables;

use crate::endpoint::Endpoint;
use crate::group::{Assignment, SelectFor, UNKNOWN};
use crate::progress::Progress;
use crate::restore::{Offered, RestoreOptions, RestoreReport, Supply, restore_from};
use crate::translate::TypeRule;
use crate::verify::contents;
use dbferry_dialect::{Collection, DatabaseInfo, Error, ErrorKind, Purpose, Result};
use rows::Generated;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use tables::Table;

/// A data set that can be generated: `tpch:0.1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dataset {
    /// The scale factor of TPC-H: 1 is 8.66 million rows, about a gigabyte.
    pub scale: f64,
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tpch:{}", self.scale)
    }
}

impl FromStr for Dataset {
    type Err = Error;

    /// Reads `tpch:SCALE`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for anything else, and for a scale that the generator does not have.
    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            |what: String| Error::new(ErrorKind::Usage, format!("{what}; write tpch:0.1, of which 1 is about 1 GB"));
        let scale = text
            .strip_prefix("tpch:")
            .and_then(|scale| scale.parse::<f64>().ok())
            .ok_or_else(|| wrong(format!("there is no data set {text:?}")))?;
        // With fewer than a hundred suppliers the generator gives a part the same one twice.
        if (0.01..=1000.0).contains(&scale) {
            Ok(Self { scale })
        } else {
            Err(wrong(format!("the scale {scale} is not between 0.01 and 1000")))
        }
    }
}

/// Generates a data set into `target`, which must be empty. Of `options` count the resources and what cancels it.
///
/// # Errors
/// [`ErrorKind::Refused`] when the target holds anything; those of a restore.
pub fn generate(
    dataset: Dataset,
    target: &Endpoint<'_>,
    options: &RestoreOptions,
    progress: &dyn Progress,
) -> Result<RestoreReport> {
    let mut database = target.open(Purpose::Plan, &options.cancel)?;
    if !database.is_empty().map_err(|error| target.name(error))? {
        let held = contents(&database.introspect().map_err(|error| target.name(error))?);
        let error = Error::new(ErrorKind::Refused, format!("the database is not empty: it holds {held}"));
        return Err(target.name(error.hint("generate into an empty one; what is in this one was not touched")));
    }
    drop(database);
    let namespace = target.dialect.capabilities().default_namespace;
    let collections: Vec<Collection> =
        Table::ALL.iter().map(|table| table.collection(namespace, dataset.scale)).collect();
    let attributes = BTreeMap::new();
    let offer = |(table, collection): (&Table, _)| offered(*table, collection, dataset.scale);
    let supply = Supply {
        archive: None,
        source: DatabaseInfo {
            dialect: "tpch".into(),
            product: "TPC-H".into(),
            version: dataset.scale.to_string(),
            database: dataset.to_string(),
            encoding: "UTF-8".into(),
            time_zone: None,
        },
        consistency: None,
        purpose: SelectFor::Dump,
        collections: Table::ALL.iter().zip(&collections).map(offer).collect(),
        objects: Vec::new(),
        attributes: &attributes,
        notes: Vec::new(),
        warnings: Vec::new(),
        syntax: None,
        rows: Box::new(Generated::new(dataset.scale, &collections)),
    };
    let mut options =
        RestoreOptions { resources: options.resources, cancel: options.cancel.clone(), ..RestoreOptions::default() };
    // Amounts are numbers in every database of TPC-H, also where exact decimals would otherwise be kept as texts.
    options.types.push(TypeRule::native(tables::AMOUNT, tables::AMOUNT, "an amount of TPC-H")?);
    restore_from(&supply, target, &options, progress)
}

fn offered(table: Table, collection: &Collection, scale: f64) -> Offered<'_> {
    let assignment = Assignment {
        collection: collection.name.clone(),
        group: UNKNOWN.into(),
        rule: "generated".into(),
        part_of: None,
    };
    Offered { collection, assignment, rows: table.rows(scale), partial: None, hash: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_set_has_a_scale() {
        assert_eq!("tpch:0.01".parse::<Dataset>().ok(), Some(Dataset { scale: 0.01 }));
        for wrong in
            ["", "tpch", "tpch:", "tpch:x", "tpch:0", "tpch:-1", "tpch:NaN", "tpch:0.001", "tpch:1e9", "tpcds:1"]
        {
            assert_eq!(wrong.parse::<Dataset>().expect_err(wrong).kind(), ErrorKind::Usage, "{wrong}");
        }
    }
}
