//! A value that its column cannot take, as the server would take it back.

use super::{Cursor, Refusal};
use crate::wire::ColumnDefinition;
use dbferry_dialect::{ExceptionReason, NativeValue};
use mysql_common::constants::{ColumnFlags, ColumnType};

/// The value that lies in `bytes` of a row, of a column that was refused for that reason.
///
/// # Errors
/// When the bytes are no value of their type.
pub(crate) fn native(
    definition: &ColumnDefinition,
    reason: ExceptionReason,
    bytes: &[u8],
) -> Result<NativeValue, Refusal> {
    let mut row = Cursor(bytes);
    let unsigned = ColumnFlags::from_bits_truncate(definition.flags).contains(ColumnFlags::UNSIGNED_FLAG);
    let digits = definition.decimals;
    Ok(match ColumnType::try_from(definition.column_type) {
        // The error value of an enumeration is known by its number alone.
        _ if reason == ExceptionReason::EnumIndex => NativeValue::Integer(0),
        Ok(ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE) => NativeValue::Text(row.moment()?.text(None)),
        Ok(ColumnType::MYSQL_TYPE_DATETIME | ColumnType::MYSQL_TYPE_TIMESTAMP) => {
            NativeValue::Text(row.moment()?.text(Some(digits)))
        }
        Ok(ColumnType::MYSQL_TYPE_TIME) => NativeValue::Text(row.elapsed()?.text(digits)),
        Ok(ColumnType::MYSQL_TYPE_TINY) if unsigned => NativeValue::Integer(u8::from_le_bytes(row.fixed()?).into()),
        Ok(ColumnType::MYSQL_TYPE_TINY) => NativeValue::Integer(i8::from_le_bytes(row.fixed()?).into()),
        Ok(ColumnType::MYSQL_TYPE_SHORT | ColumnType::MYSQL_TYPE_YEAR) if unsigned => {
            NativeValue::Integer(u16::from_le_bytes(row.fixed()?).into())
        }
        Ok(ColumnType::MYSQL_TYPE_SHORT | ColumnType::MYSQL_TYPE_YEAR) => {
            NativeValue::Integer(i16::from_le_bytes(row.fixed()?).into())
        }
        Ok(ColumnType::MYSQL_TYPE_LONG | ColumnType::MYSQL_TYPE_INT24) if unsigned => {
            NativeValue::Integer(u32::from_le_bytes(row.fixed()?).into())
        }
        Ok(ColumnType::MYSQL_TYPE_LONG | ColumnType::MYSQL_TYPE_INT24) => {
            NativeValue::Integer(i32::from_le_bytes(row.fixed()?).into())
        }
        Ok(ColumnType::MYSQL_TYPE_LONGLONG) if unsigned => {
            let number = u64::from_le_bytes(row.fixed()?);
            i64::try_from(number).map_or_else(|_| NativeValue::Text(number.to_string()), NativeValue::Integer)
        }
        Ok(ColumnType::MYSQL_TYPE_LONGLONG) => NativeValue::Integer(i64::from_le_bytes(row.fixed()?)),
        Ok(ColumnType::MYSQL_TYPE_FLOAT) => NativeValue::Real(f32::from_le_bytes(row.fixed()?).into()),
        Ok(ColumnType::MYSQL_TYPE_DOUBLE) => NativeValue::Real(f64::from_le_bytes(row.fixed()?)),
        Ok(ColumnType::MYSQL_TYPE_GEOMETRY | ColumnType::MYSQL_TYPE_BIT) => NativeValue::Bytes(row.string()?.to_vec()),
        _ => characters(row.string()?.to_vec()),
    })
}

/// Characters if they are some, else the bytes.
pub(crate) fn characters(bytes: Vec<u8>) -> NativeValue {
    match String::from_utf8(bytes) {
        Ok(text) => NativeValue::Text(text),
        Err(error) => NativeValue::Bytes(error.into_bytes()),
    }
}
