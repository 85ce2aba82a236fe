//! Frozen hashes of every class. They were computed by another program, written in Python from `HASH.md` alone; when one of
//! them fails, the hash has changed and old archives can no longer be proven.

use super::{CollectionHash, RowHasher};
use crate::carrier;
use crate::exception::{Batch, Exception, ExceptionReason, NativeValue};
use crate::logical::{LogicalType, NetworkKind, OpaqueForm, StructField};
use crate::model::{Collection, CollectionName, Column};
use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, ListArray, MapArray, RecordBatch,
    RecordBatchOptions, StringArray, StructArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array,
    UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, i256};
use std::sync::Arc;

fn collection(types: &[LogicalType]) -> Collection {
    let columns = types.iter().map(|logical| Column::new("c", logical.clone(), "")).collect();
    Collection::table(CollectionName::new("main", "golden"), columns)
}

fn batch(collection: &Collection, columns: Vec<ArrayRef>, exceptions: Vec<Exception>) -> Batch {
    let rows = columns.first().map_or(1, Array::len);
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let records = RecordBatch::try_new_with_options(carrier::schema(collection), columns, &options).expect("a batch");
    Batch { records, exceptions }
}

fn hex(hashes: &[u128]) -> Vec<String> {
    hashes.iter().map(|hash| format!("{hash:032x}")).collect()
}

/// Compares the row hashes of a collection of one column.
#[track_caller]
fn check(logical: LogicalType, array: impl Array + 'static, expected: &[&str]) {
    let collection = collection(&[logical]);
    let batch = batch(&collection, vec![Arc::new(array)], Vec::new());
    let mut hasher = RowHasher::new(&collection);
    assert_eq!(hex(hasher.row_hashes(&batch).expect("hashes")), expected);
}

fn int(bits: u8, signed: bool) -> LogicalType {
    LogicalType::Int { bits, signed }
}

fn decimal(precision: u8, scale: u8) -> LogicalType {
    LogicalType::Decimal { precision, scale }
}

/// A struct array of `logical`'s carrier; `valid` says which rows are not null.
fn composite(logical: &LogicalType, parts: Vec<ArrayRef>, valid: &[bool]) -> StructArray {
    let DataType::Struct(fields) = carrier::arrow_type(logical) else { panic!("{logical} is no struct") };
    StructArray::new(fields, parts, Some(NullBuffer::from(valid.to_vec())))
}

/// A list array of `logical`'s carrier whose last row is null.
fn list(logical: &LogicalType, lengths: &[usize], elements: impl Array + 'static) -> ListArray {
    let DataType::List(field) = carrier::arrow_type(logical) else { panic!("{logical} is no list") };
    let valid = (1..=lengths.len()).map(|row| row < lengths.len()).collect::<Vec<_>>();
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    ListArray::new(field, offsets, Arc::new(elements), Some(valid.into()))
}

#[test]
fn whole_numbers() {
    let expected =
        ["3b7e68058bead4d80b305f6f74581ab8", "3aea6af9329e315c69cc93aa23b56e75", "484df460cbc8519f708d2213ede804df"];
    check(LogicalType::Bool, BooleanArray::from(vec![Some(false), Some(true), None]), &expected);

    let expected =
        ["d386c015de67ab02af2ea10365e498b2", "3191c55eb683e0ac739162019827b70d", "b5237b57e584e00890c2e34c2bf8a873"];
    check(int(8, true), Int8Array::from(vec![Some(0), Some(-1), None]), &expected);
    check(int(16, true), Int16Array::from(vec![Some(0), Some(-1), None]), &expected);
    check(int(32, true), Int32Array::from(vec![Some(0), Some(-1), None]), &expected);
    check(int(64, true), Int64Array::from(vec![Some(0), Some(-1), None]), &expected);

    let expected =
        ["83a5552d8f341b92fc505ce66fb334c8", "8cb5b1c52f4b555554abfeadeab578e3", "6b741637bfed45c87537eaa2d117bf2e"];
    check(int(64, false), UInt64Array::from(vec![Some(255), Some(u64::MAX), None]), &expected);
    check(int(8, false), UInt8Array::from(vec![255]), &expected[..1]);
    let expected = ["c3e064116212a7587bae1c2111214781", "e601cd7ae41378f6cbdb75aa7aedb0c1"];
    check(LogicalType::Year, Int16Array::from(vec![Some(0), None]), &expected);
    let expected = ["ba0803665260c904bc1ae132fa960a25", "6c48c864be7c1f1c093279ea453ca646"];
    let bits = LogicalType::Bits { length: Some(64), varying: false };
    check(bits, UInt64Array::from(vec![Some(5), None]), &expected);
}

