//! Differences between archive and target, all at once, before anything is touched.

use crate::support::{
    Cell, I, Null, T, Tables, Work, dump_options, int, name, not_null, referencing, restore_options, rules, shop,
    table, text,
};
use dbferry::ErrorKind;
use dbferry::dialect::model::{CollectionKind, DefaultMeaning, DefaultValue, Generated};
use dbferry::dialect::{Collection, CollectionAction, LogicalType};
use dbferry::dump::DumpOptions;
use dbferry::group::Selection;
use dbferry::restore::{RestorePlan, Verdict};

const GOODS: &[&[Cell]] = &[&[I(1), T("a"), I(7), T("x")], &[I(2), Null, I(8), T("y")]];

fn goods() -> Collection {
    table("goods", vec![int("id"), text("label"), int("weight"), text("code")])
}

fn archived() -> Tables {
    Tables::default()
        .with(goods(), GOODS)
        .with(table("places", vec![int("id")]), &[&[I(1)]])
        .with(table("regions", vec![int("id")]), &[&[I(5)]])
        .with(
            referencing(table("stock", vec![int("id"), int("place_id"), int("region_id")]), "place_id", "places"),
            &[&[I(1), I(1), I(5)]],
        )
}

fn options() -> DumpOptions {
    DumpOptions {
        group_by: rules(&[("user", &["goods", "stock"]), ("log", &["places", "regions"])]),
        ..dump_options(2)
    }
}

fn only(groups: &[&str]) -> Selection {
    Selection { groups: Some(groups.iter().map(|group| (*group).to_owned()).collect()), ..Selection::default() }
}

/// The plan for one table, against one in the target.
fn plan_for(source: Collection, rows: &[&[Cell]], target: Collection, recreate: bool) -> RestorePlan {
    let work = Work::with_backup(&Tables::default().with(source, rows), &dump_options(1));
    work.insert("target", &Tables::default().with(target, &[]));
    let mut options = restore_options(1);
    options.recreate = recreate;
    work.plan("backup", "target", &options).expect("a plan")
}

fn expect_problem(mut change: impl FnMut(&mut Collection), expected: &str) {
    let mut target = goods();
    change(&mut target);
    let plan = plan_for(goods(), GOODS, target.clone(), false);
    let problems = plan.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("main.goods: ") && problems[0].contains(expected), "{problems:?}");
    assert_eq!(plan.collections().next().expect("a collection").action, None);

    let plan = plan_for(goods(), GOODS, target, true);
    assert_eq!(plan.problems(), Vec::<String>::new());
    let planned = plan.collections().next().expect("a collection");
    assert_eq!(planned.action, Some(CollectionAction::Recreate));
    assert!(planned.notes.iter().any(|note| note.contains(expected)), "{:?}", planned.notes);
    assert!(!planned.statements.is_empty());
}

#[test]
fn each_difference_that_matters_is_a_problem_unless_the_table_is_made_anew() {
    expect_problem(|target| drop(target.columns.pop()), "the target has no such column");
    expect_problem(
        |target| {
            target.columns[2].logical = LogicalType::Int { bits: 16, signed: true };
            target.columns[2].native.text = "SMALLINT".into();
        },
        "narrower",
    );
    expect_problem(|target| target.columns.push(not_null(int("must"))), "allows no nulls and has no default");
    expect_problem(|target| target.primary_key = None, "primary key: id in the archive, none in the target");
    expect_problem(
        |target| {
            target.columns[2].logical = LogicalType::Date;
            target.columns[2].native.text = "DATE".into();
        },
        "does not go into",
    );
    expect_problem(
        |target| target.columns[2].generated = Some(Generated { expression: "1".into(), stored: true }),
        "the target computes this column",
    );
    expect_problem(|target| target.kind = CollectionKind::System, "another kind");
}

#[test]
fn differences_that_do_no_harm_are_no_problem() {
    let mut target = goods();
    target.columns.push(int("spare"));
    let mut filled = not_null(int("filled"));
    filled.default = Some(DefaultValue { native: "3".into(), meaning: Some(DefaultMeaning::Number("3".into())) });
    target.columns.push(filled);
    target.columns[3].nullable = false;
    let mut source = goods();
    source.columns[2].logical = LogicalType::Int { bits: 32, signed: true };
    source.columns[2].native.text = "INTEGER".into();
    let plan = plan_for(source, GOODS, target, false);
    assert_eq!(plan.problems(), Vec::<String>::new());
    let planned = plan.collections().next().expect("a collection");
    assert_eq!(planned.action, Some(CollectionAction::Replace));
    let verdicts: Vec<_> = planned.columns.iter().map(|column| (column.name.as_str(), column.verdict)).collect();
    assert_eq!(
        verdicts,
        [
            ("id", Verdict::Identical),
            ("label", Verdict::Identical),
            ("weight", Verdict::Widening),
            ("code", Verdict::Checked),
            ("spare", Verdict::Extra),
            ("filled", Verdict::Extra),
        ]
    );
}

