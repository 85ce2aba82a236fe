//! Reads chunks through binary `COPY` straight into Arrow builders.
