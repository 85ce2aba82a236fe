//! Readers that see a loaded unit before it is switched.
//!
//! What is staged is committed, so any session reads it; what is changed in place is seen by the main session alone.

use super::sessions::Shared;
use super::unit::{Members, Place};
use crate::PostgresSyntax;
use crate::read::{PostgresReader, RelationName};
use crate::types::TypeCatalogue;
use dbferry_dialect::{CollectionName, ReadRequest, Reader, Result, Sink, Syntax};
use std::collections::HashMap;
use std::sync::Arc;

/// Where the collections are at the moment, by their names in the target.
#[derive(Debug)]
pub(super) struct Names(HashMap<CollectionName, (Place, String)>);

impl Names {
    /// Of all members.
    pub(super) fn new(members: &Members) -> Self {
        let name = |member: &super::unit::Member| {
            (member.plan.target.clone(), (member.place, PostgresSyntax.qualified(&member.current)))
        };
        Self(members.iter().map(name).collect())
    }

    /// Whether any of them is staged.
    pub(super) fn any_staged(&self) -> bool {
        self.0.values().any(|(place, _)| *place == Place::Staged)
    }

    fn is_staged(&self, name: &CollectionName) -> bool {
        self.0.get(name).is_some_and(|(place, _)| *place == Place::Staged)
    }

    fn relation(&self, name: &CollectionName) -> String {
        self.0.get(name).map_or_else(|| PostgresSyntax.qualified(name), |(_, relation)| relation.clone())
    }
}

/// One session for what is staged, and the main one for the rest.
pub(super) struct ProofReader {
    staged: PostgresReader,
    in_place: PostgresReader,
    names: Arc<Names>,
}

impl ProofReader {
    /// A reader on those two sessions.
    pub(super) fn new(own: Shared, main: Shared, types: &Arc<TypeCatalogue>, names: &Arc<Names>) -> Self {
        let relation = || -> RelationName {
            let names = Arc::clone(names);
            Box::new(move |name| names.relation(name))
        };
        Self {
            staged: PostgresReader::shared(own, Arc::clone(types), relation()),
            in_place: PostgresReader::shared(main, Arc::clone(types), relation()),
            names: Arc::clone(names),
        }
    }
}

impl Reader for ProofReader {
    fn read(&mut self, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
        let reader = if self.names.is_staged(&request.collection.name) { &mut self.staged } else { &mut self.in_place };
        reader.read(request, sink)
    }
}
