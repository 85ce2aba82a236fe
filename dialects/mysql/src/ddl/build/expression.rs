//! Expressions of one flavour for the other.

use super::Builder;
use crate::ddl::collation;
use crate::ddl::scan::{Kind, tokens};

/// Functions that MariaDB has not.
const ONLY_MYSQL: [&str; 12] = [
    "uuid_to_bin",
    "bin_to_uuid",
    "is_uuid",
    "json_storage_size",
    "json_storage_free",
    "regexp_like",
    "st_latitude",
    "st_longitude",
    "st_transform",
    "st_swapxy",
    "string_to_vector",
    "vector_to_string",
];
/// Functions that MySQL has not.
const ONLY_MARIADB: [&str; 16] = [
    "nextval",
    "lastval",
    "setval",
    "sys_guid",
    "natural_sort_key",
    "sformat",
    "to_char",
    "add_months",
    "json_compact",
    "json_detailed",
    "json_loose",
    "json_exists",
    "json_query",
    "json_normalize",
    "vec_fromtext",
    "vec_totext",
];

impl Builder<'_> {
    /// The text for the target, or the function that it has not.
    pub(super) fn expression(&self, text: &str) -> Result<String, String> {
        let missing: &[&str] = match self.target {
            Some(target) if target.is_mariadb() => &ONLY_MYSQL,
            Some(_) => &ONLY_MARIADB,
            None => &[],
        };
        let all = tokens(text);
        let lacking = all.windows(2).find(|two| {
            two[0].kind == Kind::Word
                && two[1].is_symbol("(")
                && missing.iter().any(|function| two[0].is_word(function))
        });
        match lacking {
            Some(two) => Err(two[0].text.to_owned()),
            None => Ok(collation::translate_text(text, self.target)),
        }
    }
}
