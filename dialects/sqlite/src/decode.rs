//! SQLite values to Arrow: one [`Decoder`] a column, picked once a read, with the builder that it fills.
//!
//! A cell costs one `match` on the decoder and one on the value's storage class; nothing is allocated a value. A decoder
//! takes a value only if writing it back by the column's encoding gives the same storage class and bytes; anything else is
//! refused with the reason, and the cell becomes an exception. What is stored how is in the table of `README.md`.
//!
//! A column without the native parameter `encoding` comes from another dialect and holds what restoring wrote for its
//! logical type; see [`foreign`].

mod foreign;

use crate::number::{Decimal, numeric_real};
use crate::sample::parse_uuid;
use crate::temporal::{Separator, date, timestamp};
use crate::types::ENCODING;
use arrow::array::{
    Array, ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, FixedSizeBinaryBuilder,
    Float64Builder, Int64Builder, NullBufferBuilder, StringBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Fields};
use dbferry_dialect::carrier::arrow_type;
use dbferry_dialect::{Column, Error, ErrorKind, ExceptionReason, LogicalType, Result};
use foreign::Foreign;
use rusqlite::types::ValueRef;
use std::fmt::Write as _;
use std::sync::Arc;

/// What became of a cell: the bytes of variable length that it added, or why the column cannot take it.
pub(crate) type Taken = Result<usize, ExceptionReason>;

/// The decoder of one column and its builder.
pub(crate) enum Decoder {
    Bool(BooleanBuilder),
    Integer(Int64Builder),
    Real(Float64Builder),
    Text(StringBuilder),
    Blob(BinaryBuilder),
    Decimal(Decimal128Builder, Decimal),
    Numeric(StringBuilder, String),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder, Separator, usize),
    UuidText(FixedSizeBinaryBuilder),
    UuidBlob(FixedSizeBinaryBuilder),
    Dynamic(Box<Dynamic>),
    Foreign(Box<Foreign>),
}

impl Decoder {
    /// The decoder for `column`.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`] when SQLite holds values of that logical type in a form that is not read back.
    pub(crate) fn new(column: &Column) -> Result<Self> {
        let encoding = column.native.parameters.get(ENCODING).map(String::as_str);
        Ok(match (&column.logical, encoding) {
            (LogicalType::Bool, _) => Self::Bool(BooleanBuilder::new()),
            (LogicalType::Int { bits: 64, signed: true }, _) => Self::Integer(Int64Builder::new()),
            (LogicalType::Float { bits: 64 }, _) => Self::Real(Float64Builder::new()),
            (LogicalType::Text { .. }, _) => Self::Text(StringBuilder::new()),
            (LogicalType::Bytes { .. }, _) => Self::Blob(BinaryBuilder::new()),
            (LogicalType::Decimal { precision, scale }, Some("number")) => {
                let decimal = Decimal::new(*precision, *scale).ok_or_else(|| unsupported(column))?;
                let builder = Decimal128Builder::new().with_data_type(arrow_type(&column.logical));
                Self::Decimal(builder, decimal)
            }
            (LogicalType::Numeric, Some("number")) => Self::Numeric(StringBuilder::new(), String::new()),
            (LogicalType::Date, Some("iso-date")) => Self::Date(Date32Builder::new()),
            (LogicalType::Timestamp { .. }, Some(style)) => {
                let (separator, fraction) = timestamp_style(style).ok_or_else(|| unsupported(column))?;
                Self::Timestamp(TimestampMicrosecondBuilder::new(), separator, fraction)
            }
            (LogicalType::Uuid, Some("blob")) => Self::UuidBlob(FixedSizeBinaryBuilder::new(16)),
            (LogicalType::Uuid, _) => Self::UuidText(FixedSizeBinaryBuilder::new(16)),
            (LogicalType::Dynamic, _) => Self::Dynamic(Box::default()),
            _ => Self::Foreign(Box::new(Foreign::new(column)?)),
        })
    }

    /// Bytes that each row takes whatever its value.
    pub(crate) fn fixed_bytes(&self) -> usize {
        match self {
            Self::Bool(_) => 1,
            Self::Date(_) | Self::Text(_) | Self::Blob(_) | Self::Numeric(..) => 4,
            Self::Integer(_) | Self::Real(_) | Self::Timestamp(..) => 8,
            Self::Decimal(..) | Self::UuidText(_) | Self::UuidBlob(_) => 16,
            Self::Dynamic(_) => 24,
            Self::Foreign(_) => 16,
        }
    }