#[test]
fn rows_go_into_wider_columns_and_are_proven_there() {
    let mut source = goods();
    source.columns[2].logical = LogicalType::Int { bits: 16, signed: true };
    source.columns[2].native.text = "SMALLINT".into();
    let work = Work::with_backup(&Tables::default().with(source, GOODS), &dump_options(1));
    let mut target = goods();
    target.columns.insert(1, int("spare"));
    work.insert("target", &Tables::default().with(target, &[&[I(9), I(9), T("old"), I(9), T("old")]]));
    let report = work.restore("backup", "target", &restore_options(1)).expect("a restore");
    assert_eq!(report.units[0].collections[0].rows, 2);
    assert_eq!(
        work.rows("target", "goods"),
        [
            "id=1 | spare=null | label=\"a\" | weight=7 | code=\"x\"",
            "id=2 | spare=null | label=null | weight=8 | code=\"y\""
        ]
    );
}

#[test]
fn everything_is_listed_at_once_and_nothing_is_touched() {
    let mut archived = archived();
    archived.schema.collections[3] = referencing(archived.schema.collections[3].clone(), "region_id", "regions");
    let work = Work::with_backup(&archived, &options());
    let mut goods = goods();
    goods.columns[2].logical = LogicalType::Int { bits: 8, signed: true };
    goods.columns[2].native.text = "TINYINT".into();
    goods.columns.remove(1);
    goods.columns.push(not_null(int("must")));
    goods.primary_key = None;
    // `stock` is there, its parents are not: neither are they selected.
    let stock = table("stock", vec![int("id"), int("place_id")]);
    work.insert("target", &Tables::default().with(goods, &[&[I(1), I(1), T("x"), I(1)]]).with(stock, &[]));
    let mut options = restore_options(2);
    options.selection = only(&["user"]);

    let error = work.refused("backup", "target", &options);
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    for expected in [
        "7 problems, nothing was changed",
        "main.goods: column label: the target has no such column",
        "main.goods: column weight: the target is narrower",
        "main.goods: column must: only the target has it, it allows no nulls and has no default",
        "main.goods: primary key: id in the archive, none in the target",
        "main.stock: column region_id: the target has no such column",
        "main.stock: the foreign key on place_id leaves the selection: main.places is neither selected nor in the target; \
         select group log too",
        "main.stock: the foreign key on region_id leaves the selection: main.regions is neither selected nor in the target",
    ] {
        assert!(error.message().contains(expected), "{expected:?} is not in {error}");
    }
    assert!(error.remedy().is_some_and(|remedy| remedy.contains("recreate")));

    // The plan says the same without failing, also about a database that is not there.
    let plan = work.plan("backup", "target", &options).expect("a plan");
    assert_eq!(plan.problems().len(), 7);
    assert_eq!(work.plan("backup", "new", &options).expect("a plan").problems().len(), 2);
    assert_eq!(work.memory.names(), ["source", "target"]);
}

#[test]
fn a_single_problem_is_one_problem() {
    let work = Work::with_backup(&Tables::default().with(goods(), GOODS), &dump_options(1));
    work.insert("target", &Tables::default().with(table("goods", vec![int("id"), text("label"), int("weight")]), &[]));
    let error = work.refused("backup", "target", &restore_options(1));
    assert!(error.message().contains("1 problem, nothing"), "{error}");
}

#[test]
fn a_parent_outside_the_selection_is_fine_where_the_target_has_it() {
    let work = Work::with_backup(&archived(), &options());
    work.insert("target", &archived());
    let mut options = restore_options(1);
    options.selection = only(&["user"]);
    let plan = work.plan("backup", "target", &options).expect("a plan");
    assert_eq!(plan.problems(), Vec::<String>::new());
    let edges: Vec<_> = plan.leaving.iter().map(|edge| (&edge.child, &edge.parent, edge.missing)).collect();
    assert_eq!(edges, [(&name("stock"), &name("places"), false)]);
    assert_eq!(plan.leaving[0].outside_group.as_deref(), Some("log"));
    work.restore("backup", "target", &options).expect("a restore");

    // The other way round: the child stays outside, and is told.
    options.selection = only(&["log"]);
    let plan = work.plan("backup", "target", &options).expect("a plan");
    let edges: Vec<_> = plan.leaving.iter().map(|edge| (&edge.child, &edge.parent, edge.missing)).collect();
    assert_eq!(edges, [(&name("stock"), &name("places"), false)]);
}

#[test]
fn a_parent_that_the_source_lacks_is_not_asked_for() {
    let tables = Tables::default()
        .with(referencing(table("stock", vec![int("id"), int("place_id")]), "place_id", "nowhere"), &[&[I(1), Null]]);
    let work = Work::with_backup(&tables, &dump_options(1));
    assert_eq!(work.plan("backup", "target", &restore_options(1)).expect("a plan").problems(), Vec::<String>::new());
    work.restore("backup", "target", &restore_options(1)).expect("a restore");
}

#[test]
fn the_plan_says_what_is_overwritten() {
    let work = Work::with_backup(&shop(1), &dump_options(1));
    let plan = work.plan("backup", "target", &restore_options(1)).expect("a plan");
    assert!(!plan.overwrites());
    assert_eq!(plan.rows_overwritten(), 0);
    work.insert("target", &shop(2).without("users"));
    let plan = work.plan("backup", "target", &restore_options(1)).expect("a plan");
    assert!(plan.overwrites());
    assert_eq!(plan.rows_overwritten(), 2 + 3 + 2 + 4);
    let actions: Vec<_> =
        plan.collections().map(|planned| (planned.collection.name.as_str(), planned.action)).collect();
    assert_eq!(actions[0], ("settings", Some(CollectionAction::Replace)));
    assert!(actions.contains(&("users", Some(CollectionAction::Create))));
}