#[test]
fn decimals() {
    let small = |precision, scale, values: Vec<Option<i128>>| {
        Decimal128Array::from(values).with_precision_and_scale(precision, scale).expect("a decimal")
    };
    let expected =
        ["351298c755dab19b7d890011ef30a5fc", "92ca7c5b49dbef243e0fa610e366995d", "4a6ba7f6494c55153000a70b638a2450"];
    check(decimal(38, 2), small(38, 2, vec![Some(12345), Some(-(10i128.pow(37))), None]), &expected);
    check(decimal(5, 2), small(5, 2, vec![Some(12345)]), &expected[..1]);
    check(decimal(5, 0), small(5, 0, vec![Some(12345)]), &["b5e04312e66cee2483b776f3f031e700"]);

    let wide = Decimal256Array::from(vec![Some(i256::from_i128(-12345)), None]).with_precision_and_scale(39, 2);
    let expected = ["fc20bd2d54961f9bb57f96786f4af503", "9776a7220102f52731318f5a86978539"];
    check(decimal(39, 2), wide.expect("a decimal"), &expected);
}

#[test]
fn floats() {
    let expected = [
        "8cfcca240222ec40973807e762777983",
        "b8700957fcaf8194fd3a2a035d396c5f",
        "6587093b157e17adbb9111fd65e9cbdf",
        "6587093b157e17adbb9111fd65e9cbdf",
        "fb4ed0243c1ad750cfbc2badc9838663",
    ];
    let other_nan = f32::from_bits(0xffc0_0001);
    let values = [Some(1.5), Some(-0.0), Some(f32::NAN), Some(other_nan), None];
    check(LogicalType::Float { bits: 32 }, Float32Array::from(values.to_vec()), &expected);

    let expected = [
        "6df452807f9c7c00a5433cff41e13e71",
        "4f8a0d75cd1c1daa8da1b677b169e002",
        "89778c3d723010e843815c253f80e99a",
        "99933603bb3b9fff679236dfafb0d5d1",
        "99933603bb3b9fff679236dfafb0d5d1",
        "984dd10ed4bb755758756b68d5d7cc32",
        "5db451e299091a19ee135b3a05707cad",
    ];
    let other_nan = f64::from_bits(0xfff0_0000_0000_0001);
    let values = [Some(1.5), Some(0.0), Some(-0.0), Some(f64::NAN), Some(other_nan), Some(f64::INFINITY), None];
    check(LogicalType::FLOAT64, Float64Array::from(values.to_vec()), &expected);
}

