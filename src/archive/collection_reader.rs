//! Reading one collection: row group by row group, with its exceptions in their places.

use super::exceptions::{self, ExceptionRows};
use super::foreign::ForeignReader;
use super::manifest::{CollectionEntry, FileEntry};
use super::parquet_file::{Batches, ParquetFile};
use super::reader::{Archive, check_size};
use super::store::Store;
use super::{FORMAT_VERSION, content, damaged, key};
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use dbferry_dialect::exception::Exception;
use dbferry_dialect::{Batch, Collection, CollectionName, Error, ErrorKind, Result, carrier};
use std::collections::BTreeSet;
use std::ops::Range;

/// The rows of one collection. Row groups can be read by many threads at once.
#[derive(Debug)]
pub struct CollectionReader {
    collection: Collection,
    /// For each row group, the ordinals of its rows in the file.
    rows: Vec<Range<u64>>,
    files: Files,
}

#[derive(Debug)]
enum Files {
    Archive(ArchiveFiles),
    Foreign(ForeignReader),
}

/// A collection's files in an archive.
#[derive(Debug)]
struct ArchiveFiles {
    path: String,
    file: ParquetFile,
    exceptions: Option<Exceptions>,
}

#[derive(Debug)]
struct Exceptions {
    path: String,
    file: ParquetFile,
    /// For each row group of rows, the row groups of exceptions that belong to it.
    row_groups: Vec<Vec<usize>>,
}

impl CollectionReader {
    pub(super) fn open(archive: &Archive, entry: &CollectionEntry) -> Result<Self> {
        let Some(file) = &entry.file else {
            return Err(Error::new(ErrorKind::Unsupported, "a collection of this kind has no rows"));
        };
        let collection = &entry.collection;
        if let Store::Foreign(files) = &archive.store {
            let files = Files::Foreign(files.reader(entry)?);
            return Ok(Self { collection: collection.clone(), rows: ordinals(&entry.row_groups), files });
        }
        let open = |file: &FileEntry, schema: SchemaRef, content: &str, rows: u64| {
            let range = archive.store.file(&file.path)?;
            check_size(file, range.length())?;
            let facts = [
                (key::FORMAT_VERSION, FORMAT_VERSION.to_string()),
                (key::CONTENT, content.into()),
                (key::DIALECT, archive.manifest().source.dialect.clone()),
                (key::NAMESPACE, collection.name.namespace.clone()),
                (key::COLLECTION, collection.name.name.clone()),
                (key::GROUP, entry.group.clone()),
                (key::ROWS, rows.to_string()),
                (key::ROW_HASH, entry.hash.clone()),
            ];
            ParquetFile::open(range, schema, &facts).map_err(|error| error.with("file", &file.path))
        };
        let rows_file = open(file, carrier::schema(collection), content::ROWS, entry.rows)?;
        if !rows_file.row_groups().eq(entry.row_groups.iter().copied()) {
            return Err(damaged("the row groups are not those of the manifest").with("file", &file.path));
        }
        let rows = ordinals(&entry.row_groups);
        let exceptions = match &entry.exceptions {
            None => None,
            Some(listed) => {
                let within = |error: Error| error.with("file", &listed.file.path);
                let file = open(&listed.file, exceptions::schema(), content::EXCEPTIONS, listed.rows)?;
                if file.row_groups().fold(0, u64::saturating_add) != listed.rows {
                    return Err(within(damaged("the exceptions are not as many as the manifest says")));
                }
                let row_groups = assign(&file, &rows).map_err(within)?;
                Some(Exceptions { path: listed.file.path.clone(), file, row_groups })
            }
        };
        let files = ArchiveFiles { path: file.path.clone(), file: rows_file, exceptions };
        Ok(Self { collection: collection.clone(), rows, files: Files::Archive(files) })
    }

