//! For tests only: an honest in-memory dialect, and decorators that inject faults and delays.