#[test]
fn strings() {
    let long = ["x".repeat(100), "y".repeat(200), "z".repeat(300)];
    let mut values = ["", "a", "héllo", "0123456789"].map(Some).to_vec();
    values.extend(long.iter().map(|text| Some(text.as_str())));
    values.push(None);
    let expected = [
        "b218adf152987b3b7b97cf65b16e8d07",
        "4f14745c53f791af7568b5bddae4f49f",
        "4367ffe96711e9f92e5c62857bf05f1a",
        "a8a2e555ce05a6389fdc42e157cdb8b6",
        "4023a2f96482d9d8180ef3717b9b75d6",
        "3a0f79fe8490d5a3283f7ef5d5faee34",
        "af0af57a571e586bd5e150c59168657e",
        "f84f416e9db6928778babc797ca75e90",
    ];
    check(LogicalType::TEXT, StringArray::from(values.clone()), &expected);
    check(LogicalType::Text { max_chars: Some(300), fixed: true }, StringArray::from(values), &expected);

    let opaque = |form| LogicalType::Opaque { dialect: "postgres".into(), native: "xml".into(), form };
    let labels = vec!["red".to_owned()];
    let network = LogicalType::Network { kind: NetworkKind::Inet };
    let varying = LogicalType::Bits { length: Some(8), varying: true };
    for (logical, value, expected, null) in [
        (LogicalType::Numeric, "0.10", "447526acab60703844049eb498cf7a6e", "3746e956b0a558e08d1b5fc45f25df7e"),
        (LogicalType::Json, r#"{"a": 1}"#, "ed936e949443b9efb46ca2185966ad7b", "6c87d00c3e0f2dfb7fe904a87840fbd5"),
        (LogicalType::Enum { labels }, "red", "f434d144a333f5c78f2b085ae6fb2e30", "aefabb50b948df77e45548b45b64c683"),
        (network, "10.0.0.1/8", "f83322771b3f20887921787ed6c1dbe6", "9e43df4730b817efd97b972fff89f966"),
        (varying, "101", "6126c0a7aa1d25788d9a5793edf667c9", "0d591deab511700c36d1edb312b1e2c2"),
        (opaque(OpaqueForm::Text), "<a/>", "93fbab4ce1a2f67f1f2d530549cbbef1", "e8c200b451c7d91142324fb984bda88f"),
    ] {
        check(logical, StringArray::from(vec![Some(value), None]), &[expected, null]);
    }

    let expected =
        ["c7d634601c409f4dce0afe93194fcf67", "32771163c6d3b15f8291436c23c61c25", "b49dbbed3b66b34c81dbaf91347a7458"];
    check(LogicalType::BYTES, BinaryArray::from(vec![Some(&b""[..]), Some(b"\0\xff"), None]), &expected);
    let expected = ["b9fb2ff94a45cfe0ef8ee9693cc41197", "eeacebbc85e7eb9a3e7538e0bb64b9d6"];
    let geometry = LogicalType::Geometry { srid: Some(4326), kind: None, geodesic: false };
    check(geometry, BinaryArray::from(vec![Some(&b"\x01\x02"[..]), None]), &expected);
    let expected = ["5f6dfc7c10a4cba47a118414534b1e3b", "0389cd4d079e9cb4d234e57b976ccc29"];
    check(opaque(OpaqueForm::Binary), BinaryArray::from(vec![Some(&b"<a/>"[..]), None]), &expected);
    let expected = ["fd47d41f735d36f9a3f51d641b8952ec", "2a25ba46fbb011a5298240bd838996f6"];
    let uuid = (0..16).collect::<Vec<u8>>();
    let uuids = FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some(uuid), None].into_iter(), 16);
    check(LogicalType::Uuid, uuids.expect("uuids"), &expected);
}

#[test]
fn dates_and_times() {
    let expected = ["e01139b4ca11ef9363d0adc76172631f", "e7b6ee0e4689daae6ddc5a24346ad262"];
    check(LogicalType::Date, Date32Array::from(vec![Some(-1), None]), &expected);
    let expected = ["8498b736ca97a6f8fabf6433d9bf23a1", "8d7bc2b78c025cc2fd6c3a0b5467ee35"];
    let times = Time64MicrosecondArray::from(vec![Some(86_399_999_999), None]);
    check(LogicalType::Time { precision: 6 }, times, &expected);
    let expected = ["b43bfd21a1c69b295c61b83515155be1", "ad7872ba2c53049099dd8b1c46ce070c"];
    let times = TimestampMicrosecondArray::from(vec![Some(-1), None]);
    check(LogicalType::Timestamp { precision: 3 }, times.clone(), &expected);
    let expected = ["f85922f680ba70c5b9d51f1f7d1d4f92", "0eb199089a8502565a099112494c5e69"];
    check(LogicalType::Instant { precision: 0 }, times.with_timezone("UTC"), &expected);
    let expected = ["268025b0d16ff76f257e52b25240ae60", "b2520b403b73710f73ce5588c5deb774"];
    check(LogicalType::Span { precision: 6 }, Int64Array::from(vec![Some(-3_020_399_000_000), None]), &expected);

    let timetz = LogicalType::TimeTz { precision: 6 };
    let parts: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![1, 1, 1])), Arc::new(Int32Array::from(vec![Some(-3600), None, Some(0)]))];
    let expected =
        ["7cefc6111fdf8a3a07ad5bc406806db4", "bac413282eec27e221ff2ebcd34d5e2f", "422cf959c7d2168924c4de1b6ed0d8d3"];
    check(timetz.clone(), composite(&timetz, parts, &[true, true, false]), &expected);

    let parts: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(1), None, None])),
        Arc::new(Int32Array::from(vec![-2, 0, 0])),
        Arc::new(Int64Array::from(vec![3, 0, 0])),
    ];
    let expected =
        ["553d80036fb71f94058b4fb0fd87a86a", "f8626bef8efbb56f0958a0a95e2a54ea", "f835ebd4d1d060addc9c7b6eba28443c"];
    let intervals = composite(&LogicalType::Interval, parts, &[true, true, false]);
    check(LogicalType::Interval, intervals, &expected);
}

