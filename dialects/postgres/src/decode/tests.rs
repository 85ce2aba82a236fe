use super::choose::{Form, Source};
use super::stream::CopyStream;
use super::{Decoder, Refusal, network, numeric};
use crate::types::{Oid, TypeCatalogue};
use dbferry_dialect::{ErrorKind, ExceptionReason, LogicalType};

/// A stream of rows of two fields, the second one null in every other row.
fn stream(rows: u8) -> Vec<u8> {
    let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\x03abc".to_vec();
    for row in 0..rows {
        bytes.extend([0, 2, 0, 0, 0, 1, row]);
        bytes.extend(if row % 2 == 0 { vec![0xff; 4] } else { vec![0, 0, 0, 2, 7, row] });
    }
    bytes.extend([0xff, 0xff]);
    bytes
}

/// The fields of all rows of a stream that comes in those messages.
fn feed<'a>(messages: impl IntoIterator<Item = &'a [u8]>) -> dbferry_dialect::Result<Vec<Vec<Option<Vec<u8>>>>> {
    let mut stream = CopyStream::default();
    let mut rows = Vec::new();
    for message in messages {
        stream.feed(message, |fields, mut tuple| {
            let mut row = Vec::new();
            for _ in 0..fields {
                row.push(tuple.field().expect("a complete tuple").map(<[u8]>::to_vec));
            }
            rows.push(row);
            Ok(())
        })?;
    }
    stream.finish()?;
    Ok(rows)
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    let bytes = stream(5);
    let rows = feed([&bytes[..]]).expect("rows");
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[2], [Some(vec![2]), None]);
    assert_eq!(rows[3], [Some(vec![3]), Some(vec![7, 3])]);
    for size in 1..bytes.len() {
        assert_eq!(feed(bytes.chunks(size)).expect("rows"), rows, "messages of {size} bytes");
    }
}

#[test]
fn a_stream_that_lies_is_refused() {
    let good = stream(2);
    let refused = |bytes: &[u8]| feed([bytes]).expect_err("a bad stream").kind();
    for end in 0..good.len() {
        assert_eq!(refused(&good[..end]), ErrorKind::Mismatch, "cut at {end}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(refused(&longer), ErrorKind::Mismatch);
    for (place, value) in [(0, b'X'), (11, 1), (15, 0x80), (22, 0x80), (24, 0x80)] {
        let mut bad = good.clone();
        bad[place] = value;
        assert_eq!(refused(&bad), ErrorKind::Mismatch, "byte {place}");
    }
}

/// `numeric_send` of a number, from its text.
fn wire(text: &str) -> Vec<u8> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = fraction.len();
    let mut padded = format!("{}{whole}{fraction}", "0".repeat((4 - whole.len() % 4) % 4));
    padded.push_str(&"0".repeat((4 - padded.len() % 4) % 4));
    let mut groups: Vec<u16> =
        padded.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap().parse().unwrap()).collect();
    let mut weight = whole.len().div_ceil(4) as i16 - 1;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    while groups.first() == Some(&0) {
        groups.remove(0);
        weight -= 1;
    }
    let weight = if groups.is_empty() { 0 } else { weight };
    let head = [groups.len() as u16, weight as u16, if negative { 0x4000 } else { 0 }, scale as u16];
    head.into_iter().chain(groups).flat_map(u16::to_be_bytes).collect()
}