    /// Reads with less faith: an archive of a stranger may say of its values that they are smaller than they are, and is then
    /// read in smaller batches.
    #[must_use]
    pub(crate) fn distrusted(mut self) -> Self {
        if let Files::Archive(files) = &mut self.files {
            files.file.distrust();
            if let Some(exceptions) = &mut files.exceptions {
                exceptions.file.distrust();
            }
        }
        self
    }

    /// The collection's name.
    pub fn name(&self) -> &CollectionName {
        &self.collection.name
    }

    /// How many row groups there are.
    pub fn row_groups(&self) -> usize {
        self.rows.len()
    }

    /// How many rows a row group has; none when there is no such row group.
    pub fn rows(&self, row_group: usize) -> u64 {
        self.rows.get(row_group).map_or(0, |rows| rows.end - rows.start)
    }

    /// The size of the largest row group in memory, in bytes, as the files say; nothing for files of other programs.
    pub(crate) fn largest_row_group(&self) -> Option<u64> {
        match &self.files {
            Files::Archive(files) => {
                let exceptions = files.exceptions.as_ref().map_or(0, |exceptions| exceptions.file.largest_row_group());
                Some(files.file.largest_row_group().max(exceptions))
            }
            Files::Foreign(_) => None,
        }
    }

    /// Reads the columns at some positions of a row group, in the order of the collection; otherwise as [`read`](Self::read).
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub(crate) fn read_columns(
        &self,
        row_group: usize,
        columns: &BTreeSet<usize>,
        batch_bytes: usize,
        sink: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<()> {
        let columns: Vec<usize> = columns.iter().copied().collect();
        self.read_some(row_group, Some(&columns), batch_bytes, sink)
    }

    /// Reads a row group in batches of about `batch_bytes` in memory, at least one row each, with their exceptions.
    ///
    /// The size is estimated from what the footer says, so a batch of very uneven rows can be larger, up to the size of
    /// the row group.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`] when the rows cannot be decoded or do not agree with the footer,
    /// [`ErrorKind::Usage`] when there is no such row group, and whatever `sink` returns.
    pub fn read(&self, row_group: usize, batch_bytes: usize, sink: &mut dyn FnMut(Batch) -> Result<()>) -> Result<()> {
        self.read_some(row_group, None, batch_bytes, sink)
    }

    /// Reads all columns, or those at these positions.
    fn read_some(
        &self,
        row_group: usize,
        columns: Option<&[usize]>,
        batch_bytes: usize,
        sink: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<()> {
        let Some(rows) = self.rows.get(row_group).cloned() else {
            return Err(Error::new(ErrorKind::Usage, format!("there is no row group {row_group}")));
        };
        let files = match &self.files {
            Files::Archive(files) => files,
            Files::Foreign(files) => {
                return files
                    .read(row_group, batch_bytes, &mut |batch| match columns {
                        None => sink(batch),
                        // Files of other writers have no exceptions.
                        Some(columns) => sink(Batch::plain(batch.records.project(columns)?)),
                    })
                    .map_err(|error| error.with("collection", &self.collection.name));
            }
        };
        let damage = |error: Error| error.with("file", &files.path).with("collection", &self.collection.name);
        let mut exceptions = files.exceptions_of(&self.collection, row_group, &rows, batch_bytes)?;
        let mut next = exceptions.next()?;
        let mut batches = match columns {
            None => files.file.batches(vec![row_group], batch_bytes),
            Some(columns) => files.file.batches_of(columns, vec![row_group], batch_bytes),
        }
        .map_err(damage)?;
        let mut start = rows.start;
        while let Some(records) = batches.next().map_err(damage)? {
            let count = records.num_rows() as u64;
            // Exceptions may be far larger than the nulls that stand for them, so a batch is cut where they fill it.
            let mut cut = 0;
            let mut taken = Vec::new();
            let mut bytes = 0;
            while let Some(mut exception) = next.take_if(|exception| exception.row < start + count) {
                let row = exception.row - start;
                if let Some(columns) = columns {
                    let here = columns.iter().position(|column| *column == exception.column as usize);
                    let Some(here) = here else {
                        next = exceptions.next()?;
                        continue;
                    };
                    exception.column = u32::try_from(here).unwrap_or(u32::MAX);
                }
                check_null(&records, row, exception.column).map_err(damage)?;
                let weight = exceptions::weight(&exception);
                if bytes + weight > batch_bytes && row > cut {
                    let exceptions = std::mem::take(&mut taken);
                    sink(Batch { records: records.slice(cut as usize, (row - cut) as usize), exceptions })?;
                    (cut, bytes) = (row, 0);
                }
                exception.row = row - cut;
                bytes += weight;
                taken.push(exception);
                next = exceptions.next()?;
            }
            let records = if cut == 0 { records } else { records.slice(cut as usize, (count - cut) as usize) };
            sink(Batch { records, exceptions: taken })?;
            start += count;
        }
        Ok(())
    }
}

impl ArchiveFiles {
    fn exceptions_of<'a>(
        &'a self,
        collection: &'a Collection,
        row_group: usize,
        rows: &Range<u64>,
        batch_bytes: usize,
    ) -> Result<ExceptionStream<'a>> {
        let mut stream =
            ExceptionStream { collection, path: "", rows: rows.clone(), batches: None, current: None, last: None };
        if let Some(exceptions) = &self.exceptions {
            stream.path = &exceptions.path;
            let row_groups = exceptions.row_groups.get(row_group).cloned().unwrap_or_default();
            if !row_groups.is_empty() {
                let batches = exceptions.file.batches(row_groups, batch_bytes);
                stream.batches = Some(batches.map_err(|error| stream.within(error))?);
            }
        }
        Ok(stream)
    }
}