#[test]
fn lists_and_sets() {
    let ints = LogicalType::List { element: Box::new(int(32, true)) };
    let expected =
        ["52f2bd6a479f365b9cadbf3813217e92", "b416432dd304a378846302fec9e0c9b5", "4b9eda95675652edcf013953dcd1677b"];
    let values = list(&ints, &[2, 0, 0], Int32Array::from(vec![Some(1), None]));
    check(ints.clone(), values, &expected);

    let texts = LogicalType::List { element: Box::new(LogicalType::TEXT) };
    let lists = LogicalType::List { element: Box::new(texts.clone()) };
    let DataType::List(field) = carrier::arrow_type(&texts) else { panic!("no list") };
    let valid = NullBuffer::from(vec![true, false, true]);
    let inner = ListArray::new(
        field,
        OffsetBuffer::from_lengths([1, 0, 0]),
        Arc::new(StringArray::from(vec!["a"])),
        Some(valid),
    );
    check(lists.clone(), list(&lists, &[3, 0], inner).slice(0, 1), &["806c4f3a55579216cf9d9649c26d98fc"]);

    let set = LogicalType::Set { labels: vec!["b".into(), "a".into()] };
    let expected =
        ["1a44a9f343745cc0d514643c2fc4e335", "ee1c86e9ba88588a6052501df189462d", "207e2aed6fd00cb2fb3abc35ee169647"];
    check(set.clone(), list(&set, &[2, 0, 0], StringArray::from(vec!["a", "b"])), &expected);
    check(set.clone(), list(&set, &[2, 0, 0], StringArray::from(vec!["b", "a"])), &expected);
}

#[test]
fn structs_ranges_and_maps() {
    let field = |logical| StructField { name: "f".into(), logical };
    let pair = LogicalType::Struct { fields: vec![field(int(64, true)), field(LogicalType::TEXT)] };
    let parts: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![Some(1), None, Some(1)])),
        Arc::new(StringArray::from(vec![None, None, Some("hidden")])),
    ];
    let expected =
        ["f4373f985e23c4cd5ec8ade23f9041af", "6006b7b1408ceb2aedae6b44f0e49555", "cef1f7ab1c2690fb7ecfc95932f925b5"];
    check(pair.clone(), composite(&pair, parts, &[true, true, false]), &expected);

    let range = LogicalType::Range { element: Box::new(LogicalType::Date) };
    let flag = |value: bool| -> ArrayRef { Arc::new(BooleanArray::from(vec![value, value])) };
    let parts: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![1, 1])),
        Arc::new(Date32Array::from(vec![None, None])),
        flag(true),
        flag(false),
        flag(false),
    ];
    let expected = ["d67dbeb4a6613b0f1d080963c92cd8d1", "89ea812b380a013b2407032fedfe3d01"];
    check(range.clone(), composite(&range, parts, &[true, false]), &expected);

    let DataType::Map(field, _) = carrier::arrow_type(&LogicalType::Map) else { panic!("no map") };
    let DataType::Struct(fields) = field.data_type() else { panic!("no entries") };
    let expected =
        ["0c446021f1e8d8d548fd5e52daeb97e0", "8b4e793d8deb63fc33d75184a927d677", "067c0dcdc55945d04bcc6a4d94427cee"];
    for entries in [[("a", Some("1")), ("b", None)], [("b", None), ("a", Some("1"))]] {
        let keys = StringArray::from_iter_values(entries.map(|(key, _)| key));
        let values = StringArray::from_iter(entries.map(|(_, value)| value));
        let entries = StructArray::new(fields.clone(), vec![Arc::new(keys), Arc::new(values)], None);
        let valid = NullBuffer::from(vec![true, true, false]);
        let maps = MapArray::new(field.clone(), OffsetBuffer::from_lengths([2, 0, 0]), entries, Some(valid), false);
        check(LogicalType::Map, maps, &expected);
    }
}