#[test]
fn numbers_keep_every_digit() {
    let decimal = |precision, scale, exact_scale| numeric::Digits { precision, scale, exact_scale };
    let nines = "9".repeat(38);
    for (text, precision, scale) in [
        ("0.00", 10, 2),
        ("-0.01", 10, 2),
        ("12345678.90", 10, 2),
        ("99999999999999999999999999999999999999", 38, 0),
        ("0.00000000000000000000000000000000000001", 38, 38),
        ("0.99999999999999999999999999999999999999", 38, 38),
        ("9.9999999999999999999999999999999999999", 38, 37),
        ("-10000.0001", 9, 4),
        ("120000", 6, 0),
        ("1.5", 2, 1),
    ] {
        let expected: i128 = text.replace('.', "").parse().expect("a number");
        assert_eq!(decimal(precision, scale, true).decimal128(&wire(text)), Ok(expected), "{text}");
        let wide = decimal(precision, scale, true).decimal256(&wire(text)).expect("a number");
        assert_eq!(wide.to_string(), expected.to_string(), "{text}");
        let mut written = Vec::new();
        numeric::write_text(&wire(text), &mut written).expect("a text");
        assert_eq!(String::from_utf8(written).as_deref(), Ok(text));
    }
    let huge = format!("-{nines}{nines}");
    let wide = decimal(76, 0, true).decimal256(&wire(&huge)).expect("a number");
    assert_eq!(wide.to_string(), huge);
    let precision = Err(Refusal::Exception(ExceptionReason::Precision));
    // More digits than the column has, before the point, behind it, and of another display scale.
    assert_eq!(decimal(3, 0, true).decimal128(&wire("1000")), precision);
    assert_eq!(decimal(38, 0, true).decimal128(&wire(&huge)), precision);
    assert_eq!(decimal(76, 0, true).decimal256(&wire(&format!("1{}", "0".repeat(76)))).err(), precision.err());
    assert_eq!(decimal(10, 2, false).decimal128(&wire("1.005")), precision);
    assert_eq!(decimal(10, 2, false).decimal128(&wire("0.00000001")), precision);
    assert_eq!(decimal(10, 2, true).decimal128(&wire("1.5")), precision);
    assert_eq!(decimal(10, 2, false).decimal128(&wire("1.5")), Ok(150));
    assert_eq!(decimal(10, 2, false).decimal128(&wire("1.5000")), Ok(150));
}

#[test]
fn random_bytes_are_never_a_panic() {
    let mut types = TypeCatalogue::default();
    let mut decoders = every_decoder(&mut types);
    assert!(decoders.len() > 40, "{}", decoders.len());
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut taken = 0;
    for round in 0..4000_u64 {
        // Small numbers are what lengths and counts are made of.
        let length = (random() % 48) as usize;
        let bytes: Vec<u8> =
            (0..length).map(|_| if random() % 3 == 0 { random() as u8 } else { (random() % 4) as u8 }).collect();
        for decoder in &mut decoders {
            let before = decoder.len();
            let pushed = decoder.push(&bytes);
            taken += usize::from(pushed.is_ok());
            assert_eq!(decoder.len(), before + usize::from(pushed.is_ok()));
            if pushed.is_err() {
                decoder.push_null();
            }
            if round % 500 == 499 {
                let cells = decoder.len();
                assert_eq!(decoder.finish().expect("an array").len(), cells);
            }
        }
        for size in [1, 7, 48] {
            let mut stream = CopyStream::default();
            for message in bytes.chunks(size) {
                if stream.feed(message, |_, _| Ok(())).is_err() {
                    break;
                }
            }
        }
        let mut text = Vec::new();
        _ = network::write_inet(&bytes, true, &mut text);
        _ = network::bits_word(&bytes, 64);
    }
    assert!(taken > 1000, "{taken}");
}

/// A decoder of every kind; the nested ones hold others.
fn every_decoder(types: &mut TypeCatalogue) -> Vec<Decoder> {
    *types = TypeCatalogue::for_tests();
    let source = Source { types, any_bytes: true };
    let oids: Vec<Oid> = types.oids().collect();
    let mut decoders = Vec::new();
    for oid in oids {
        let (form, decoder) = source.decoder(&types.logical(oid, -1), oid, -1).expect("a decoder");
        if form == Form::Native {
            decoders.push(decoder);
        }
    }
    for (logical, oid) in [
        (LogicalType::Decimal { precision: 38, scale: 4 }, 1700),
        (LogicalType::Decimal { precision: 76, scale: 40 }, 1700),
        (LogicalType::Int { bits: 64, signed: false }, 1700),
        (LogicalType::Int { bits: 8, signed: true }, 21),
        (LogicalType::Float { bits: 32 }, 701),
        (LogicalType::FLOAT64, 700),
        (LogicalType::Span { precision: 6 }, 1186),
        (LogicalType::Bits { length: Some(12), varying: false }, 1560),
    ] {
        decoders.push(source.decoder(&logical, oid, -1).expect("a decoder").1);
    }
    decoders
}
