//! Groups: actions, order of calls, atomicity, what belongs to a collection.

use super::*;

#[test]
fn every_action_does_what_it_says() {
    let plan = |action| vec![planned(parents(), action)];
    let rows = || [("parents", parent_rows(&[1, 4]))];

    let dialect = shop();
    replace(&dialect, plan(CollectionAction::Append), &rows()).expect_err("1 is there");
    replace(&dialect, plan(CollectionAction::Append), &[("parents", parent_rows(&[4]))]).expect("appended");
    assert_eq!(rows_of(&dialect, "parents").len(), 3);

    let dialect = shop();
    let mut wider = parents();
    wider.columns.push(Column::new("more", LogicalType::Bool, "bool"));
    dialect.insert("shop", &schema(&[wider.clone()]), &[]).expect("no rows");
    replace(&dialect, plan(CollectionAction::Replace), &rows()).expect("replaced");
    assert_eq!(dialect.content("shop").expect("content").schema.collections, [wider]);
    assert_eq!(rows_of(&dialect, "parents")[0], "id=1 | label=null | more=null");
    replace(&dialect, plan(CollectionAction::Recreate), &rows()).expect("recreated");
    assert_eq!(dialect.content("shop").expect("content").schema.collections, [parents()]);
    assert_eq!(rows_of(&dialect, "parents").len(), 2);

    let before = dialect.content("shop");
    replace(&dialect, plan(CollectionAction::Keep), &[]).expect("kept");
    assert_eq!(dialect.content("shop"), before);
    for action in [CollectionAction::Create, CollectionAction::CreateEmpty] {
        replace(&dialect, plan(action), &[]).expect_err("it is there");
        let empty = MemoryDialect::new();
        empty.insert("shop", &Schema::default(), &[]).expect("no collections");
        let rows = [("parents", parent_rows(&[1]))];
        replace(&empty, plan(action), if action.loads() { &rows } else { &[] }).expect("created");
        assert_eq!(empty.content("shop").expect("content").schema.collections, [parents()]);
        assert_eq!(rows_of(&empty, "parents").len(), usize::from(action.loads()));
        for action in [CollectionAction::Keep, CollectionAction::Replace, CollectionAction::Append] {
            let missing = vec![planned(children(), action)];
            assert_eq!(replace(&empty, missing, &[]).expect_err("missing").kind(), ErrorKind::Database);
        }
    }
}

#[test]
fn counters_come_back() {
    let dialect = shop();
    let counter = |dialect: &MemoryDialect| {
        dialect.content("shop").and_then(|content| content.schema.collection(&name("parents"))?.counter.clone())
    };
    let with = |last_value| {
        let mut source = parents();
        source.counter = Some(Counter { column: "id".into(), last_value, is_called: false });
        source
    };
    replace(&dialect, vec![planned(with(7), CollectionAction::Append)], &[]).expect("appended");
    assert_eq!(counter(&dialect), parents().counter);
    replace(&dialect, vec![planned(with(70), CollectionAction::Append)], &[]).expect("appended");
    assert_eq!(counter(&dialect), with(70).counter);
    let rows = [("parents", parent_rows(&[1]))];
    replace(&dialect, vec![planned(with(7), CollectionAction::Replace)], &rows).expect("replaced");
    assert_eq!(counter(&dialect), with(7).counter);
}

