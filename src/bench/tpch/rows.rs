//! Makes the rows, part by part, by whatever thread asks for them.

use super::tables::Table;
use crate::progress::Progress;
use crate::resources::Resources;
use crate::restore::{Division, Measure, RestoreOptions, RowSupply};
use crate::verify::work::Amount;
use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use dbferry_dialect::{Batch, Collection, Error, ErrorKind, Result, Sink, carrier};
use rayon::prelude::*;
use std::sync::Arc;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow, SupplierArrow,
};

/// The rows of all tables, in the order of [`Table::ALL`].
pub(super) struct Generated<'a> {
    scale: f64,
    collections: &'a [Collection],
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

impl<'a> Generated<'a> {
    pub(super) fn new(scale: f64, collections: &'a [Collection]) -> Self {
        Self { scale, collections }
    }

    fn table(&self, place: usize) -> Result<(Table, &'a Collection)> {
        let found = Table::ALL.get(place).copied().zip(self.collections.get(place));
        found.ok_or_else(|| Error::new(ErrorKind::Internal, "there is no such table"))
    }

    fn read_part(
        &self,
        place: usize,
        part: usize,
        rows: usize,
        sink: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<()> {
        let (table, collection) = self.table(place)?;
        let schema = carrier::schema(collection);
        for records in batches(table, self.scale, part, rows) {
            sink(Batch::plain(carried(&records?, &schema)?))?;
        }
        Ok(())
    }
}

/// The rows as the contract carries them: the generator's texts are views.
fn carried(records: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = records.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() { Ok(Arc::clone(column)) } else { cast(column, field.data_type()) }
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<Vec<_>, _>>()?)?)
}

fn batches(table: Table, scale: f64, part: usize, rows: usize) -> Batches {
    let parts = table.parts(scale);
    // The generator counts parts from 1; there are no more of them than fit.
    let part = i32::try_from(part + 1).unwrap_or(i32::MAX);
    macro_rules! generated {
        ($arrow:ident, $generator:ident) => {
            Box::new($arrow::new($generator::new(scale, part, parts)).with_batch_size(rows))
        };
    }
    match table {
        Table::Region => generated!(RegionArrow, RegionGenerator),
        Table::Nation => generated!(NationArrow, NationGenerator),
        Table::Supplier => generated!(SupplierArrow, SupplierGenerator),
        Table::Part => generated!(PartArrow, PartGenerator),
        Table::PartSupplier => generated!(PartSuppArrow, PartSuppGenerator),
        Table::Customer => generated!(CustomerArrow, CustomerGenerator),
        Table::Orders => generated!(OrderArrow, OrderGenerator),
        Table::LineItem => generated!(LineItemArrow, LineItemGenerator),
    }
}

/// How many rows of a table make a batch of that size.
fn batch_rows(collection: &Collection, batch_bytes: usize) -> usize {
    let estimate = collection.estimate;
    let row = estimate.bytes.unwrap_or(0) / estimate.rows.unwrap_or(1).max(1);
    // A small number either way: batches are a few megabytes.
    (batch_bytes / (row.max(1) as usize * 2)).clamp(1, 65_536)
}

impl RowSupply for Generated<'_> {
    fn divide(&self, place: usize) -> Result<Division> {
        let (table, collection) = self.table(place)?;
        let (parts, bytes) = (table.parts(self.scale), table.bytes(self.scale));
        Ok(Division {
            parts: (0..parts).map(|_| bytes / u64::from(parts.unsigned_abs())).collect(),
            measure: Measure::Bytes,
            amount: Amount { rows: collection.estimate.rows.unwrap_or(0), bytes },
            check: 0,
        })
    }

    /// There is nothing to look at before it is made.
    fn check(&self, _places: &[usize], _options: &RestoreOptions, _progress: &dyn Progress) -> Result<()> {
        Ok(())
    }

    fn read(&self, place: usize, part: usize, batch_bytes: usize, sink: &mut dyn Sink) -> Result<()> {
        let rows = batch_rows(self.table(place)?.1, batch_bytes);
        self.read_part(place, part, rows, &mut |batch| sink.push(batch))
    }

    fn scan(
        &self,
        place: usize,
        positions: &[usize],
        options: &RestoreOptions,
        sink: &(dyn Fn(Batch) -> Result<()> + Sync),
    ) -> Result<()> {
        let (table, collection) = self.table(place)?;
        let rows = batch_rows(collection, options.resources.batch_bytes());
        let part = |part: i32| {
            self.read_part(place, part.unsigned_abs() as usize, rows, &mut |batch| {
                options.cancel.check()?;
                sink(Batch::plain(batch.records.project(positions)?))
            })
        };
        let pool = Resources::pool(options.resources.jobs)?;
        pool.install(|| (0..table.parts(self.scale)).into_par_iter().try_for_each(part))
    }

    fn waits(&self) -> bool {
        false
    }

    fn finish(&self) -> Result<()> {
        Ok(())
    }
}
