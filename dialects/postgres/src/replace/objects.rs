//! What belongs to the members of a unit beside their tables: sequences of their defaults, triggers, rules, policies,
//! statistics, exclusion constraints, owners and privileges.

use super::sessions::statement;
use super::unit::{Member, Members, Place};
use crate::PostgresSyntax;
use crate::ddl::{self, access};
use crate::objects::create::{Existing, create_for_collection, grant};
use crate::session::Session;
use dbferry_dialect::model::{CollectionKind, NativeObject, ObjectKind, Stage};
use dbferry_dialect::{CollectionName, ReplaceOptions, Result, Syntax};
use serde_json::Value;

/// Makes the objects of that stage that are not there. A transaction is under way. Returns what the user should know.
pub(super) fn create(
    session: &mut Session,
    members: &Members,
    stage: Stage,
    existing: &mut Existing,
    options: &ReplaceOptions,
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for member in members.iter().filter(|member| member.place != Place::Untouched) {
        let objects: Vec<NativeObject> =
            member.plan.objects.iter().filter(|object| object.stage == stage).cloned().collect();
        if objects.is_empty() {
            continue;
        }
        for sequence in objects.iter().filter(|object| object.kind == ObjectKind::Sequence) {
            // As with counters: what is set on new storage goes away with the transaction.
            let name = PostgresSyntax.qualified(&CollectionName::new(&sequence.namespace, &sequence.name));
            let sql = format!("ALTER SEQUENCE IF EXISTS {name} RESTART");
            statement(session, "cannot set a sequence", &sql)?;
        }
        warnings.extend(
            create_for_collection(session, existing, &objects, options)
                .map_err(|error| error.with("collection", &member.plan.target))?,
        );
    }
    Ok(warnings)
}

/// Gives what was made its owners and privileges, as far as the options ask. The last step: afterwards it may belong to
/// somebody else.
pub(super) fn give_away(
    session: &mut Session,
    members: &Members,
    existing: &Existing,
    options: &ReplaceOptions,
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for member in members.at(Place::Staged).filter(|member| member.plan.use_definition) {
        let mut granted = Vec::new();
        let table = PostgresSyntax.qualified(&member.plan.target);
        let attributes = &member.source.attributes;
        if options.owners {
            let word = if member.source.kind == CollectionKind::Foreign { "FOREIGN TABLE" } else { "TABLE" };
            granted.extend(access::owner(&format!("{word} {table}"), attributes));
        }
        if options.privileges {
            granted.extend(access::privileges(&format!("TABLE {table}"), attributes, options.owners));
            granted.extend(sequence_privileges(member, options.owners));
        }
        warnings.extend(grant(session, existing, &granted)?);
    }
    Ok(warnings)
}

/// Sequences that columns own have their table's owner, and privileges of their own.
fn sequence_privileges(member: &Member, owned: bool) -> Vec<access::Granted> {
    let mut granted = Vec::new();
    for sequence in ddl::sequence::all(&member.source) {
        let Some(privileges) = &sequence.privileges else { continue };
        let name = PostgresSyntax.qualified(&sequence.name_beside(&member.plan.target, &member.source.name));
        let changes: Value = serde_json::from_str(privileges).unwrap_or(Value::Null);
        granted.extend(access::list(&format!("SEQUENCE {name}"), None, &changes, owned));
    }
    granted
}
