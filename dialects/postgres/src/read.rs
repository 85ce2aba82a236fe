//! Reads chunks through binary `COPY` straight into Arrow buffers.
//!
//! Rows come as they lie in storage, which is the order of `ctid` and of no key: sorting a table costs far more than
//! reading it, and the hash of a collection does not see the order.

mod batch;
mod query;
mod skim;
#[cfg(test)]
mod tests;

use crate::decode::choose::Source;
use crate::decode::stream::CopyStream;
use crate::session::Session;
use crate::syntax::PostgresSyntax;
use crate::types::TypeCatalogue;
use batch::BatchBuilder;
use dbferry_dialect::{CollectionName, Error, ErrorKind, ReadRequest, Reader, Result, Sink, Skimmed, Syntax};
use query::{Plan, any_bytes};
use std::sync::{Arc, Mutex, PoisonError};

/// The quoted name of the relation that holds a collection's rows.
pub(crate) type RelationName = Box<dyn Fn(&CollectionName) -> String + Send>;

/// A session that reads. It owns its session, or shares one with a writer whose uncommitted rows it must see.
pub(crate) struct PostgresReader {
    session: Arc<Mutex<Session>>,
    types: Arc<TypeCatalogue>,
    relation: RelationName,
    /// Whether texts may be any bytes, once it was asked.
    any_bytes: Option<bool>,
}

impl PostgresReader {
    /// A reader with a session of its own, for collections under their own names. `types` are those of its database.
    pub(crate) fn new(session: Session, types: Arc<TypeCatalogue>) -> Self {
        let relation = Box::new(|name: &CollectionName| PostgresSyntax.qualified(name));
        Self::shared(Arc::new(Mutex::new(session)), types, relation)
    }

    /// A reader on a session that others use too, one at a time: each [`Reader::read`] holds it until it returns.
    pub(crate) fn shared(session: Arc<Mutex<Session>>, types: Arc<TypeCatalogue>, relation: RelationName) -> Self {
        Self { session, types, relation, any_bytes: None }
    }
}

impl Reader for PostgresReader {
    fn read(&mut self, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
        self.with_source(request, |session, source, relation| read(session, source, relation, request, sink))
    }

    fn skim(&mut self, request: &ReadRequest<'_>) -> Result<Skimmed> {
        self.with_source(request, |session, source, relation| skim::skim(session, source, relation, request))
    }
}

impl PostgresReader {
    fn with_source<T>(
        &mut self,
        request: &ReadRequest<'_>,
        action: impl FnOnce(&mut Session, Source<'_>, &str) -> Result<T>,
    ) -> Result<T> {
        // A session that a panicking thread held may be in the middle of anything; the server then says so.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let relation = (self.relation)(&request.collection.name);
        let any_bytes = match self.any_bytes {
            Some(known) => known,
            None => *self.any_bytes.insert(any_bytes(&mut session)?),
        };
        let source = Source { types: &self.types, any_bytes };
        action(&mut session, source, &relation).map_err(|error| error.with("collection", &request.collection.name))
    }
}

/// The error message of a table whose rows a policy would filter; `row_security` is off, so the server refuses instead.
const FILTERED: &str = "row-level security";

fn read(
    session: &mut Session,
    source: Source<'_>,
    relation: &str,
    request: &ReadRequest<'_>,
    sink: &mut dyn Sink,
) -> Result<u64> {
    let plan = Plan::new(session, source, relation, request).map_err(explain)?;
    let mut batch =
        BatchBuilder::new(request.collection, plan.decoders, (source.types, plan.types), request.batch_bytes);
    let mut stream = CopyStream::default();
    let mut count = 0;
    let copied = session.copy_out("the collection cannot be read", &plan.copy, &mut |message| {
        stream.feed(&message, |fields, tuple| {
            batch.push(fields, tuple)?;
            count += 1;
            if batch.is_full() { sink.push(batch.finish()?) } else { Ok(()) }
        })
    });
    copied.map_err(|error| explain(error.with("row", count)))?;
    stream.finish()?;
    if batch.rows() > 0 {
        sink.push(batch.finish()?)?;
    }
    Ok(count)
}

fn explain(error: Error) -> Error {
    if error.kind() == ErrorKind::Permission && error.to_string().contains(FILTERED) {
        return error.hint(
            "a policy would leave rows out: connect as the table's owner (if the policy does not bind the owner too), or as \
             a user with BYPASSRLS",
        );
    }
    error
}
