//! Collations of one flavour in the other's words.
