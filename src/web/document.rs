//! Backups as the API tells them; see `openapi.json`.

use super::Server;
use super::answer::ErrorView;
use super::catalogue::Listed;
use super::marks::{Origin, Verified};
use crate::archive::{Archive, CollectionEntry, GroupEntry, ObjectEntry};
use crate::group::{Glossary, Language, REQUIRED, Translated, is_built_in};
use dbferry_dialect::DatabaseInfo;
use dbferry_dialect::model::NotCarried;
use serde::Serialize;

/// A text in each language.
#[derive(Debug, Serialize)]
pub(super) struct Text {
    en: String,
    fr: Option<String>,
}

impl From<&Translated> for Text {
    fn from(text: &Translated) -> Self {
        Self { en: text.get(Language::English).to_owned(), fr: text.fr.clone() }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Source {
    dialect: String,
    product: String,
    version: String,
    database: String,
}

impl From<&DatabaseInfo> for Source {
    fn from(info: &DatabaseInfo) -> Self {
        Self {
            dialect: info.dialect.clone(),
            product: info.product.clone(),
            version: info.version.clone(),
            database: info.database.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct BackupGroup {
    name: String,
    title: Text,
    description: Text,
    built_in: bool,
    required: bool,
    collections: u64,
    rows: u64,
    bytes: u64,
}

impl BackupGroup {
    fn new(group: &GroupEntry, glossary: &Glossary) -> Self {
        let info = glossary.get(&group.name);
        Self {
            name: group.name.clone(),
            title: Text::from(&info.title),
            description: Text::from(&info.description),
            built_in: is_built_in(&group.name),
            required: group.name == REQUIRED,
            collections: group.collections,
            rows: group.rows,
            bytes: group.bytes,
        }
    }
}

/// One backup of the list.
#[derive(Debug, Serialize)]
pub(super) struct Backup {
    name: String,
    packed: bool,
    id: Option<String>,
    tool: Option<String>,
    created_at: Option<String>,
    description: Option<String>,
    source: Option<Source>,
    groups: Vec<BackupGroup>,
    collections: u64,
    rows: u64,
    bytes: u64,
    size: u64,
    exceptions: u64,
    partial: bool,
    trusted: bool,
    origin: Origin,
    schedule: Option<String>,
    connection: Option<String>,
    verified: Option<Verified>,
    in_use: bool,
    error: Option<ErrorView>,
}

impl Backup {
    pub(super) fn new(listed: &Listed, server: &Server) -> Self {
        let mark = server.marks.get(&listed.name);
        let glossary = server.config.groups.glossary();
        let summary = listed.summary.as_ref().ok();
        let text = |text: fn(&crate::archive::Summary) -> &String| summary.map(|summary| text(summary).clone());
        let groups = summary.iter().flat_map(|summary| &summary.groups);
        // What another archive of that name was found to be says nothing of this one.
        let verified = mark.verified.clone().filter(|(id, _)| summary.is_none_or(|summary| summary.id == *id));
        let safety = summary.is_some_and(|summary| summary.safety) && mark.origin == Origin::Found;
        Self {
            name: listed.name.clone(),
            packed: listed.packed,
            id: text(|summary| &summary.id),
            tool: text(|summary| &summary.tool),
            created_at: text(|summary| &summary.created_at),
            description: summary.and_then(|summary| summary.description.clone()),
            source: summary.map(|summary| Source::from(&summary.source)),
            groups: groups.map(|group| BackupGroup::new(group, glossary)).collect(),
            collections: summary.map_or(0, |summary| summary.collections),
            rows: summary.map_or(0, |summary| summary.rows),
            bytes: summary.map_or(0, |summary| summary.bytes),
            size: listed.size,
            exceptions: summary.map_or(0, |summary| summary.exceptions),
            partial: summary.is_some_and(|summary| summary.partial),
            trusted: mark.is_trusted(),
            origin: if safety { Origin::Safety } else { mark.origin },
            schedule: mark.schedule,
            connection: mark.connection,
            verified: verified.map(|(_, verified)| verified),
            in_use: server.uses.contains(&listed.name),
            error: listed.summary.as_ref().err().cloned(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    native: String,
    logical: String,
    nullable: bool,
    primary_key: bool,
    generated: bool,
    comment: Option<String>,
}

#[derive(Debug, Serialize)]
struct ForeignKey {
    columns: Vec<String>,
    references: String,
    referenced_columns: Vec<String>,
    in_backup: bool,
}

#[derive(Debug, Serialize)]
struct Collection {
    name: String,
    group: String,
    rule: String,
    kind: dbferry_dialect::model::CollectionKind,
    rows: u64,
    bytes: u64,
    exceptions: u64,
    partial: Option<String>,
    comment: Option<String>,
    has_rows: bool,
    columns: Vec<Column>,
    primary_key: Vec<String>,
    foreign_keys: Vec<ForeignKey>,
    indexes: Vec<String>,
}

impl Collection {
    fn new(entry: &CollectionEntry, archive: &Archive) -> Self {
        let collection = &entry.collection;
        let key = collection.primary_key.as_ref().map(|key| key.columns.clone()).unwrap_or_default();
        let columns = collection.columns.iter().map(|column| Column {
            name: column.name.clone(),
            native: column.native.text.clone(),
            logical: column.logical.to_string(),
            nullable: column.nullable,
            primary_key: key.contains(&column.name),
            generated: column.generated.is_some(),
            comment: column.comment.clone(),
        });
        let entries = &archive.manifest().collections;
        let foreign_keys = collection.foreign_keys.iter().map(|foreign_key| ForeignKey {
            columns: foreign_key.columns.clone(),
            references: foreign_key.references.to_string(),
            referenced_columns: foreign_key.referenced_columns.clone(),
            in_backup: entries.iter().any(|entry| entry.collection.name == foreign_key.references),
        });
        Self {
            name: collection.name.to_string(),
            group: entry.group.clone(),
            rule: entry.rule.clone(),
            kind: collection.kind,
            rows: entry.rows,
            bytes: entry.bytes(),
            exceptions: entry.exceptions.as_ref().map_or(0, |exceptions| exceptions.rows),
            partial: entry.partial.clone(),
            comment: collection.comment.clone(),
            has_rows: entry.file.is_some(),
            columns: columns.collect(),
            foreign_keys: foreign_keys.collect(),
            indexes: collection.indexes.iter().map(|index| index.name.clone()).collect(),
            primary_key: key,
        }
    }
}

#[derive(Debug, Serialize)]
struct Consistency {
    method: String,
    readers: usize,
    proven: bool,
}

#[derive(Debug, Serialize)]
struct NativeObject {
    kind: dbferry_dialect::model::ObjectKind,
    name: String,
    group: Option<String>,
}

impl From<&ObjectEntry> for NativeObject {
    fn from(entry: &ObjectEntry) -> Self {
        let object = &entry.object;
        let name = if object.namespace.is_empty() {
            object.name.clone()
        } else {
            format!("{}.{}", object.namespace, object.name)
        };
        Self { kind: object.kind, name, group: entry.group.clone() }
    }
}

/// A backup with everything in it.
#[derive(Debug, Serialize)]
pub(super) struct BackupDetail {
    backup: Backup,
    consistency: Consistency,
    collections: Vec<Collection>,
    objects: Vec<NativeObject>,
    not_carried: Vec<NotCarried>,
}

impl BackupDetail {
    pub(super) fn new(listed: &Listed, archive: &Archive, server: &Server) -> Self {
        let manifest = archive.manifest();
        let consistency = &manifest.consistency;
        Self {
            backup: Backup::new(listed, server),
            consistency: Consistency {
                method: consistency.method.clone(),
                readers: consistency.readers,
                proven: consistency.proven,
            },
            collections: manifest.collections.iter().map(|entry| Collection::new(entry, archive)).collect(),
            objects: manifest.objects.iter().map(NativeObject::from).collect(),
            not_carried: manifest.not_carried.clone(),
        }
    }
}
