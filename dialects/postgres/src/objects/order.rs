//! Puts objects in an order in which they can be made, and says which of them need a collection first.
//!
//! `pg_depend` knows what needs what, but of parts: a view's rule needs a column of a table. Each part is followed to the
//! whole that it is a part of (internal and automatic dependencies), and dependencies of parts count for the whole.

use super::{Node, READING, SHELL};
use crate::introspect::{Tables, get};
use crate::session::Session;
use crate::types::Oid;
use dbferry_dialect::model::{NativeObject, ObjectKind, Stage};
use dbferry_dialect::{CollectionName, Result};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};

/// The fact that sources give to types that have functions of their own.
const HAS_SHELL: &str = "has-shell";

/// A thing of the catalogue: the catalogue's identifier and its own.
pub(super) type Thing = (Oid, Oid);

/// Objects and what they need.
pub(super) struct Graph {
    nodes: Vec<Node>,
    positions: HashMap<Thing, usize>,
    /// Where the mere name of a type stands, by the type.
    shells: HashMap<usize, usize>,
    tables: HashMap<Oid, CollectionName>,
    /// Object to the objects that it needs.
    needs: Vec<BTreeSet<usize>>,
    /// Object to the tables that it needs itself.
    needs_tables: Vec<BTreeSet<Oid>>,
    /// Parts of tables and the objects that they need.
    parts: Vec<(Oid, Thing, usize)>,
    /// Tables of which a column has the row type of another table.
    of_rows: BTreeSet<Oid>,
    /// Object to whether it needs a collection, itself or by what it needs.
    after: Vec<bool>,
    order: Vec<usize>,
}

/// What a part is a part of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Whole {
    Object(usize),
    Table(Oid),
    Nothing,
}

/// Rows of `pg_depend`, and the catalogues that parts are looked for in.
struct Dependencies {
    /// Part and what it needs.
    rows: Vec<(Thing, Thing)>,
    /// Part to what it is a part of.
    owners: HashMap<Thing, Thing>,
    /// What extensions made.
    members: HashSet<Thing>,
    /// The catalogues of relations and of types.
    relations: Oid,
    types: Oid,
}

impl Graph {
    pub(super) fn new(nodes: Vec<Node>, tables: &Tables) -> Self {
        let mut graph = Self {
            nodes: Vec::with_capacity(nodes.len()),
            positions: HashMap::with_capacity(nodes.len()),
            shells: HashMap::new(),
            tables: tables.named().map(|(oid, name)| (oid, name.clone())).collect(),
            needs: Vec::new(),
            needs_tables: Vec::new(),
            parts: Vec::new(),
            of_rows: BTreeSet::new(),
            after: Vec::new(),
            order: Vec::new(),
        };
        for mut node in nodes {
            let has_shell = node.object.attributes.remove(HAS_SHELL).is_some_and(|value| value == "true");
            let position = graph.nodes.len();
            graph.positions.insert((node.class, node.oid), position);
            if has_shell {
                let shell = shell(&node.object);
                graph.shells.insert(position, position + 1);
                graph.nodes.push(node);
                graph.nodes.push(Node { class: 0, oid: 0, object: shell });
            } else {
                graph.nodes.push(node);
            }
        }
        graph.needs = vec![BTreeSet::new(); graph.nodes.len()];
        graph.needs_tables = vec![BTreeSet::new(); graph.nodes.len()];
        graph
    }

    /// Reads what needs what.
    pub(super) fn read(&mut self, session: &mut Session) -> Result<()> {
        let dependencies = Dependencies::read(session)?;
        let mut known = HashMap::new();
        // An extension knows itself what its members need.
        for (part, needed) in dependencies.rows.iter().filter(|(part, _)| !dependencies.members.contains(part)) {
            let needed_whole = self.whole(&dependencies, *needed, &mut known);
            match (self.whole(&dependencies, *part, &mut known), needed_whole) {
                (Whole::Object(object), Whole::Object(needed)) if object != needed => {
                    self.needs[object].insert(needed);
                }
                (Whole::Object(object), Whole::Table(table)) => {
                    self.needs_tables[object].insert(table);
                }
                (Whole::Table(table), Whole::Object(needed)) => self.parts.push((table, *part, needed)),
                // Foreign keys and inheritance name the table itself.
                (Whole::Table(table), Whole::Table(other))
                    if table != other && *part == (dependencies.relations, table) && needed.0 == dependencies.types =>
                {
                    self.of_rows.insert(table);
                }
                _ => {}
            }
        }
        self.break_shells();
        Ok(())
    }

