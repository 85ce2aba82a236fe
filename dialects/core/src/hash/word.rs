//! Values of up to eight bytes as the one word that stands for them, whatever their width in Arrow.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::ArrowNativeType;

use crate::error::{Error, ErrorKind, Result};

/// A value that one 64-bit word stands for.
pub(super) trait Word: ArrowNativeType {
    /// The word: whole numbers are extended by their sign, floats are their bits with one bit pattern for all NaNs.
    fn word(self) -> u64;
}

macro_rules! signed {
    ($($native:ty),*) => {$(
        impl Word for $native {
            #[inline(always)]
            fn word(self) -> u64 {
                i64::from(self) as u64
            }
        }
    )*};
}

macro_rules! unsigned {
    ($($native:ty),*) => {$(
        impl Word for $native {
            #[inline(always)]
            fn word(self) -> u64 {
                u64::from(self)
            }
        }
    )*};
}

signed!(i8, i16, i32, i64);
unsigned!(u8, u16, u32, u64);

impl Word for f32 {
    #[inline(always)]
    fn word(self) -> u64 {
        u64::from(if self.is_nan() { 0x7fc0_0000 } else { self.to_bits() })
    }
}

impl Word for f64 {
    #[inline(always)]
    fn word(self) -> u64 {
        if self.is_nan() { 0x7ff8_0000_0000_0000 } else { self.to_bits() }
    }
}

/// The array as the type that its column's logical type says.
///
/// # Errors
/// [`ErrorKind::Internal`]: the batch's types were compared with the collection's before, so this is a defect.
pub(super) fn typed<T: Array + 'static>(array: &ArrayRef) -> Result<&T> {
    array.as_any().downcast_ref().ok_or_else(|| {
        Error::new(ErrorKind::Internal, format!("an array of {} is of another class than its type", array.data_type()))
    })
}