/// The ordinals of the rows of each row group. They were added up without overflow before.
fn ordinals(row_groups: &[u64]) -> Vec<Range<u64>> {
    let mut end = 0;
    let ranges = row_groups.iter().map(|rows| {
        let start = end;
        end += rows;
        start..end
    });
    ranges.collect()
}

/// Finds the row groups of exceptions that belong to each row group of rows.
///
/// The statistics say so. They are not trusted any further: each row group of exceptions is given to exactly one of rows,
/// and when that is read each exception must lie in it.
fn assign(file: &ParquetFile, rows: &[Range<u64>]) -> Result<Vec<Vec<usize>>> {
    let mut assigned = vec![Vec::new(); rows.len()];
    let mut end = 0;
    for row_group in 0..file.row_groups().count() {
        let (first, last) = file
            .bounds(row_group, 0)
            .filter(|(first, last)| first <= last && *first >= end)
            .ok_or_else(|| damaged("the exceptions are not in order"))?;
        end = last;
        let owner = rows.partition_point(|range| range.end <= first);
        match (rows.get(owner), assigned.get_mut(owner)) {
            (Some(range), Some(assigned)) if range.contains(&last) => assigned.push(row_group),
            _ => return Err(damaged("a row group of exceptions does not lie in one of rows")),
        }
    }
    Ok(assigned)
}

fn check_null(records: &RecordBatch, row: u64, column: u32) -> Result<()> {
    // The row is below the batch's number of rows, the column was checked by name.
    let cell = records.columns().get(column as usize);
    if cell.is_some_and(|cell| cell.is_null(row as usize)) {
        Ok(())
    } else {
        Err(damaged("a cell has a value and an exception"))
    }
}

/// The exceptions of one row group, in order.
struct ExceptionStream<'a> {
    collection: &'a Collection,
    path: &'a str,
    /// The ordinals that they may have.
    rows: Range<u64>,
    batches: Option<Batches>,
    current: Option<(ExceptionRows, usize)>,
    last: Option<(u64, u32)>,
}