#[test]
fn writers_work_side_by_side() {
    let dialect = shop();
    let mut replacer = replacer(&dialect, "shop", 4);
    let plan = vec![planned(parents(), CollectionAction::Replace), planned(children(), CollectionAction::Replace)];
    replacer.begin(group(plan)).expect("begun");
    let writers = replacer.writers().expect("writers");
    assert_eq!(writers.len(), 4);
    let written: u64 = std::thread::scope(|scope| {
        let work = |(position, mut writer): (usize, Box<dyn Writer>)| {
            for step in 0..50 {
                let id = (position * 50 + step) as i64;
                writer.write(&name("parents"), &parent_rows(&[id])).expect("a parent");
                writer.write(&name("children"), &child_rows(&[Some(id)])).expect("a child");
            }
            writer.finish().expect("finished")
        };
        let threads: Vec<_> = writers.into_iter().enumerate().map(|one| scope.spawn(move || work(one))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(written, 400);
    replacer.complete().expect("complete");
    replacer.commit().expect("committed");
    assert_eq!((rows_of(&dialect, "parents").len(), rows_of(&dialect, "children").len()), (200, 200));
    let single = dialect.with_capabilities(|capabilities| capabilities.parallel_write = false);
    let mut replacer = self::replacer(&single, "shop", 4);
    replacer.begin(group(Vec::new())).expect("begun");
    assert_eq!(replacer.writers().expect("writers").len(), 1);
}

#[test]
fn one_replacer_at_a_time() {
    let dialect = shop();
    let mut first = replacer(&dialect, "shop", 1);
    let mut second = replacer(&dialect, "shop", 1);
    first.begin(group(Vec::new())).expect("begun");
    assert_eq!(second.begin(group(Vec::new())).expect_err("held").kind(), ErrorKind::Busy);
    drop(first);
    second.begin(group(Vec::new())).expect("the lock was given back");
}

#[test]
fn calls_out_of_order_are_refused() {
    let internal = |result: Result<()>| assert_eq!(result.expect_err("out of order").kind(), ErrorKind::Internal);
    let dialect = shop();
    let mut replacer = replacer(&dialect, "shop", 1);
    internal(replacer.complete().map(drop));
    internal(replacer.commit());
    replacer.begin(group(Vec::new())).expect("begun");
    internal(replacer.begin(group(Vec::new())));
    let writers = replacer.writers().expect("writers");
    drop(writers);
    internal(replacer.complete().map(drop));
    internal(replacer.commit());
}

#[test]
fn an_error_that_is_ignored_is_not_committed() {
    let dialect = shop();
    let mut replacer = replacer(&dialect, "shop", 1);
    replacer.begin(group(vec![planned(parents(), CollectionAction::Replace)])).expect("begun");
    let mut writer = replacer.writers().expect("writers").remove(0);
    writer.write(&name("parents"), &parent_rows(&[5, 5])).expect_err("a duplicate");
    writer.finish().expect("finished");
    assert_eq!(replacer.complete().expect_err("aborted").kind(), ErrorKind::Database);
    assert_eq!(replacer.commit().expect_err("nothing to commit").kind(), ErrorKind::Internal);
}

#[test]
fn a_new_database_is_visible_at_the_end_only() {
    let dialect = MemoryDialect::new();
    let mut options = ReplaceOptions { writers: 1, ..ReplaceOptions::default() };
    options.attributes.insert("colour".into(), "red".into());
    let begin = || {
        let mut database = open(&dialect, "shop", Purpose::Write).expect("open");
        let mut replacer = database.replacer(&options).expect("a replacer");
        for (source, rows) in [(parents(), parent_rows(&[1])), (children(), child_rows(&[Some(1)]))] {
            let collection = source.name.name.clone();
            let plan = vec![planned(source, CollectionAction::Create)];
            load(&mut *replacer, plan, &[(&collection, rows)]).expect("loaded");
            replacer.commit().expect("committed");
            assert!(dialect.names().is_empty());
        }
        replacer
    };
    drop(begin());
    assert!(dialect.names().is_empty());
    begin().finish(&[]).expect("finished");
    assert_eq!(dialect.content("shop").expect("content").schema.attributes, options.attributes);
    assert_eq!(rows_of(&dialect, "children"), ["parent=1"]);

    let other = MemoryDialect::new();
    let late = replacer(&other, "shop", 1);
    other.insert("shop", &Schema::default(), &[]).expect("created meanwhile");
    assert_eq!(late.finish(&[]).expect_err("it exists").kind(), ErrorKind::Busy);
}

#[test]
fn objects_are_created_once() {
    let dialect = shop();
    let view = |definition: &str| NativeObject::new(ObjectKind::View, "main", "v", "memory", definition);
    let finish = |object: NativeObject| replacer(&dialect, "shop", 1).finish(&[object]).expect("finished");
    assert!(finish(view("one")).is_empty());
    assert!(finish(view("one")).is_empty());
    assert_eq!(finish(view("two")), ["v is there with another definition and was left alone"]);
    let foreign = NativeObject { dialect: "postgres".into(), name: "w".into(), ..view("three") };
    assert_eq!(finish(foreign), ["w is written for postgres and was not created"]);
    assert_eq!(dialect.content("shop").expect("content").schema.objects, [view("one")]);
}

#[test]
fn without_its_texts_a_collection_is_built_from_the_model() {
    let mut source = children();
    source.definition = Some("CREATE TABLE ...".into());
    source.columns[0].native.text = "INTEGER".into();
    source.checks.push(Check { definition: None, name: None, expression: "parent > 0".into(), meaning: None });
    let mut parent_plan = planned(parents(), CollectionAction::Create);
    parent_plan.target = CollectionName::new("public", "people");
    let mut child_plan = planned(source, CollectionAction::Create);
    child_plan.target = CollectionName::new("public", "children");
    child_plan.use_definition = false;
    let dialect = shop();
    let warnings = replace(
        &dialect,
        vec![parent_plan, child_plan],
        &[("parents", parent_rows(&[1])), ("children", child_rows(&[Some(1)]))],
    )
    .expect("created");
    assert_eq!(warnings, ["public.children: the check (parent > 0) was left out"]);
    let content = dialect.content("shop").expect("content");
    let created = content.schema.collection(&CollectionName::new("public", "children")).expect("created");
    assert_eq!((created.definition.as_ref(), created.columns[0].native.text.as_str()), (None, "int64"));
    assert_eq!(created.foreign_keys[0].references, CollectionName::new("public", "people"));
}
