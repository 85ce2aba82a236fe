//! Writing one collection: its Parquet file and, when it comes to that, the one with its exceptions.

use super::disk::{Failure, HashedFile};
use super::exceptions;
use super::layout;
use super::manifest::{CollectionFiles, ExceptionsEntry, hash_text};
use super::properties::Way;
use super::row_group::{EncodedRowGroup, EncoderFactory, RowGroupEncoder};
use super::writer::Shared;
use super::{FORMAT_VERSION, content, key, parquet_error, properties};
use dbferry_dialect::hash::CollectionHash;
use dbferry_dialect::{Collection, CollectionName, Error, ErrorKind, Result, carrier};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Writes the files of one collection. Dropped without [`CollectionWriter::finish`], it removes them.
pub struct CollectionWriter {
    name: CollectionName,
    group: String,
    dialect: String,
    encoders: EncoderFactory,
    file: SerializedFileWriter<HashedFile>,
    failure: Failure,
    path: String,
    rows: u64,
    row_groups: Vec<u64>,
    exceptions: Option<Exceptions>,
    /// The last field, and so dropped last: it removes the directories of the files that removed themselves.
    shared: Arc<Shared>,
}

struct Exceptions {
    path: String,
    writer: ArrowWriter<HashedFile>,
    failure: Failure,
    rows: u64,
    reasons: BTreeMap<String, u64>,
}

