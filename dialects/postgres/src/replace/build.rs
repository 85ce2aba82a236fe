//! Tables under construction: created in their staging schemas, and later their keys, checks and indexes.

use super::sessions::{Job, statement};
use super::unit::{Member, Members, Place};
use crate::PostgresSyntax;
use crate::ddl;
use crate::session::Session;
use dbferry_dialect::model::{Check, CollectionKind, Index};
use dbferry_dialect::{Cancel, Collection, CollectionName, Error, ErrorKind, Result, Syntax};
use std::collections::BTreeSet;

/// The longest name: NAMEDATALEN - 1.
const NAME_BYTES: usize = 63;

/// Creates the tables, without keys and indexes. All of them or none: it is one transaction.
///
/// # Errors
/// [`ErrorKind::Incompatible`] when one inherits from a table, or is a partition of one, that will not be there.
pub(super) fn create_tables(session: &mut Session, members: &Members, cancel: &Cancel) -> Result<()> {
    find_parents(session, members)?;
    session.run("cannot begin a transaction", "BEGIN")?;
    for member in members.staged_parents_first() {
        cancel.check()?;
        create_table(session, members, member).map_err(|error| error.with("collection", &member.plan.target))?;
    }
    session.run("the tables cannot be created", "COMMIT")
}

/// Looks for the parents that these tables will be linked to and that no table here is.
fn find_parents(session: &mut Session, members: &Members) -> Result<()> {
    let staged = |parent: &CollectionName| members.get(parent).is_some_and(|parent| parent.place == Place::Staged);
    for member in members.at(Place::Staged).filter(|member| member.plan.use_definition) {
        let parents = ddl::table::parents(&member.source).into_iter().chain(member.source.part_of.clone());
        for parent in parents.filter(|parent| !staged(parent)) {
            let rows = session.query(
                "cannot look for the parents of tables",
                "SELECT pg_catalog.to_regclass($1) IS NOT NULL",
                &[&PostgresSyntax.qualified(&parent)],
            )?;
            if !rows.iter().any(|row| row.get(0)) {
                let message =
                    format!("the table inherits from {parent}, or is a partition of it, and that is not there");
                return Err(Error::new(ErrorKind::Incompatible, message)
                    .with("dialect", crate::NAME)
                    .with("collection", &member.plan.target)
                    .hint(format!("restore {parent} too")));
            }
        }
    }
    Ok(())
}

fn create_table(session: &mut Session, members: &Members, member: &Member) -> Result<()> {
    const DOING: &str = "cannot create the table";
    let name = &member.current;
    if !member.plan.use_definition {
        if !matches!(member.source.kind, CollectionKind::Table | CollectionKind::Partitioned) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "such a table is only made from an archive that is trusted",
            ));
        }
        let mut bare = member.source.clone();
        bare.primary_key = None;
        bare.unique_keys.clear();
        bare.checks.clear();
        return statement(session, DOING, &PostgresSyntax.create_table(name, &bare));
    }
    let collection = members.as_staged(member);
    let form = member.form(members);
    statement(session, DOING, &ddl::table::create(name, &collection, form))?;
    for sql in ddl::table::settings(name, &collection, form) {
        statement(session, "cannot set a table's column up", &sql)?;
    }
    if member.is_in_a_tree() {
        for check in member.source.checks.iter().filter(|check| !is_not_valid(check)) {
            let sql = ddl::constraint::add_check(name, check, false);
            statement(session, "cannot add a check", &sql)?;
        }
    }
    // A partition of a table that is there already would be seen half loaded: it is attached at the switch.
    let parent_is_staged = parent(members, member).is_some_and(|parent| parent.place == Place::Staged);
    if parent_is_staged && let Some(sql) = ddl::table::attach(name, &collection) {
        statement(session, "cannot attach a partition", &sql)?;
    }
    Ok(())
}