impl ExceptionStream<'_> {
    fn next(&mut self) -> Result<Option<Exception>> {
        let exception = self.decode().map_err(|error| self.within(error))?;
        if let Some(exception) = &exception {
            let place = (exception.row, exception.column);
            if !self.rows.contains(&exception.row) || self.last.is_some_and(|last| last >= place) {
                return Err(self.within(damaged("the exceptions are not in order").with("row", exception.row)));
            }
            self.last = Some(place);
        }
        Ok(exception)
    }

    fn decode(&mut self) -> Result<Option<Exception>> {
        loop {
            if let Some((rows, index)) = &mut self.current
                && *index < rows.len()
            {
                *index += 1;
                return rows.get(*index - 1, self.collection).map(Some);
            }
            let Some(batches) = &mut self.batches else {
                return Ok(None);
            };
            match batches.next()? {
                Some(batch) => self.current = Some((ExceptionRows::new(&batch), 0)),
                None => return Ok(None),
            }
        }
    }

    fn within(&self, error: Error) -> Error {
        error.with("file", self.path).with("collection", &self.collection.name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::Disk;
    use super::super::{ArchiveWriter, Compression, Manifest, WriteOptions, testing};
    use super::*;
    use dbferry_dialect::exception::{ExceptionReason, NativeValue};
    use dbferry_dialect::hash::CollectionHash;
    use dbferry_dialect::{Consistency, LogicalType};
    use std::sync::Arc;

    fn is_sync<T: Send + Sync>() {}

    #[test]
    fn every_type_comes_back_bit_for_bit() {
        is_sync::<CollectionReader>();
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let manifest = testing::write(&path);
        let archive = Archive::open(&path).expect("an archive");
        assert_eq!(archive.manifest(), &manifest);
        let expected = [
            testing::batches(&testing::wide("Wide"), &[100, 1, 57]),
            testing::batches(&testing::narrow("wide"), &[1000, 1000]),
            testing::batches(&testing::narrow("empty"), &[]),
        ];
        for (entry, expected) in manifest.collections.iter().zip(expected) {
            for batch_bytes in [1, 1000, 100_000, usize::MAX] {
                let found = testing::read_all(&archive, entry, batch_bytes).expect("rows");
                // The schema with all its metadata, and floats by their bits.
                assert_eq!(found.records.schema(), expected.records.schema());
                for (found, expected) in found.records.columns().iter().zip(expected.records.columns()) {
                    assert!(found.to_data() == expected.to_data(), "{}", expected.data_type());
                }
                assert_eq!(found.exceptions, expected.exceptions);
            }
        }
        assert!(manifest.collections[0].exceptions.is_some());
        assert_eq!(manifest.collections[0].row_groups, [100, 1, 57]);
    }

    #[test]
    fn batches_have_the_size_that_was_asked_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let manifest = testing::write(&path);
        let archive = Archive::open(&path).expect("an archive");
        let reader = archive.collection(&manifest.collections[1]).expect("a reader");
        for (bytes, least, most) in [(1, 1000, 1000), (10_000, 5, 20), (1 << 20, 1, 1)] {
            let mut batches = 0;
            reader
                .read(0, bytes, &mut |_| {
                    batches += 1;
                    Ok(())
                })
                .expect("rows");
            assert!((least..=most).contains(&batches), "{batches} batches of {bytes} bytes");
        }
        assert_eq!(reader.read(2, 1, &mut |_| Ok(())).expect_err("no such row group").kind(), ErrorKind::Usage);
    }

    #[test]
    fn a_whole_column_of_large_exceptions_streams() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let collection = Collection::table(
            CollectionName::new("main", "t"),
            vec![dbferry_dialect::Column::new("n", LogicalType::INT64, "INTEGER")],
        );
        const ROWS: u64 = 40;
        const SIZE: usize = 1 << 20;
        let records = RecordBatch::try_new(
            carrier::schema(&collection),
            vec![Arc::new(arrow::array::Int64Array::new_null(ROWS as usize))],
        )
        .expect("a batch");
        let exceptions = (0..ROWS).map(|row| Exception {
            row,
            column: 0,
            reason: ExceptionReason::StorageClass,
            value: NativeValue::Bytes(vec![row as u8; SIZE]),
        });
        let batch = Batch { records, exceptions: exceptions.collect() };
        let writer = ArchiveWriter::create_on(Disk::default(), &path, WriteOptions::default()).expect("a writer");
        let mut into = writer.collection(&collection, "user", &testing::source()).expect("a writer");
        let mut encoder = into.encoder();
        encoder.write(&batch).expect("room");
        assert!(encoder.memory_size() > ROWS as usize * SIZE && encoder.input_bytes() > ROWS as usize * SIZE);
        into.append(encoder.finish().expect("a row group")).expect("a row group");
        let hash = CollectionHash { rows: ROWS, sum: 0 };
        let files = into.finish(hash).expect("files");
        let mut manifest =
            Manifest::new(testing::source(), Consistency::default(), Compression::default()).expect("a manifest");
        manifest.collections.push(CollectionEntry::new(collection, "user", "default", hash, files));
        manifest.count_groups(["user"]);
        writer.finish(&manifest).expect("an archive");

        let archive = Archive::open(&path).expect("an archive");
        let reader = archive.collection(&manifest.collections[0]).expect("a reader");
        let mut row = 0;
        reader
            .read(0, 3 * SIZE, &mut |batch| {
                assert!(batch.exceptions.len() <= 3);
                assert_eq!(batch.exceptions.len(), batch.records.num_rows());
                for (position, exception) in batch.exceptions.into_iter().enumerate() {
                    assert_eq!(exception.row, position as u64);
                    assert_eq!(exception.value, NativeValue::Bytes(vec![row as u8; SIZE]));
                    row += 1;
                }
                Ok(())
            })
            .expect("rows");
        assert_eq!(row, ROWS);
    }

    /// Writes an archive, changes its manifest, and opens the first collection.
    fn altered(alter: impl Fn(&mut CollectionEntry)) -> Error {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let manifest = testing::write(&path);
        let archive = Archive::open(&path).expect("an archive");
        let mut entry = manifest.collections[0].clone();
        archive.collection(&entry).expect("an unaltered collection");
        alter(&mut entry);
        let error = archive.collection(&entry).expect_err("a contradiction");
        assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "{error}");
        error
    }

    #[test]
    fn footers_that_contradict_the_manifest_are_refused() {
        assert!(
            altered(|entry| entry.collection.columns[1].logical = LogicalType::TEXT).to_string().contains("column")
        );
        assert!(altered(|entry| entry.collection.columns[1].name = "x".into()).to_string().contains("column"));
        assert!(altered(|entry| entry.collection.columns[1].native.text = "x".into()).to_string().contains("column"));
        assert!(altered(|entry| drop(entry.collection.columns.pop())).to_string().contains("columns"));
        assert!(altered(|entry| entry.row_groups = vec![100, 58]).to_string().contains("row groups"));
        assert!(altered(|entry| entry.row_groups = vec![100, 2, 56]).to_string().contains("row groups"));
        assert!(altered(|entry| entry.rows = 7).to_string().contains("dbferry:rows"));
        assert!(altered(|entry| entry.hash = "0".repeat(32)).to_string().contains("dbferry:row-hash"));
        assert!(altered(|entry| entry.group = "log".into()).to_string().contains("dbferry:group"));
        let swapped = altered(|entry| entry.exceptions.as_mut().expect("some").rows = 2);
        assert!(swapped.to_string().contains("dbferry:rows"), "{swapped}");
        let other = altered(|entry| {
            let rows = entry.file.clone().expect("a file");
            entry.exceptions.as_mut().expect("some").file = rows;
        });
        assert!(other.to_string().contains("columns"), "{other}");
    }

    /// Writes an archive of one collection with one row, null with an exception or not.
    fn one_row(path: &std::path::Path, null: bool) -> CollectionEntry {
        let column = dbferry_dialect::Column::new("n", LogicalType::INT64, "INTEGER");
        let collection = Collection::table(CollectionName::new("main", "t"), vec![column]);
        let cell = arrow::array::Int64Array::from(vec![(!null).then_some(1)]);
        let records = RecordBatch::try_new(carrier::schema(&collection), vec![Arc::new(cell)]).expect("a batch");
        let value = NativeValue::Text("one".into());
        let exception = Exception { row: 0, column: 0, reason: ExceptionReason::StorageClass, value };
        let writer = ArchiveWriter::create(path, WriteOptions::default()).expect("a writer");
        let mut into = writer.collection(&collection, "user", &testing::source()).expect("a writer");
        let mut encoder = into.encoder();
        encoder.write(&Batch { records, exceptions: if null { vec![exception] } else { vec![] } }).expect("room");
        into.append(encoder.finish().expect("a row group")).expect("a row group");
        let hash = CollectionHash { rows: 1, sum: 0 };
        let entry = CollectionEntry::new(collection, "user", "default", hash, into.finish(hash).expect("files"));
        let mut manifest =
            Manifest::new(testing::source(), Consistency::default(), Compression::default()).expect("a manifest");
        manifest.collections.push(entry.clone());
        manifest.count_groups(["user"]);
        writer.finish(manifest).expect("an archive");
        entry
    }

    #[test]
    fn a_cell_cannot_have_a_value_and_an_exception() {
        let directory = tempfile::tempdir().expect("a directory");
        let (null, full) = (directory.path().join("null"), directory.path().join("full"));
        let exceptions = one_row(&null, true).exceptions.expect("an exception");
        let mut entry = one_row(&full, false);
        std::fs::copy(null.join(&exceptions.file.path), full.join(&exceptions.file.path)).expect("a copy");
        entry.exceptions = Some(exceptions);
        let error = testing::read_all(&Archive::open(&full).expect("an archive"), &entry, 1).expect_err("a refusal");
        assert!(error.to_string().contains("a value and an exception"), "{error}");
    }

    /// A page may hold a value once for thousands of rows; its size in the pages is what they can be measured by.
    #[test]
    fn who_is_not_believed_is_read_in_smaller_batches() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("large.sqlite");
        let connection = rusqlite::Connection::open(&file).expect("a database");
        let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT);
                   WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
                   INSERT INTO t SELECT i, hex(zeroblob(50000)) FROM n;";
        connection.execute_batch(sql).expect("rows");
        drop(connection);
        let path = directory.path().join("backup");
        let source = crate::endpoint::Endpoint::parse(&format!("sqlite:{}", file.display())).expect("a URL");
        let resources = crate::resources::Resources { jobs: 1, memory: 4 << 30 };
        let options = crate::dump::DumpOptions { row_group_bytes: 1 << 30, resources, ..Default::default() };
        crate::dump::dump(&source, &path, &options, &crate::progress::Silent).expect("a dump");
        let archive = Archive::open(&path).expect("an archive");
        let entry = &archive.manifest().collections[0];
        let largest = |reader: CollectionReader| {
            let mut largest = 0;
            for row_group in 0..reader.row_groups() {
                let mut sink = |batch: Batch| {
                    largest = batch.records.num_rows().max(largest);
                    Ok(())
                };
                reader.read(row_group, 1 << 30, &mut sink).expect("rows");
            }
            largest
        };
        let believed = largest(archive.collection(entry).expect("a reader"));
        let distrusted = largest(archive.collection(entry).expect("a reader").distrusted());
        assert!(believed > 400 && distrusted < 400, "{believed} and {distrusted} rows of 100 kB");
    }
}
