//! What is written is read back as it was.

use super::*;
use crate::hash::RowHasher;
use crate::testkit::generate::{GenerateOptions, database};
use crate::{Batch, Collection, CollectionName};
use arrow::array::Array;

fn text_of(array: &dyn Array, logical: &LogicalType, row: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    json(array, logical, row, &mut out).ok()?;
    Some(out)
}

#[test]
fn what_is_written_is_read_back() {
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 0..400 {
        let (schema, rows) = database(seed, &GenerateOptions::default());
        for (name, batches) in &rows {
            let Some(collection) = schema.collection(name) else { continue };
            for (place, column) in collection.columns.iter().enumerate() {
                let Some(mut cells) = Nested::new(&column.logical) else { continue };
                for batch in batches {
                    let array = batch.records.column(place);
                    let mut expected = Vec::new();
                    for row in 0..array.len() {
                        if array.is_null(row) {
                            cells.push_null();
                            expected.push(row as u64);
                            continue;
                        }
                        // What has no text, such as years beyond five digits, is refused when it is written.
                        let Some(text) = text_of(array, &column.logical, row) else {
                            cells.push_null();
                            continue;
                        };
                        expected.push(row as u64);
                        if let Err(refusal) = cells.push(&text) {
                            panic!("{refusal:?}: {} {}", column.logical, String::from_utf8_lossy(&text));
                        }
                        kinds.insert(column.logical.to_string().split(['<', '(']).next().map(str::to_owned));
                    }
                    let found = cells.finish().expect("an array");
                    assert_eq!(found.data_type(), array.data_type());
                    for row in expected {
                        let row = row as usize;
                        let hash = |array: &ArrayRef| {
                            let one = Collection::table(CollectionName::new("main", "t"), vec![column.clone()]);
                            let mut hasher = RowHasher::new(&one);
                            let schema = crate::carrier::schema(&one);
                            let records = arrow::array::RecordBatch::try_new(schema, vec![array.slice(row, 1)]);
                            hasher.update(&Batch::plain(records.expect("a batch"))).expect("a hash");
                            hasher.total().to_string()
                        };
                        let text = text_of(array, &column.logical, row).unwrap_or_default();
                        assert_eq!(hash(&found), hash(array), "{} {}", column.logical, String::from_utf8_lossy(&text));
                    }
                }
            }
        }
    }
    assert!(kinds.len() >= 6, "{kinds:?}");
}

#[test]
fn what_is_no_such_text_is_an_exception() {
    let list = LogicalType::List { element: Box::new(LogicalType::Float { bits: 32 }) };
    for text in ["", "[", "[1,]", "{}", "[[1]]", "[\"a\"]", "1", "[1] 2"] {
        let mut cells = Nested::new(&list).expect("a list");
        let refused = cells.push(text.as_bytes());
        assert_eq!(refused, Err(ExceptionReason::Precision), "{text}");
        assert_eq!(cells.finish().expect("an array").len(), 0);
    }
    for text in ["", "P", "1Y", "P1", "P1X", "PT", "P1H", "P+1Y", "PT1.1234567S", "P99999999999999Y"] {
        let mut cells = Nested::new(&LogicalType::Interval).expect("an interval");
        let taken = cells.push(text.as_bytes()).is_ok();
        // Without a part it is no interval of ours, and none of another length either.
        assert!(!taken || ["P", "PT"].contains(&text), "{text}");
    }
    assert!(Nested::new(&LogicalType::Dynamic).is_none());
}
