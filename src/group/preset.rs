//! Ready-made rules for applications and frameworks whose tables are known. Data: one TOML file for each.

use crate::group::glossary::{GroupInfo, Translated};
use crate::group::rules::Rule;
use crate::group::suggest::did_you_mean;
use crate::{Error, ErrorKind, Result};
use serde::Deserialize;

const FILES: [(&str, &str); 5] = [
    ("django", include_str!("presets/django.toml")),
    ("laravel", include_str!("presets/laravel.toml")),
    ("nocobase", include_str!("presets/nocobase.toml")),
    ("rails", include_str!("presets/rails.toml")),
    ("wordpress", include_str!("presets/wordpress.toml")),
];

/// Rules for a known application. The user's own rules come before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    name: &'static str,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    about: Translated,
    #[serde(default, rename = "group")]
    groups: Vec<GroupInfo>,
    #[serde(rename = "rule")]
    rules: Vec<Rule>,
}

impl Preset {
    /// The names of all presets, sorted.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|(name, _)| *name)
    }

    /// The preset of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when there is none.
    pub fn load(name: &str) -> Result<Self> {
        let (name, text) = FILES.iter().find(|(known, _)| *known == name).ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("there is no preset {name:?}")).hint(format!(
                "{}the presets are {}",
                did_you_mean(name, Self::names()),
                Self::names().collect::<Vec<_>>().join(", ")
            ))
        })?;
        let content = toml::from_str(text).map_err(|error| {
            Error::new(ErrorKind::Internal, "a built-in preset cannot be read").with("preset", name).caused_by(error)
        })?;
        Ok(Self { name, content })
    }

    /// Its name: `nocobase`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it covers.
    pub fn about(&self) -> &Translated {
        &self.content.about
    }

    /// The groups that it declares beside the built-in ones.
    pub fn groups(&self) -> &[GroupInfo] {
        &self.content.groups
    }

    /// Its rules in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.content.rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::model::{Collection, CollectionName, Schema};
    use crate::group::{GroupRules, assign, is_built_in, validate_name};
    use std::collections::HashSet;

    #[test]
    fn every_preset_is_sound() {
        for name in Preset::names() {
            let preset = Preset::load(name).unwrap();
            assert!(preset.about().fr.is_some(), "{name}");
            for group in preset.groups() {
                validate_name(&group.name).unwrap();
                assert!(!is_built_in(&group.name) && group.title.fr.is_some() && group.description.fr.is_some());
            }
            let mut seen = HashSet::new();
            for rule in preset.rules() {
                let declared = preset.groups().iter().any(|group| group.name == rule.group());
                assert!(is_built_in(rule.group()) || declared, "{name}: {}", rule.group());
                for pattern in rule.patterns() {
                    assert!(seen.insert(pattern.as_str().to_owned()), "{name}: {pattern} stands there twice");
                }
            }
        }
        assert!(Preset::names().is_sorted());
    }

    #[test]
    fn known_tables_land_where_they_belong() {
        let expected = [
            ("django", "django_migrations", "required"),
            ("django", "auth_user_groups", "user"),
            ("django", "django_session", "transient"),
            ("django", "shop_historicalorder", "log"),
            ("django", "socialaccount_socialapp", "third-party"),
            ("django", "shop_order", "unknown"),
            ("laravel", "migrations", "required"),
            ("laravel", "cache_locks", "transient"),
            ("laravel", "telescope_entries", "log"),
            ("laravel", "oauth_clients", "third-party"),
            ("nocobase", "dataSourcesRolesResourcesActions", "required"),
            ("nocobase", "flowModelTemplateUsages", "required"),
            ("nocobase", "chinaRegions", "skipped"),
            ("nocobase", "usersAuthenticators", "user"),
            ("nocobase", "lcCheckpointWrites", "log"),
            ("nocobase", "userDataSyncTasks", "third-party"),
            ("rails", "ar_internal_metadata", "required"),
            ("rails", "solid_queue_jobs", "transient"),
            ("rails", "versions", "log"),
            ("rails", "oauth_applications", "third-party"),
            ("rails", "products", "unknown"),
            ("wordpress", "wp_options", "required"),
            ("wordpress", "shop_2_options", "required"),
            ("wordpress", "wp_usermeta", "user"),
            ("wordpress", "wp_wfHits", "log"),
            ("wordpress", "wp_woocommerce_log", "log"),
            ("wordpress", "wp_woocommerce_api_keys", "third-party"),
            ("wordpress", "wp_woocommerce_order_items", "custom"),
            ("wordpress", "wp_posts", "custom"),
        ];
        for (preset, table, group) in expected {
            let mut rules = GroupRules::default();
            rules.add_preset(preset).unwrap();
            let collection = Collection::table(CollectionName::new("main", table), Vec::new());
            let schema = Schema { collections: vec![collection], ..Schema::default() };
            let grouping = assign(&schema, &rules, &mut |_| panic!("no query is expected")).unwrap();
            assert_eq!(grouping.assignments[0].group, group, "{preset}: {table}");
        }
    }
}
