//! The backup page.