impl CollectionWriter {
    pub(super) fn create(shared: &Arc<Shared>, collection: &Collection, group: &str, dialect: &str) -> Result<Self> {
        if !collection.kind.has_rows() {
            return Err(Error::new(ErrorKind::Internal, "a collection of this kind has no rows to write"));
        }
        if collection.columns.is_empty() {
            return Err(Error::new(ErrorKind::Unsupported, "a table without columns cannot be archived")
                .hint("leave the table out"));
        }
        let schema = carrier::schema(collection);
        let options =
            ArrowWriterOptions::new().with_properties(properties::rows(collection, &shared.options, Way::Light)?);
        let path = layout::rows_path(group, &collection.name);
        let file = shared.begin(group, &path)?;
        let failure = file.failure();
        let (file, light) = ArrowWriter::try_new_with_options(file, Arc::clone(&schema), options)
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|error| write_error(shared, &path, &failure, error))?;
        Ok(Self {
            shared: Arc::clone(shared),
            name: collection.name.clone(),
            group: group.into(),
            dialect: dialect.into(),
            encoders: EncoderFactory::new(collection, schema, shared.options, light),
            file,
            failure,
            path,
            rows: 0,
            row_groups: Vec::new(),
            exceptions: None,
        })
    }

    /// Makes encoders for other threads to keep.
    pub fn encoders(&self) -> EncoderFactory {
        self.encoders.clone()
    }

    /// An encoder for one row group.
    pub fn encoder(&self) -> RowGroupEncoder {
        self.encoders.encoder()
    }

    /// Appends a row group, which an encoder of this very collection made. The order of calls is the order of the rows.
    /// A row group without rows is left out.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when it cannot be written; the file is of no use afterwards.
    pub fn append(&mut self, group: EncodedRowGroup) -> Result<()> {
        if group.rows == 0 {
            return Ok(());
        }
        self.append_rows(group.chunks)
            .map_err(|error| self.within(write_error(&self.shared, &self.path, &self.failure, error)))?;
        if !group.exceptions.is_empty() {
            let batches = group.exceptions.iter().map(|batch| exceptions::moved(batch, self.rows));
            let batches = batches.collect::<Result<Vec<_>>>()?;
            self.append_exceptions(&batches, &group.reasons)?;
        }
        self.rows += group.rows;
        self.row_groups.push(group.rows);
        Ok(())
    }

    fn append_rows(&mut self, chunks: Vec<parquet::arrow::arrow_writer::ArrowColumnChunk>) -> Result<(), ParquetError> {
        let mut row_group = self.file.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut row_group)?;
        }
        row_group.close()?;
        Ok(())
    }

    fn append_exceptions(
        &mut self,
        batches: &[arrow::array::RecordBatch],
        reasons: &BTreeMap<&'static str, u64>,
    ) -> Result<()> {
        let exceptions = match &mut self.exceptions {
            Some(exceptions) => exceptions,
            none => {
                let path = layout::exceptions_path(&self.group, &self.name);
                let options = ArrowWriterOptions::new().with_properties(properties::exceptions(&self.shared.options)?);
                let file = self.shared.begin(&self.group, &path)?;
                let failure = file.failure();
                let writer = ArrowWriter::try_new_with_options(file, exceptions::schema(), options)
                    .map_err(|error| write_error(&self.shared, &path, &failure, error))?;
                none.insert(Exceptions { path, writer, failure, rows: 0, reasons: BTreeMap::new() })
            }
        };
        let Exceptions { path, writer, failure, .. } = exceptions;
        let mut write = || {
            batches.iter().try_for_each(|batch| writer.write(batch))?;
            // So that no row group of exceptions reaches over the end of a row group of rows.
            writer.flush()
        };
        write().map_err(|error| write_error(&self.shared, path, failure, error))?;
        exceptions.rows += batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
        for (reason, count) in reasons {
            *exceptions.reasons.entry((*reason).into()).or_default() += count;
        }
        Ok(())
    }

    /// Completes the files.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] when `hash` counted other rows than were appended, [`ErrorKind::Io`] when something cannot
    /// be written.
    pub fn finish(self, hash: CollectionHash) -> Result<CollectionFiles> {
        let name = self.name.clone();
        self.complete(hash).map_err(|error| error.with("collection", name))
    }

    fn complete(self, hash: CollectionHash) -> Result<CollectionFiles> {
        if hash.rows != self.rows {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("{} rows were read and {} were written", hash.rows, self.rows),
            ));
        }
        let Self { shared, name, group, dialect, mut file, failure, path, rows, row_groups, exceptions, .. } = self;
        let facts = |content: &str, rows: u64| {
            [
                (key::FORMAT_VERSION, FORMAT_VERSION.to_string()),
                (key::CONTENT, content.into()),
                (key::DIALECT, dialect.clone()),
                (key::NAMESPACE, name.namespace.clone()),
                (key::COLLECTION, name.name.clone()),
                (key::GROUP, group.clone()),
                (key::ROWS, rows.to_string()),
                (key::ROW_HASH, hash_text(hash)),
            ]
            .map(|(key, value)| KeyValue::new(key.into(), value))
        };
        for fact in facts(content::ROWS, rows) {
            file.append_key_value_metadata(fact);
        }
        let file = file.into_inner().map_err(|error| write_error(&shared, &path, &failure, error))?;
        let file = shared.end(&path, file)?;
        let exceptions = exceptions
            .map(|mut exceptions| {
                for fact in facts(content::EXCEPTIONS, exceptions.rows) {
                    exceptions.writer.append_key_value_metadata(fact);
                }
                let Exceptions { path, writer, failure, .. } = exceptions;
                let file = writer.into_inner().map_err(|error| write_error(&shared, &path, &failure, error))?;
                let file = shared.end(&path, file)?;
                Ok::<_, Error>(ExceptionsEntry { file, rows: exceptions.rows, reasons: exceptions.reasons })
            })
            .transpose()?;
        Ok(CollectionFiles { file, exceptions, row_groups })
    }

    fn within(&self, error: Error) -> Error {
        error.with("collection", &self.name)
    }
}

impl fmt::Debug for CollectionWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectionWriter").field("name", &self.name).field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// A failure to write to a Parquet file: the disk's own, if it was the disk.
fn write_error(shared: &Shared, path: &str, failure: &Failure, error: ParquetError) -> Error {
    match failure.get() {
        Some(cause) => Error::io(format!("cannot write {}", shared.place(path).display()), cause),
        None => parquet_error("rows cannot be encoded", error).with("file", path),
    }
}
