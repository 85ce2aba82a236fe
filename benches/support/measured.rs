//! The one function that benchmarks measure through, so that `benches/instructions` finds what to count.

/// Does the work. It is never inlined: callgrind counts what happens inside of it.
#[inline(never)]
pub(crate) fn measured<T>(work: impl FnOnce() -> T) -> T {
    std::hint::black_box(work())
}