#[test]
fn dynamic_values() {
    let parts: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![Some(7), None, None, None, None])),
        Arc::new(Float64Array::from(vec![None, Some(-0.5), None, None, None])),
        Arc::new(StringArray::from(vec![None, None, Some("7"), None, None])),
        Arc::new(BinaryArray::from(vec![None, None, None, Some(&b"7"[..]), None])),
    ];
    let expected = [
        "f4fd1929cee455b49ae9b26609304eaf",
        "0fb4a6a63d4c1be9d9f015ab642bc9fa",
        "1121a1410a1fd5de9411540774ef8aa3",
        "d05930617c4de60c5b6089952918fde0",
        "9249bcc3fe497eadb4b15b049999c7a8",
    ];
    check(LogicalType::Dynamic, composite(&LogicalType::Dynamic, parts, &[true, true, true, true, false]), &expected);
}

fn exception(row: u64, column: u32, value: NativeValue) -> Exception {
    Exception { row, column, reason: ExceptionReason::StorageClass, value }
}

#[test]
fn exceptions() {
    let expected = [
        "3ef4f5aad2e1220627ad15d7016a7675",
        "4c9b920a509c4227f4410e3f68f685f4",
        "5babd11d7f69ea2eadbebe051160ad1e",
        "7e099b54ca7f2a9abc11fd711d9c61d3",
        "171cd6394af1668c594143821e1cac70",
        "b5237b57e584e00890c2e34c2bf8a873",
    ];
    let values = [
        NativeValue::Integer(-7),
        NativeValue::Real(0.5),
        NativeValue::Text("abc".into()),
        NativeValue::TextBytes(b"abc".to_vec()),
        NativeValue::Bytes(b"abc".to_vec()),
    ];
    let exceptions = (0..).zip(values).map(|(row, value)| exception(row, 0, value)).collect();
    let collection = collection(&[int(64, true)]);
    let batch = batch(&collection, vec![Arc::new(Int64Array::from(vec![None; 6]))], exceptions);
    assert_eq!(hex(RowHasher::new(&collection).row_hashes(&batch).expect("hashes")), expected);
}

/// The worked example of `HASH.md`.
#[test]
fn a_whole_collection() {
    let collection = collection(&[int(64, true), LogicalType::TEXT, decimal(10, 2)]);
    let prices = Decimal128Array::from(vec![Some(1999), None, None]).with_precision_and_scale(10, 2);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![1, 2, 2])),
        Arc::new(StringArray::from(vec![Some("Ada"), None, None])),
        Arc::new(prices.expect("a decimal")),
    ];
    let free = |row| exception(row, 2, NativeValue::Text("free".into()));
    let batch = batch(&collection, columns, vec![free(1), free(2)]);
    let mut hasher = RowHasher::new(&collection);
    hasher.update(&batch).expect("an update");
    let expected = CollectionHash::parse(3, "72f1a88f283131464670e8bc53768f74");
    assert_eq!(Some(hasher.total()), expected);
    let expected =
        ["c121e2bb3ed7d2a7c2989bff9fd4ba7c", "d8e7e2e9f4acaf4f41ec265e59d0ea7c", "d8e7e2e9f4acaf4f41ec265e59d0ea7c"];
    assert_eq!(hex(hasher.row_hashes(&batch).expect("hashes")), expected);
}

#[test]
fn a_row_without_columns() {
    let collection = collection(&[]);
    let batch = batch(&collection, Vec::new(), Vec::new());
    let mut hasher = RowHasher::new(&collection);
    assert_eq!(hasher.total().to_string(), "0".repeat(32));
    hasher.update(&batch).expect("an update");
    assert_eq!(hasher.total().to_string(), "821132881315515bc66b0e54ade5ee29");
}
