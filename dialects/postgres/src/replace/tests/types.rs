//! Values of every type, with their extremes, through a dump and a restore.

use super::support::*;
use dbferry_dialect::CollectionAction;

/// Types with values in PostgreSQL's own spelling: one table a type, and one with all types.
const ZOO: &str = include_str!("zoo.sql");

#[test]
fn every_value_of_every_type_comes_back() {
    on_every_version(|| {
        let source = database(ZOO);
        let archive = dump(&source, 1 << 20);
        let target = database("");
        assert_eq!(restored(&archive, &target), Vec::<String>::new());
        assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));
        // In place, where columns stand in another order and types have other identifiers.
        run(
            &target,
            "ALTER TABLE public.wide ADD COLUMN extra int; ALTER TABLE public.t0 DROP COLUMN id, ADD COLUMN id int",
        );
        restored(&archive, &target);
        assert_eq!(run(&target, "SELECT string_agg(id::text || c, ',' ORDER BY id) FROM public.t0"), "0true,1false");
        let columns =
            archive.schema.collections.iter().find(|collection| collection.name.name == "wide").expect("wide");
        let columns: Vec<String> = columns.columns.iter().map(|column| format!("{}::text", column.name)).collect();
        let sql = format!("SELECT {} FROM public.wide ORDER BY ctid", columns.join(", "));
        assert_eq!(run(&target, &sql), run(&source, &sql));
    });
}

#[test]
fn types_that_take_texts_only_are_loaded_in_several_writers_and_in_place() {
    let source = database(
        "CREATE TABLE public.t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at point, x xml, g int GENERATED ALWAYS AS (7) STORED);
         INSERT INTO public.t (at, x) SELECT point(n, n), ('<a>' || n || '</a>')::xml FROM generate_series(1, 2000) n",
    );
    let archive = dump(&source, 8 << 10);
    let target = database("");
    Restore { writers: 3, ..Restore::default() }.run(&archive, &target).expect("a restore");
    assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));
    run(&target, "DELETE FROM public.t; CREATE RULE quiet AS ON INSERT TO public.t DO INSTEAD NOTHING");
    let replace =
        |_: &dbferry_dialect::Collection, _: Option<&dbferry_dialect::Collection>| Some(CollectionAction::Replace);
    Restore { choose: &replace, ..Restore::default() }.run(&archive, &target).expect("a restore");
    run(&target, "DROP RULE quiet ON public.t");
    assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));
}