    /// A type needs its functions and they need the type: they need its name only.
    fn break_shells(&mut self) {
        for (&type_, &shell) in &self.shells {
            let functions: Vec<usize> =
                self.needs[type_].iter().copied().filter(|function| self.needs[*function].contains(&type_)).collect();
            for function in functions {
                self.needs[function].remove(&type_);
                self.needs[function].insert(shell);
            }
            let namespaces = self.needs[type_].iter().copied();
            let namespaces: Vec<usize> =
                namespaces.filter(|need| self.nodes[*need].object.kind == ObjectKind::Namespace).collect();
            self.needs[shell].extend(namespaces);
            self.needs[type_].insert(shell);
        }
    }

    fn whole(&self, dependencies: &Dependencies, thing: Thing, known: &mut HashMap<Thing, Whole>) -> Whole {
        if let Some(whole) = known.get(&thing) {
            return *whole;
        }
        let mut whole = Whole::Nothing;
        let mut at = thing;
        // A part of a part of a part; the bound only guards against a damaged catalogue.
        for _ in 0..16 {
            if let Some(position) = self.positions.get(&at) {
                whole = Whole::Object(*position);
                break;
            }
            if at.0 == dependencies.relations && self.tables.contains_key(&at.1) {
                whole = Whole::Table(at.1);
                break;
            }
            match dependencies.owners.get(&at) {
                Some(owner) => at = *owner,
                None => break,
            }
        }
        known.insert(thing, whole);
        whole
    }

    /// Finds the order and the stages.
    pub(super) fn arrange(&mut self) {
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut missing: Vec<usize> = vec![0; self.nodes.len()];
        for (object, needs) in self.needs.iter().enumerate() {
            missing[object] = needs.len();
            for need in needs {
                needed_by[*need].push(object);
            }
        }
        // Of those that can be made the first by kind and name, so that the same catalogue gives the same order.
        let mut ready: BinaryHeap<_> = (0..self.nodes.len())
            .filter(|object| missing[*object] == 0)
            .map(|object| Reverse(self.rank(object)))
            .collect();
        let mut done = HashSet::with_capacity(self.nodes.len());
        loop {
            while let Some(Reverse((.., object))) = ready.pop() {
                if !done.insert(object) {
                    continue;
                }
                self.order.push(object);
                for next in &needed_by[object] {
                    missing[*next] -= 1;
                    if missing[*next] == 0 {
                        ready.push(Reverse(self.rank(*next)));
                    }
                }
            }
            // Objects that need each other: the first of them begins.
            let Some(stuck) = (0..self.nodes.len()).filter(|object| !done.contains(object)).map(|o| self.rank(o)).min()
            else {
                break;
            };
            ready.push(Reverse(stuck));
        }
        self.after = vec![false; self.nodes.len()];
        for object in &self.order {
            self.after[*object] = self.nodes[*object].object.on.is_some()
                || self.nodes[*object].object.kind == ObjectKind::MaterializedView
                || !self.needs_tables[*object].is_empty()
                || self.needs[*object].iter().any(|need| self.after[*need]);
        }
        self.place();
    }

    fn rank(&self, object: usize) -> (u8, String, String, usize) {
        let node = &self.nodes[object].object;
        let rank = match node.kind {
            ObjectKind::Namespace => 0,
            ObjectKind::Extension => 1,
            ObjectKind::Type => 2,
            ObjectKind::Collation => 3,
            ObjectKind::Sequence => 4,
            ObjectKind::Routine => 5,
            ObjectKind::Operator => 6,
            ObjectKind::Cast => 7,
            ObjectKind::View => 8,
            ObjectKind::MaterializedView => 9,
            ObjectKind::Constraint => 11,
            ObjectKind::Statistics => 12,
            ObjectKind::Rule => 13,
            ObjectKind::Policy => 14,
            ObjectKind::Trigger => 15,
            _ => 10,
        };
        (rank, node.namespace.clone(), node.name.clone(), object)
    }

