//! What rows are taken, and what is checked.

use super::*;
use arrow::array::new_null_array;

#[test]
fn rows_that_break_a_rule_are_refused() {
    let null_id =
        batch(&parents(), vec![Arc::new(Int64Array::from(vec![None])), Arc::new(StringArray::from(vec![""]))]);
    let long =
        batch(&parents(), vec![Arc::new(Int64Array::from(vec![3])), Arc::new(StringArray::from(vec!["6 long"]))]);
    let mut stray = parent_rows(&[3]);
    stray.exceptions.push(Exception {
        row: 0,
        column: 0,
        reason: ExceptionReason::Nan,
        value: NativeValue::Integer(3),
    });
    // The label of parent 1 is null.
    let mut twice = parent_rows(&[1]);
    let value = NativeValue::Integer(3);
    twice.exceptions = vec![Exception { row: 0, column: 1, reason: ExceptionReason::Nan, value }; 2];
    for (rows, message) in [
        (parent_rows(&[5, 5]), "duplicate value of the primary key"),
        (null_id, "null in a column that is not nullable"),
        (long, "the value is not one of text(5)"),
        (child_rows(&[Some(1)]), "the batch has the columns"),
        (stray, "stand on no null cell"),
        (twice, "out of order"),
    ] {
        let dialect = shop();
        let before = dialect.content("shop");
        let plan = vec![planned(parents(), CollectionAction::Replace)];
        let error = replace(&dialect, plan, &[("parents", rows)]).expect_err(message);
        assert_eq!(error.kind(), ErrorKind::Database);
        assert!(error.message().contains(message), "{error}");
        assert!(error.context().any(|pair| pair == ("collection", "main.parents")), "{error}");
        assert_eq!(dialect.content("shop"), before);
    }
    let error =
        replace(&shop(), vec![planned(parents(), CollectionAction::Replace)], &[("children", child_rows(&[None]))]);
    assert_eq!(error.expect_err("not in the plan").kind(), ErrorKind::Database);
}

/// Parents whose cells are all null.
fn parent_exceptions_only(rows: usize) -> RecordBatch {
    let nulls = parents().columns.into_iter().map(|column| new_null_array(&carrier::arrow_type(&column.logical), rows));
    RecordBatch::try_new(carrier::schema(&parents()), nulls.collect()).expect("columns of the collection")
}

#[test]
fn exceptions_are_kept_and_may_stand_where_null_may_not() {
    let dialect = shop();
    let mut rows = batch(
        &parents(),
        vec![Arc::new(Int64Array::from(vec![Some(1), None])), Arc::new(StringArray::from(vec![None::<&str>, None]))],
    );
    let exception = |row, column, value| Exception { row, column, reason: ExceptionReason::StorageClass, value };
    rows.exceptions =
        vec![exception(0, 1, NativeValue::TextBytes(vec![0xff])), exception(1, 0, NativeValue::Text("one".into()))];
    let plan = vec![planned(parents(), CollectionAction::Replace)];
    replace(&dialect, plan.clone(), &[("parents", rows.clone())]).expect("replaced");
    let stored = dialect.batches("shop", &name("parents")).expect("rows");
    assert_eq!(stored[0].exceptions, rows.exceptions);
    // The same in a table with its columns the other way round.
    let mut turned = parents();
    turned.columns.reverse();
    let other = MemoryDialect::new();
    other.insert("shop", &schema(&[turned]), &[]).expect("no rows");
    rows.exceptions.insert(1, exception(0, 1, NativeValue::Integer(5)));
    rows.exceptions[0] = exception(0, 0, NativeValue::Bytes(Vec::new()));
    rows.records = parent_exceptions_only(2);
    replace(&other, plan.clone(), &[("parents", rows.clone())]).expect("replaced");
    assert_eq!(
        rows_of(&other, "parents"),
        [
            "label=<storage-class: integer 5> | id=<storage-class: bytes x>",
            "label=null | id=<storage-class: text \"one\">"
        ]
    );
    rows.exceptions.pop();
    assert!(replace(&dialect, plan, &[("parents", rows)]).is_err(), "a null without an exception");
}

#[test]
fn row_identities_are_kept_and_given_anew_on_append() {
    let mut rowid = Column::new("rowid", LogicalType::INT64, "int64");
    rowid.role = ColumnRole::RowIdentity;
    let source = Collection::table(name("log"), vec![rowid, Column::new("x", LogicalType::INT64, "int64")]);
    let rows =
        |ids: Vec<i64>| batch(&source, vec![Arc::new(Int64Array::from(ids.clone())), Arc::new(Int64Array::from(ids))]);
    let dialect = MemoryDialect::new();
    dialect
        .insert("shop", &schema(std::slice::from_ref(&source)), &[(name("log"), vec![rows(vec![3, 9])])])
        .expect("rows");
    let append = vec![planned(source.clone(), CollectionAction::Append)];
    replace(&dialect, append, &[("log", rows(vec![3, 4]))]).expect("appended");
    assert_eq!(rows_of(&dialect, "log"), ["rowid=10 | x=3", "rowid=11 | x=4", "rowid=3 | x=3", "rowid=9 | x=9"]);
    let again = vec![planned(source.clone(), CollectionAction::Replace)];
    replace(&dialect, again, &[("log", rows(vec![2, 2]))]).expect_err("row identities are unique");
}

