//! The explanations of the built-in groups. Text only.

use crate::group::glossary::{GroupInfo, Translated};
use crate::group::{CUSTOM, LOG, REQUIRED, SKIPPED, THIRD_PARTY, UNKNOWN, USER};

struct Text {
    name: &'static str,
    title: [&'static str; 2],
    description: [&'static str; 2],
}

const TEXTS: [Text; 7] = [
    Text {
        name: REQUIRED,
        title: ["Required data", "Données requises"],
        description: [
            "What the application needs to start and to make sense of everything else: its migration history, settings, \
             roles and permissions, definitions of forms and workflows. \
             It is always dumped and always restored, before any other group, and it cannot be deselected by group. \
             Everything else refers to it: users point to roles, records point to definitions. \
             If it were left out, the other groups would be restored into an application that no longer matches them. \
             Only a selection of single tables goes without it.",
            "Ce dont l'application a besoin pour démarrer et pour donner un sens à tout le reste : l'historique de ses \
             migrations, ses réglages, les rôles et les droits, les définitions de formulaires et de processus. \
             Ce groupe est toujours sauvegardé et toujours restauré, avant tous les autres, et il ne peut pas être décoché. \
             Tout le reste s'y réfère : les utilisateurs renvoient à des rôles, les enregistrements à des définitions. \
             Sans lui, les autres groupes seraient restaurés dans une application qui ne leur correspond plus. \
             Seule une sélection de tables une par une peut s'en passer.",
        ],
    },
    Text {
        name: SKIPPED,
        title: ["Skipped data", "Données exclues"],
        description: [
            "Tables that nobody wants in an archive: scratch tables, copies that are rebuilt from other tables, reference \
             data that the application loads by itself. \
             They are never dumped, neither their rows nor their structure, and asking for them by name is an error. \
             An archive therefore never contains them, and a restore leaves those of the target as they are. \
             In a database that is created by a restore they do not exist until the application creates them. \
             Where the tables must exist and only their rows are worthless, use another group and restore it with the mode \
             schema-only.",
            "Les tables dont personne ne veut dans une archive : tables de travail, copies reconstruites à partir d'autres \
             tables, données de référence que l'application charge elle-même. \
             Elles ne sont jamais sauvegardées, ni leurs lignes ni leur structure, et les demander par leur nom est une \
             erreur. \
             Une archive ne les contient donc jamais, et une restauration laisse intactes celles de la base cible. \
             Dans une base créée par une restauration, elles n'existent pas tant que l'application ne les crée pas. \
             Si les tables doivent exister et que seules leurs lignes sont sans valeur, préférez un autre groupe, restauré \
             avec le mode schema-only.",
        ],
    },
    Text {
        name: USER,
        title: ["User data", "Données utilisateur"],
        description: [
            "The people who use the application and what belongs to them: accounts, profiles, memberships, the roles they \
             were given, their tokens and uploaded files. \
             It often holds personal data and password hashes, so treat an archive with this group as confidential. \
             It is dumped and restored unless you say otherwise. \
             If you leave it out of a restore, the accounts of the target stay as they are, and nobody's access changes. \
             Records in other groups that point to users who do not exist in the target then fail the foreign key check \
             before anything is switched.",
            "Les personnes qui utilisent l'application et ce qui leur appartient : comptes, profils, appartenances, rôles \
             attribués, jetons et fichiers déposés. \
             Ce groupe contient souvent des données personnelles et des empreintes de mots de passe : une archive qui le \
             contient est confidentielle. \
             Il est sauvegardé et restauré sauf indication contraire. \
             Si vous l'écartez d'une restauration, les comptes de la base cible restent tels quels et les accès de chacun ne \
             changent pas. \
             Les enregistrements d'autres groupes qui renvoient à des utilisateurs absents de la cible font alors échouer le \
             contrôle des clés étrangères, avant tout basculement.",
        ],
    },
    Text {
        name: LOG,
        title: ["Log data", "Données de journal"],
        description: [
            "Records of what happened: audit trails, histories, executions of jobs, sent messages, access logs. \
             Such tables only grow, and they often make up most of a database while the application hardly reads them. \
             They are dumped and restored unless you say otherwise. \
             Leaving them out makes archives smaller and restores faster, which suits test databases. \
             The application then works as before but has no memory of the past, so keep them where you must be able to \
             prove who did what.",
            "Les traces de ce qui s'est passé : pistes d'audit, historiques, exécutions de tâches, messages envoyés, journaux \
             d'accès. \
             Ces tables ne font que grandir et forment souvent l'essentiel d'une base, alors que l'application les lit à \
             peine. \
             Elles sont sauvegardées et restaurées sauf indication contraire. \
             Les écarter rend les archives plus petites et les restaurations plus rapides, ce qui convient aux bases de test. \
             L'application fonctionne alors comme avant, mais sans mémoire du passé : conservez-les là où il faut pouvoir \
             prouver qui a fait quoi.",
        ],
    },
    Text {
        name: THIRD_PARTY,
        title: ["Third-party services", "Services tiers"],
        description: [
            "Connections to services outside the database: sign-in providers, mail and SMS gateways, maps, payment, file \
             storage, synchronisation with other systems. \
             These tables often hold keys and passwords of those services, so treat an archive with this group as \
             confidential. \
             They are dumped and restored unless you say otherwise. \
             Leave them out when you copy production into a test system: the copy then keeps its own connections and cannot \
             send mail to real customers or write to production storage. \
             A fresh target without them must be connected to its services by hand.",
            "Les liaisons avec des services extérieurs à la base : fournisseurs de connexion, passerelles de courriel et de \
             SMS, cartes, paiement, stockage de fichiers, synchronisation avec d'autres systèmes. \
             Ces tables contiennent souvent les clés et mots de passe de ces services : une archive qui contient ce groupe \
             est confidentielle. \
             Elles sont sauvegardées et restaurées sauf indication contraire. \
             Écartez-les quand vous copiez la production vers un système de test : la copie garde alors ses propres liaisons \
             et ne peut ni écrire à de vrais clients ni modifier le stockage de production. \
             Une base neuve sans ce groupe doit être reliée à ses services à la main.",
        ],
    },
    Text {
        name: CUSTOM,
        title: ["Custom collections", "Collections personnalisées"],
        description: [
            "The tables that were made for this very installation rather than shipped with the application: the business \
             data proper, such as customers, orders, articles or projects. \
             An application that lets its users define tables keeps a list of them, and a rule with a query can read that \
             list. \
             They are dumped and restored unless you say otherwise. \
             If you leave them out you keep an empty but configured application, which makes a good template. \
             Their definitions usually live in the group required, so restore both from the same archive.",
            "Les tables créées pour cette installation précise plutôt que livrées avec l'application : les données métier \
             proprement dites, comme les clients, les commandes, les articles ou les projets. \
             Une application qui laisse ses utilisateurs définir des tables en tient la liste, et une règle avec requête \
             peut lire cette liste. \
             Elles sont sauvegardées et restaurées sauf indication contraire. \
             Si vous les écartez, il reste une application vide mais configurée, ce qui fait un bon modèle. \
             Leurs définitions se trouvent en général dans le groupe required : restaurez les deux depuis la même archive.",
        ],
    },
    Text {
        name: UNKNOWN,
        title: ["Unclassified data", "Données non classées"],
        description: [
            "Tables that no rule, preset or comment tag put into a group. \
             Nothing is wrong with them: they are dumped and restored unless you say otherwise, so that forgetting a rule \
             never loses data. \
             If you leave this group out you cannot be sure what you leave out, since every new table lands here first. \
             Look through its list from time to time and add rules for what you recognise. \
             With default = \"error\" in dbferry.toml a table that would land here stops the dump instead, which suits \
             pipelines.",
            "Les tables qu'aucune règle, aucun préréglage et aucune étiquette en commentaire n'a placées dans un groupe. \
             Elles n'ont rien d'anormal : elles sont sauvegardées et restaurées sauf indication contraire, pour qu'une règle \
             oubliée ne fasse jamais perdre de données. \
             Si vous écartez ce groupe, vous ne savez pas exactement ce que vous écartez, car toute nouvelle table arrive \
             d'abord ici. \
             Parcourez sa liste de temps en temps et ajoutez des règles pour ce que vous reconnaissez. \
             Avec default = \"error\" dans dbferry.toml, une table qui arriverait ici arrête la sauvegarde, ce qui convient \
             aux chaînes d'intégration.",
        ],
    },
];

/// The explanation of a built-in group.
pub(super) fn info(name: &str) -> Option<GroupInfo> {
    let text = TEXTS.iter().find(|text| text.name == name)?;
    Some(GroupInfo {
        name: text.name.to_owned(),
        title: translated(text.title),
        description: translated(text.description),
    })
}

/// The explanation of a group that is used and that nobody declared.
pub(super) fn undeclared(name: &str) -> GroupInfo {
    GroupInfo {
        name: name.to_owned(),
        title: Translated { en: name.to_owned(), fr: None },
        description: translated([
            "A group of this installation's own rules, without a description. \
             It is dumped and restored unless you say otherwise. \
             A [[group]] entry in dbferry.toml gives it a title and a description.",
            "Un groupe propre aux règles de cette installation, sans description. \
             Il est sauvegardé et restauré sauf indication contraire. \
             Une entrée [[group]] dans dbferry.toml lui donne un titre et une description.",
        ]),
    }
}

fn translated([en, fr]: [&str; 2]) -> Translated {
    Translated { en: en.to_owned(), fr: Some(fr.to_owned()) }
}
