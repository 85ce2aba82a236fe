//! What follows the columns of a definition that is built.

use super::Builder;
use super::columns::is_plain;
use crate::MySqlSyntax;
use crate::ddl::scan::tokens;
use crate::ddl::{COLLATION, CREATE_OPTIONS, ENGINE, PARTITIONED, SYSTEM_VERSIONED, collation};
use dbferry_dialect::Syntax;

/// Engines that both flavours have; others become InnoDB.
const ENGINES: [&str; 6] = ["InnoDB", "MyISAM", "MEMORY", "ARCHIVE", "CSV", "BLACKHOLE"];

/// Options that both flavours have.
const OPTIONS: [&str; 11] = [
    "ROW_FORMAT",
    "KEY_BLOCK_SIZE",
    "STATS_PERSISTENT",
    "STATS_AUTO_RECALC",
    "STATS_SAMPLE_PAGES",
    "MAX_ROWS",
    "MIN_ROWS",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "DELAY_KEY_WRITE",
    "PACK_KEYS",
];

impl Builder<'_> {
    /// Engine, counter, character set, the other options, partitions.
    pub(super) fn options(&mut self) -> String {
        let collection = self.collection;
        let attribute = |key: &str| collection.attributes.get(key).map(String::as_str).filter(|_| self.is_own);
        let own = attribute(ENGINE).unwrap_or("InnoDB");
        let engine = ENGINES.into_iter().find(|engine| engine.eq_ignore_ascii_case(own)).unwrap_or("InnoDB");
        let mut text = format!(" ENGINE={engine}");
        let others = attribute(CREATE_OPTIONS).unwrap_or_default();
        let own_collation = attribute(COLLATION).filter(|name| is_plain(name)).map(str::to_owned);
        let partitions = attribute(PARTITIONED).filter(|_| self.trusted);
        let is_versioned = attribute(SYSTEM_VERSIONED).is_some();
        if engine != own {
            self.note(&format!("its engine is {engine}, for want of {own} there"));
        }
        if let Some(counter) =
            collection.counter.as_ref().filter(|counter| !counter.is_called && counter.last_value > 1)
        {
            text.push_str(&format!(" AUTO_INCREMENT={}", counter.last_value));
        }
        let name = match own_collation {
            Some(own) => {
                let translated = collation::translate(&own, self.target);
                if let Some(other) = &translated {
                    self.note(&format!("its texts are ordered by {other}, for want of {own} there"));
                }
                translated.unwrap_or(own)
            }
            // What is equal elsewhere only to itself is so here.
            None => "utf8mb4_bin".to_owned(),
        };
        text.push_str(&format!(" DEFAULT CHARSET={} COLLATE={name}", collation::charset(&name)));
        text.push_str(&self.other_options(others));
        if let Some(comment) = &collection.comment {
            text.push_str(&format!(" COMMENT={}", MySqlSyntax.quote_text(comment)));
        }
        if is_versioned {
            self.note("it keeps no history of its own; the rows of its history are carried as rows");
        }
        if let Some(partitions) = partitions {
            self.partitions(&mut text, partitions, engine);
        }
        text
    }

    /// `row_format=COMPRESSED KEY_BLOCK_SIZE=8 partitioned` of the catalogue.
    fn other_options(&mut self, others: &str) -> String {
        let mut text = String::new();
        for option in others.split_whitespace().filter(|option| *option != "partitioned") {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let known = OPTIONS.into_iter().find(|known| known.eq_ignore_ascii_case(name));
            match known.filter(|_| is_plain(value)) {
                Some(known) => text.push_str(&format!(" {known}={value}")),
                None => self.note(&format!("its option {option} is not carried over")),
            }
        }
        text
    }

    fn partitions(&mut self, text: &mut String, partitions: &str, engine: &str) {
        let all = tokens(partitions);
        if all.iter().any(|word| word.is_word("SYSTEM_TIME") || word.is_word("DIRECTORY")) {
            self.note("it is not partitioned there");
            return;
        }
        match self.expression(partitions) {
            Ok(partitions) => {
                text.push('\n');
                // Each partition names its engine.
                let mut from = 0;
                for pair in
                    tokens(&partitions).windows(3).filter(|three| three[0].is_word("ENGINE") && three[1].is_symbol("="))
                {
                    text.push_str(partitions.get(from..pair[2].start).unwrap_or_default());
                    text.push_str(engine);
                    from = pair[2].end();
                }
                text.push_str(partitions.get(from..).unwrap_or_default());
            }
            Err(function) => self.note(&format!("it is not partitioned, since there is no {function}() there")),
        }
    }
}