#[test]
fn types_may_be_wider_in_the_target() {
    let mut source = parents();
    source.columns[0].logical = LogicalType::Int { bits: 32, signed: true };
    let rows =
        batch(&source, vec![Arc::new(Int32Array::from(vec![8])), Arc::new(StringArray::from(vec![None::<&str>]))]);
    let dialect = shop();
    let plan = vec![planned(source, CollectionAction::Append)];
    replace(&dialect, plan, &[("parents", rows)]).expect("appended");
    assert!(rows_of(&dialect, "parents").contains(&"id=8 | label=null".to_owned()));
}

#[test]
fn foreign_keys_that_do_not_hold_are_listed() {
    let dialect = shop();
    let before = dialect.content("shop");
    let plan = vec![planned(children(), CollectionAction::Replace)];
    let rows = child_rows(&[Some(2), Some(77), None, Some(88), Some(77)]);
    let error = replace(&dialect, plan, &[("children", rows)]).expect_err("77 and 88 are missing");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.message().ends_with("main.children (parent) -> main.parents: 77; 88"), "{error}");
    // The rows that are referenced go away; those that reference them are outside the group.
    let plan = vec![planned(parents(), CollectionAction::Replace)];
    let error = replace(&dialect, plan, &[("parents", parent_rows(&[2]))]).expect_err("1 is referenced");
    assert!(error.message().ends_with("main.children (parent) -> main.parents: 1"), "{error}");
    assert_eq!(dialect.content("shop"), before);
}

#[test]
fn what_did_not_hold_before_is_a_warning() {
    let dialect = MemoryDialect::new();
    let rows = [(name("children"), vec![child_rows(&[Some(9)])])];
    dialect.insert("shop", &schema(&[children(), parents()]), &rows).expect("foreign keys need not hold");
    let plan = vec![planned(parents(), CollectionAction::Replace)];
    let warnings = replace(&dialect, plan, &[("parents", parent_rows(&[1]))]).expect("replaced");
    assert_eq!(warnings, ["a foreign key did not hold before: main.children (parent) -> main.parents: 9"]);
    // Rows that are loaded must hold, whatever was there before.
    let plan = vec![planned(children(), CollectionAction::Replace)];
    let error = replace(&dialect, plan, &[("children", child_rows(&[Some(9)]))]).expect_err("9 is missing");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
}

#[test]
fn generated_databases_are_copied_whole() {
    for seed in 0..60 {
        let (schema, rows) = generate::database(seed, &GenerateOptions::default());
        let dialect = MemoryDialect::new();
        dialect.insert("left", &schema, &rows).expect("good rows");
        let mut replacer = replacer(&dialect, "right", 1);
        let plan = schema.collections.iter().map(|source| planned(source.clone(), CollectionAction::Create));
        replacer.begin(group(plan.collect())).expect("begun");
        let mut writer = replacer.writers().expect("writers").remove(0);
        for (collection, batches) in &rows {
            batches.iter().for_each(|batch| writer.write(collection, batch).expect("good rows"));
        }
        writer.finish().expect("finished");
        replacer.complete().expect("foreign keys hold");
        replacer.commit().expect("committed");
        replacer.finish(&[]).expect("finished");
        let (left, right) = (dialect.content("left").expect("left"), dialect.content("right").expect("right"));
        assert_eq!(left.differences(&right), Vec::<String>::new());
        for collection in &schema.collections {
            let hash = |database: &str| {
                let mut hasher = RowHasher::new(collection);
                for batch in dialect.batches(database, &collection.name).expect("rows") {
                    hasher.update(&batch).expect("rows of the collection");
                }
                hasher.total()
            };
            assert_eq!(hash("left"), hash("right"));
        }
    }
}

#[test]
fn columns_without_values_get_their_constant_default() {
    let with = |meaning: Option<DefaultMeaning>| {
        let mut wider = parents();
        let mut more = Column::new("more", LogicalType::INT64, "int64");
        more.default = Some(DefaultValue { native: "?".into(), meaning });
        more.nullable = false;
        wider.columns.push(more);
        let dialect = MemoryDialect::new();
        dialect.insert("shop", &schema(&[wider]), &[]).expect("no rows");
        let plan = vec![planned(parents(), CollectionAction::Append)];
        replace(&dialect, plan, &[("parents", parent_rows(&[1]))]).map(|_| rows_of(&dialect, "parents"))
    };
    let rows = with(Some(DefaultMeaning::Number("42".into()))).expect("a constant");
    assert_eq!(rows, ["id=1 | label=null | more=42"]);
    assert_eq!(with(Some(DefaultMeaning::Null)).expect_err("not nullable").kind(), ErrorKind::Database);
    assert_eq!(with(Some(DefaultMeaning::Text("x".into()))).expect_err("no number").kind(), ErrorKind::Database);
    assert_eq!(with(None).expect_err("an expression").kind(), ErrorKind::Unsupported);
}