    /// Sets each object's stage, and decides what goes with a table.
    fn place(&mut self) {
        // Tables that use a sequence, and whether anything else made before the tables does.
        let mut users: BTreeMap<usize, BTreeSet<Oid>> = BTreeMap::new();
        for (table, _, needed) in &self.parts {
            users.entry(*needed).or_default().insert(*table);
        }
        let mut needed_early = HashSet::new();
        for (object, needs) in self.needs.iter().enumerate().filter(|(object, _)| !self.after[*object]) {
            needed_early.extend(needs.iter().copied().filter(|need| *need != object));
        }
        for position in 0..self.nodes.len() {
            let kind = self.nodes[position].object.kind;
            let stage = if self.after[position] { Stage::After } else { Stage::Before };
            // What belongs to a table and needs something that comes after all tables comes after it too.
            let waits =
                self.needs[position].iter().any(|need| self.after[*need] && self.nodes[*need].object.on.is_none());
            let object = &mut self.nodes[position].object;
            object.stage = stage;
            if waits {
                object.on = None;
            }
            if kind == ObjectKind::Sequence && !needed_early.contains(&position) {
                let tables = users.get(&position).into_iter().flatten().filter_map(|table| self.tables.get(table));
                let tables: Vec<&CollectionName> = tables.collect();
                if let [only] = tables.as_slice() {
                    object.on = Some((*only).clone());
                }
            }
        }
    }

    /// Parts of tables that need an object which is made after all tables.
    pub(super) fn late_parts(&self) -> Vec<(Oid, Thing)> {
        // A partition has triggers and constraints from its parent, which its group makes.
        let is_late = |object: usize| self.after[object] && self.nodes[object].object.on.is_none();
        let late = self.parts.iter().filter(|(_, _, needed)| is_late(*needed));
        let late: BTreeSet<(Oid, Thing)> = late.map(|(table, part, _)| (*table, *part)).collect();
        late.into_iter().collect()
    }

    /// Tables of which a column has the row type of another table.
    pub(super) fn tables_of_rows(&self) -> impl Iterator<Item = &CollectionName> {
        self.of_rows.iter().filter_map(|table| self.tables.get(table))
    }

    /// The objects in their order.
    pub(super) fn into_objects(self) -> Vec<NativeObject> {
        let mut objects: Vec<Option<NativeObject>> = self.nodes.into_iter().map(|node| Some(node.object)).collect();
        self.order.iter().filter_map(|position| objects.get_mut(*position).and_then(Option::take)).collect()
    }
}

/// The mere name of a type, which its functions need.
fn shell(type_: &NativeObject) -> NativeObject {
    let name = CollectionName::new(&type_.namespace, &type_.name);
    let definition = format!("CREATE TYPE {}", dbferry_dialect::Syntax::qualified(&crate::PostgresSyntax, &name));
    let mut shell = NativeObject { definition, comment: None, ..type_.clone() };
    shell.attributes.clear();
    shell.attributes.insert(SHELL.to_owned(), "true".to_owned());
    if let Some(address) = type_.attributes.get(super::ADDRESS) {
        shell.attributes.insert(super::ADDRESS.to_owned(), address.clone());
    }
    shell
}

impl Dependencies {
    fn read(session: &mut Session) -> Result<Self> {
        // What initdb made has lower identifiers, and is on every server.
        let sql = "SELECT classid, objid, refclassid, refobjid, deptype::text,
                          refclassid IN ('pg_opclass'::regclass, 'pg_opfamily'::regclass, 'pg_class'::regclass, 'pg_type'::regclass),
                          'pg_class'::regclass::oid, 'pg_type'::regclass::oid
                     FROM pg_depend WHERE objid >= 16384 AND (refobjid >= 16384 OR deptype = 'e')";
        let mut dependencies =
            Self { rows: Vec::new(), owners: HashMap::new(), members: HashSet::new(), relations: 0, types: 0 };
        let mut ranks: HashMap<Thing, u8> = HashMap::new();
        for row in session.query(READING, sql, &[])? {
            let part: Thing = (get(&row, 0)?, get(&row, 1)?);
            let needed: Thing = (get(&row, 2)?, get(&row, 3)?);
            dependencies.relations = get(&row, 6)?;
            dependencies.types = get(&row, 7)?;
            // A part has one whole by an internal dependency, or several automatic ones of which a relation, a type or a
            // family is the whole.
            let rank = match (get::<&str>(&row, 4)?, get::<bool>(&row, 5)?) {
                ("e", _) => {
                    dependencies.members.insert(part);
                    Some(0)
                }
                ("i", _) => Some(1),
                ("a", true) => Some(2),
                ("a", false) => Some(3),
                _ => None,
            };
            if let Some(rank) = rank
                && ranks.get(&part).is_none_or(|known| rank < *known)
            {
                ranks.insert(part, rank);
                dependencies.owners.insert(part, needed);
            }
            dependencies.rows.push((part, needed));
        }
        Ok(dependencies)
    }
}
