//! Whole restores by a small engine of their own: what the contract asks for, in its order, without files in between.

mod cases;
mod faults;
mod large;
mod support;
mod types;