    /// Takes a value; a refused one leaves a null behind.
    #[inline]
    pub(crate) fn push(&mut self, value: ValueRef<'_>) -> Taken {
        use ExceptionReason::{InvalidUtf8, OutOfRange, Precision, StorageClass};
        /// Appends what the expression makes of the value, or null.
        macro_rules! take {
            ($builder:expr, $($pattern:pat => $made:expr),+ $(,)?) => {
                match value {
                    ValueRef::Null => {
                        $builder.append_null();
                        Ok(0)
                    }
                    $($pattern => match $made {
                        Ok(made) => {
                            $builder.append_value(made);
                            Ok(0)
                        }
                        Err(reason) => {
                            $builder.append_null();
                            Err(reason)
                        }
                    },)+
                    #[allow(unreachable_patterns)]
                    _ => {
                        $builder.append_null();
                        Err(StorageClass)
                    }
                }
            };
        }
        match self {
            Self::Integer(builder) => take!(builder, ValueRef::Integer(value) => Ok(value)),
            Self::Real(builder) => take!(builder, ValueRef::Real(value) => Ok(value)),
            Self::Text(builder) => match value {
                ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => {
                        builder.append_value(text);
                        Ok(text.len())
                    }
                    Err(_) => {
                        builder.append_null();
                        Err(InvalidUtf8)
                    }
                },
                other => refuse_unless_null(other, || builder.append_null()),
            },
            Self::Blob(builder) => match value {
                ValueRef::Blob(bytes) => {
                    builder.append_value(bytes);
                    Ok(bytes.len())
                }
                other => refuse_unless_null(other, || builder.append_null()),
            },
            Self::Bool(builder) => take!(builder, ValueRef::Integer(value) => match value {
                0 => Ok(false),
                1 => Ok(true),
                _ => Err(OutOfRange),
            }),
            Self::Decimal(builder, decimal) => take!(builder,
                ValueRef::Integer(value) => decimal.of_integer(value),
                ValueRef::Real(value) => decimal.of_real(value)),
            Self::Numeric(builder, scratch) => {
                scratch.clear();
                // Writing to a String cannot fail. The debug form of a float is the shortest text that gives the float
                // back, and always has a point or an exponent.
                let written = match value {
                    ValueRef::Integer(value) => {
                        let _ = write!(scratch, "{value}");
                        Ok(())
                    }
                    ValueRef::Real(value) => numeric_real(value).map(|()| {
                        let _ = write!(scratch, "{value:?}");
                    }),
                    other => return refuse_unless_null(other, || builder.append_null()),
                };
                match written {
                    Ok(()) => {
                        builder.append_value(&scratch);
                        Ok(scratch.len())
                    }
                    Err(reason) => {
                        builder.append_null();
                        Err(reason)
                    }
                }
            }
            Self::Date(builder) => {
                take!(builder, ValueRef::Text(text) => date(text).ok_or_else(|| spelling(text, Precision)))
            }
            Self::Timestamp(builder, separator, fraction) => take!(builder, ValueRef::Text(text) => {
                timestamp(text, *separator, *fraction).ok_or_else(|| spelling(text, Precision))
            }),
            Self::UuidText(builder) => take_uuid(builder, value, |value| match value {
                ValueRef::Text(text) => parse_uuid(text).ok_or_else(|| spelling(text, Precision)),
                _ => Err(StorageClass),
            }),
            Self::UuidBlob(builder) => take_uuid(builder, value, |value| match value {
                ValueRef::Blob(bytes) => <[u8; 16]>::try_from(bytes).map_err(|_| OutOfRange),
                _ => Err(StorageClass),
            }),
            Self::Dynamic(dynamic) => dynamic.push(value),
            Self::Foreign(foreign) => foreign.push(value),
        }
    }

    /// The array of what was taken; the builder starts anew with room for as much again.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when Arrow does not accept what was built.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        /// The built array, and a builder in the place of the old one that need not grow again.
        macro_rules! built {
            ($builder:expr, $length:ident => $next:expr) => {{
                let array = $builder.finish();
                let $length = array.len();
                *$builder = $next;
                Arc::new(array)
            }};
        }
        Ok(match self {
            Self::Bool(builder) => built!(builder, rows => BooleanBuilder::with_capacity(rows)),
            Self::Integer(builder) => built!(builder, rows => Int64Builder::with_capacity(rows)),
            Self::Real(builder) => built!(builder, rows => Float64Builder::with_capacity(rows)),
            Self::Text(builder) | Self::Numeric(builder, _) => {
                let array = builder.finish();
                *builder = StringBuilder::with_capacity(array.len(), array.value_data().len());
                Arc::new(array)
            }
            Self::Blob(builder) => {
                let array = builder.finish();
                *builder = BinaryBuilder::with_capacity(array.len(), array.value_data().len());
                Arc::new(array)
            }
            Self::Decimal(builder, _) => {
                let array = builder.finish();
                *builder = Decimal128Builder::with_capacity(array.len()).with_data_type(array.data_type().clone());
                Arc::new(array)
            }
            Self::Date(builder) => built!(builder, rows => Date32Builder::with_capacity(rows)),
            Self::Timestamp(builder, ..) => built!(builder, rows => TimestampMicrosecondBuilder::with_capacity(rows)),
            Self::UuidText(builder) | Self::UuidBlob(builder) => {
                built!(builder, rows => FixedSizeBinaryBuilder::with_capacity(rows, 16))
            }
            Self::Dynamic(dynamic) => dynamic.finish()?,
            Self::Foreign(foreign) => foreign.finish()?,
        })
    }
}