/// Whether rows that are there need not hold to it.
fn is_not_valid(check: &Check) -> bool {
    check.definition.as_deref().is_some_and(|definition| definition.ends_with(" NOT VALID"))
}

/// The member that this one is a partition of.
pub(super) fn parent<'a>(members: &'a Members, member: &Member) -> Option<&'a Member> {
    member.source.part_of.as_ref().and_then(|parent| members.get(parent))
}

/// Names of indexes that are still free in the schemas of the targets.
#[derive(Debug, Default)]
pub(super) struct FreeNames(BTreeSet<CollectionName>);

impl FreeNames {
    /// Reads the names that are taken there. Only the names of other engines' indexes can clash, so nothing is read without
    /// such.
    pub(super) fn read(session: &mut Session, members: &Members) -> Result<Self> {
        let foreign = members.at(Place::Staged).filter(|member| !member.plan.use_definition);
        let schemas: BTreeSet<&str> = foreign.map(|member| member.plan.target.namespace.as_str()).collect();
        if schemas.is_empty() {
            return Ok(Self::default());
        }
        let schemas: Vec<&str> = schemas.into_iter().collect();
        let rows = session.query(
            "cannot read which names are taken",
            "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname::text = ANY ($1)",
            &[&schemas],
        )?;
        let taken = rows.iter().map(|row| CollectionName::new(row.get::<_, String>(0), row.get::<_, String>(1)));
        let planned = members.iter().map(|member| member.plan.target.clone());
        Ok(Self(taken.chain(planned).collect()))
    }

    /// A name for an index that nothing has: its own, or one with its table's name in front, numbered if it must be.
    fn take(&mut self, table: &CollectionName, index: &str) -> String {
        let numbered = (2..).map(|number| shortened(&format!("{}_{index}", table.name), &format!("_{number}")));
        let wanted = [shortened(index, ""), shortened(&format!("{}_{index}", table.name), "")];
        let name = wanted
            .into_iter()
            .chain(numbered)
            .find(|name| !self.0.contains(&CollectionName::new(&table.namespace, name)))
            // Numbers do not run out.
            .unwrap_or_default();
        self.0.insert(CollectionName::new(&table.namespace, &name));
        name
    }
}

/// A name for a foreign key that has none.
pub(super) fn key_name(table: &CollectionName, number: usize) -> String {
    shortened(&table.name, &format!("_fkey{}", number + 1))
}

/// `name` with `suffix`, cut in front of it to what a name can be.
fn shortened(name: &str, suffix: &str) -> String {
    let mut end = name.len().min(NAME_BYTES - suffix.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &name[..end])
}

/// The indexes of all staged tables, those of their keys included, each a job of its own. `weight` says how much a table
/// holds. Returns the jobs and what could not be carried over.
pub(super) fn index_jobs(
    members: &Members,
    names: &mut FreeNames,
    weight: impl Fn(&CollectionName) -> u64,
) -> (Vec<Job>, Vec<String>) {
    let mut jobs = Vec::new();
    let mut warnings = Vec::new();
    for member in members.at(Place::Staged) {
        let (source, table) = (&member.source, &member.current);
        let mut push = |sql: String| {
            jobs.push(Job {
                doing: "cannot build an index",
                collection: member.plan.target.to_string(),
                weight: weight(&source.name),
                statements: vec![sql],
            });
        };
        for key in source.primary_key.iter().chain(&source.unique_keys) {
            if let Some(sql) = ddl::constraint::key_index(table, source, key) {
                push(sql);
            }
        }
        for index in &source.indexes {
            match create_index(member, names, source, index) {
                Some(sql) => push(sql),
                None => warnings.push(format!(
                    "{}: the index {} was left out, because its expressions and conditions are not understood or \
                     not trusted",
                    member.plan.target, index.name
                )),
            }
        }
    }
    (jobs, warnings)
}

