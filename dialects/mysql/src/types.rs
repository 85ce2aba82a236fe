//! Native types as logical ones.