/// A text that is not UTF-8 has that for its reason, whatever else is wrong with it.
#[cold]
fn spelling(text: &[u8], reason: ExceptionReason) -> ExceptionReason {
    if std::str::from_utf8(text).is_ok() { reason } else { ExceptionReason::InvalidUtf8 }
}

#[inline]
fn refuse_unless_null(value: ValueRef<'_>, append_null: impl FnOnce()) -> Taken {
    append_null();
    if matches!(value, ValueRef::Null) { Ok(0) } else { Err(ExceptionReason::StorageClass) }
}

#[inline]
fn take_uuid(
    builder: &mut FixedSizeBinaryBuilder,
    value: ValueRef<'_>,
    parse: impl FnOnce(ValueRef<'_>) -> Result<[u8; 16], ExceptionReason>,
) -> Taken {
    if matches!(value, ValueRef::Null) {
        builder.append_null();
        return Ok(0);
    }
    // Sixteen bytes are what the builder was made for, so appending them does not fail.
    match parse(value).and_then(|uuid| builder.append_value(uuid).map_err(|_| ExceptionReason::OutOfRange)) {
        Ok(()) => Ok(0),
        Err(reason) => {
            builder.append_null();
            Err(reason)
        }
    }
}

/// `iso-space.3`, `iso-t.0`: the separator and the digits of the fraction.
fn timestamp_style(encoding: &str) -> Option<(Separator, usize)> {
    let (style, digits) = encoding.split_once('.')?;
    let separator = match style {
        "iso-space" => Separator::Space,
        "iso-t" => Separator::T,
        _ => return None,
    };
    digits.parse().ok().filter(|digits| *digits <= 6).map(|digits| (separator, digits))
}

fn unsupported(column: &Column) -> Error {
    Error::new(ErrorKind::Incompatible, format!("values of type {} are not read back from SQLite", column.logical))
        .with("dialect", crate::NAME)
        .with("column", &column.name)
}

/// The builder of a dynamic column: four members, exactly one of them set.
#[derive(Default)]
pub(crate) struct Dynamic {
    integer: Int64Builder,
    real: Float64Builder,
    text: StringBuilder,
    bytes: BinaryBuilder,
    valid: Option<NullBufferBuilder>,
}

impl Dynamic {
    #[inline]
    fn push(&mut self, value: ValueRef<'_>) -> Taken {
        let (mut integer, mut real, mut text, mut bytes) = (None, None, None, None);
        let taken = match value {
            ValueRef::Null => Ok(0),
            ValueRef::Integer(value) => {
                integer = Some(value);
                Ok(0)
            }
            ValueRef::Real(value) => {
                real = Some(value);
                Ok(0)
            }
            ValueRef::Text(value) => match std::str::from_utf8(value) {
                Ok(value) => {
                    text = Some(value);
                    Ok(value.len())
                }
                Err(_) => Err(ExceptionReason::InvalidUtf8),
            },
            ValueRef::Blob(value) => {
                bytes = Some(value);
                Ok(value.len())
            }
        };
        let set = !matches!(value, ValueRef::Null) && taken.is_ok();
        self.valid.get_or_insert_with(|| NullBufferBuilder::new(1024)).append(set);
        self.integer.append_option(integer);
        self.real.append_option(real);
        self.text.append_option(text);
        self.bytes.append_option(bytes);
        taken
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let members: Vec<ArrayRef> = vec![
            Arc::new(self.integer.finish()),
            Arc::new(self.real.finish()),
            Arc::new(self.text.finish()),
            Arc::new(self.bytes.finish()),
        ];
        let nulls = self.valid.as_mut().and_then(NullBufferBuilder::finish);
        self.valid = None;
        let fields = match arrow_type(&LogicalType::Dynamic) {
            DataType::Struct(fields) => fields,
            _ => Fields::empty(),
        };
        Ok(Arc::new(StructArray::try_new(fields, members, nulls)?))
    }
}