fn create_index(member: &Member, names: &mut FreeNames, source: &Collection, index: &Index) -> Option<String> {
    if member.plan.use_definition {
        return ddl::index::create(&member.current, source, index);
    }
    let index = Index { name: names.take(&member.plan.target, &index.name), ..index.clone() };
    ddl::index::create(&member.current, source, &index)
}

/// Keys and checks of all staged tables, once their indexes are there: a job a table, whose statements each lock it. Partitions
/// and their parents had their checks from the beginning.
pub(super) fn constraint_jobs(members: &Members, weight: impl Fn(&CollectionName) -> u64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for member in members.at(Place::Staged) {
        let (source, table) = (&member.source, &member.current);
        let primary = source.primary_key.iter().map(|key| (key, true));
        let unique = source.unique_keys.iter().map(|key| (key, false));
        let keys = primary.chain(unique).filter(|(key, _)| !key.columns.is_empty()).map(|(key, primary)| {
            let apart = ddl::constraint::key_index(table, source, key)
                .and_then(|_| ddl::constraint::add_key_using_index(table, key, primary));
            apart.unwrap_or_else(|| ddl::constraint::add_key(table, key, primary, member.is_partitioned()))
        });
        let checks = source.checks.iter().filter(|_| !member.is_in_a_tree());
        let checks = checks.map(|check| ddl::constraint::add_check(table, check, false));
        jobs.extend(job_of(member, weight(&source.name), keys.chain(checks).collect()));
    }
    jobs
}

/// Checks of partitions and their parents that old rows need not hold to: they come after the rows, and a partition's before
/// its parent's, whose own statement then finds it there. In the order in which they must be run.
pub(super) fn late_check_jobs(members: &Members) -> Vec<Job> {
    let trees = members.staged_parents_first().into_iter().rev().filter(|member| member.is_in_a_tree());
    let jobs = trees.filter_map(|member| {
        let checks = member.source.checks.iter().filter(|check| is_not_valid(check));
        let checks = checks.map(|check| ddl::constraint::add_check(&member.current, check, false));
        job_of(member, 0, checks.collect())
    });
    jobs.collect()
}

/// Indexes of staged partitions made parts of those of their staged parents, which are only then complete: a foreign key may
/// need them.
pub(super) fn attach_index_jobs(members: &Members) -> Vec<Job> {
    let jobs = members.at(Place::Staged).filter_map(|member| {
        let parent = parent(members, member).filter(|parent| parent.place == Place::Staged)?;
        let parents: serde_json::Value =
            serde_json::from_str(member.source.attributes.get(ddl::INDEX_PARENTS)?).ok()?;
        let moved = |(index, name): (&String, &serde_json::Value)| {
            (index.clone(), serde_json::json!([parent.current.namespace, name[1]]))
        };
        let moved: serde_json::Map<_, _> = parents.as_object()?.iter().map(moved).collect();
        let mut collection = member.source.clone();
        collection.name = member.current.clone();
        let moved = serde_json::Value::Object(moved).to_string();
        collection.attributes.insert(ddl::INDEX_PARENTS.to_owned(), moved);
        job_of(member, 0, ddl::index::attach(&collection))
    });
    jobs.collect()
}

fn job_of(member: &Member, weight: u64, statements: Vec<String>) -> Option<Job> {
    let (doing, collection) = ("cannot add a key or a check", member.plan.target.to_string());
    (!statements.is_empty()).then_some(Job { doing, collection, weight, statements })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_unique_and_short() {
        let mut names = FreeNames(BTreeSet::from([CollectionName::new("public", "by_name")]));
        let (a, b) = (CollectionName::new("public", "a"), CollectionName::new("other", "b"));
        assert_eq!(names.take(&a, "by_name"), "a_by_name");
        assert_eq!(names.take(&a, "by_name"), "a_by_name_2");
        assert_eq!(names.take(&b, "by_name"), "by_name");
        let long = "é".repeat(40);
        let first = names.take(&a, &long);
        assert_eq!(first, "é".repeat(31));
        assert!(names.take(&a, &long).len() <= NAME_BYTES);
    }
}
