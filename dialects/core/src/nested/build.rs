//! Values that were read, as an Arrow array of their type.

use super::Node;
use crate::error::{Error, ErrorKind, Result};
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, Decimal256Array, FixedSizeBinaryArray, Float32Array,
    Float64Array, ListArray, MapArray, PrimitiveArray, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use std::sync::Arc;

/// The array of those values.
pub(super) fn array(data_type: &DataType, nodes: &[&Node]) -> Result<ArrayRef> {
    Ok(match data_type {
        DataType::Boolean => Arc::new(BooleanArray::from(each(nodes, |node| match node {
            Node::Bool(value) => Some(*value),
            _ => None,
        })?)),
        DataType::Int8 => whole::<Int8Type>(data_type, nodes)?,
        DataType::Int16 => whole::<Int16Type>(data_type, nodes)?,
        DataType::Int32 => whole::<Int32Type>(data_type, nodes)?,
        DataType::Int64 => whole::<Int64Type>(data_type, nodes)?,
        DataType::UInt8 => whole::<UInt8Type>(data_type, nodes)?,
        DataType::UInt16 => whole::<UInt16Type>(data_type, nodes)?,
        DataType::UInt32 => whole::<UInt32Type>(data_type, nodes)?,
        DataType::UInt64 => whole::<UInt64Type>(data_type, nodes)?,
        DataType::Date32 => whole::<Date32Type>(data_type, nodes)?,
        DataType::Time64(_) => whole::<Time64MicrosecondType>(data_type, nodes)?,
        DataType::Timestamp(..) => whole::<TimestampMicrosecondType>(data_type, nodes)?,
        DataType::Decimal128(..) => whole::<Decimal128Type>(data_type, nodes)?,
        DataType::Decimal256(..) => {
            let values = each(nodes, |node| match node {
                Node::Wide(value) => Some(*value),
                _ => None,
            })?;
            Arc::new(Decimal256Array::from(values).with_data_type(data_type.clone()))
        }
        DataType::Float32 => Arc::new(Float32Array::from(each(nodes, |node| match node {
            Node::Single(value) => Some(*value),
            _ => None,
        })?)),
        DataType::Float64 => Arc::new(Float64Array::from(each(nodes, |node| match node {
            Node::Double(value) => Some(*value),
            _ => None,
        })?)),
        DataType::Utf8 => Arc::new(StringArray::from(each(nodes, |node| match node {
            Node::Text(value) => Some(value.as_str()),
            _ => None,
        })?)),
        DataType::Binary => Arc::new(BinaryArray::from(each(nodes, bytes)?)),
        DataType::FixedSizeBinary(width) => {
            let values = each(nodes, bytes)?;
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values.into_iter(), *width)?)
        }
        DataType::List(item) => {
            let (offsets, elements) = elements(nodes)?;
            let elements = array(item.data_type(), &elements)?;
            Arc::new(ListArray::try_new(Arc::clone(item), offsets, elements, nulls(nodes))?)
        }
        DataType::Map(entry, sorted) => {
            let (offsets, elements) = elements(nodes)?;
            let entries = structs(entry, &elements)?;
            Arc::new(MapArray::try_new(Arc::clone(entry), offsets, entries, nulls(nodes), *sorted)?)
        }
        DataType::Struct(_) => Arc::new(structs(&Field::new("", data_type.clone(), true), nodes)?),
        _ => return Err(unlike()),
    })
}

/// What `get` finds in each value that is not null.
fn each<'a, T>(nodes: &[&'a Node], get: impl Fn(&'a Node) -> Option<T>) -> Result<Vec<Option<T>>> {
    let value = |node: &&'a Node| match node {
        Node::Null => Ok(None),
        node => get(node).map(Some).ok_or_else(unlike),
    };
    nodes.iter().map(value).collect()
}

fn bytes(node: &Node) -> Option<&[u8]> {
    match node {
        Node::Bytes(value) => Some(value),
        _ => None,
    }
}

fn whole<T>(data_type: &DataType, nodes: &[&Node]) -> Result<ArrayRef>
where
    T: ArrowPrimitiveType,
    T::Native: TryFrom<i128>,
{
    let values = each(nodes, |node| match node {
        Node::Whole(value) => T::Native::try_from(*value).ok(),
        _ => None,
    })?;
    let array: PrimitiveArray<T> = values.into_iter().collect();
    Ok(Arc::new(array.with_data_type(data_type.clone())))
}

fn nulls(nodes: &[&Node]) -> Option<NullBuffer> {
    let valid: NullBuffer = nodes.iter().map(|node| **node != Node::Null).collect();
    Some(valid).filter(|valid| valid.null_count() > 0)
}

/// The elements of all lists, one after the other, and where each list's begin.
fn elements<'a>(nodes: &[&'a Node]) -> Result<(OffsetBuffer<i32>, Vec<&'a Node>)> {
    let (mut ends, mut all) = (vec![0], Vec::new());
    for node in nodes {
        match node {
            Node::Null => {}
            Node::Parts(parts) => all.extend(parts),
            _ => return Err(unlike()),
        }
        ends.push(i32::try_from(all.len()).map_err(|_| unlike())?);
    }
    Ok((OffsetBuffer::new(ends.into()), all))
}

fn structs(field: &Field, nodes: &[&Node]) -> Result<StructArray> {
    let DataType::Struct(fields) = field.data_type() else { return Err(unlike()) };
    let nulls = nulls(nodes);
    if fields.is_empty() {
        return Ok(StructArray::new_empty_fields(nodes.len(), nulls));
    }
    let mut columns = Vec::with_capacity(fields.len());
    for (place, field) in fields.iter().enumerate() {
        let mut members = Vec::with_capacity(nodes.len());
        for node in nodes {
            members.push(match node {
                Node::Null => &Node::Null,
                Node::Parts(parts) => parts.get(place).ok_or_else(unlike)?,
                _ => return Err(unlike()),
            });
        }
        columns.push(array(field.data_type(), &members)?);
    }
    Ok(StructArray::try_new(fields.clone(), columns, nulls)?)
}

fn unlike() -> Error {
    Error::new(ErrorKind::Internal, "a value was read as another type than its column's")
}
