//! The manifest file: the manifest's value with what says that it is one, of which version, and undamaged.
//!
//! ```json
//! {"format":"dbferry-archive","version":1,"blake3":"<of the exact bytes of the manifest's value>","manifest":{}}
//! ```

use super::manifest::Manifest;
use super::validate::validate;
use super::{DAMAGED_LATER, FORMAT, FORMAT_VERSION, LARGEST_MANIFEST, damaged};
use dbferry_dialect::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What every version of the format will have, now and later; the rest is only looked at once these are understood.
#[derive(Deserialize)]
struct Probe {
    format: String,
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u64,
    blake3: String,
    #[serde(borrow)]
    manifest: &'a RawValue,
}

/// The bytes of the manifest file.
///
/// # Errors
/// [`ErrorKind::Internal`] when the manifest breaks a rule of the format: it is refused here so that no archive is written
/// that could not be read.
pub(super) fn write(manifest: &Manifest) -> Result<Vec<u8>> {
    let broken = |error: Error| Error::new(ErrorKind::Internal, "the manifest would not be readable").caused_by(error);
    validate(manifest).map_err(broken)?;
    let mut value = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    manifest
        .serialize(&mut serde_json::Serializer::with_formatter(&mut value, formatter))
        .map_err(|error| Error::new(ErrorKind::Internal, "the manifest has no JSON form").caused_by(error))?;
    let hash = blake3::hash(&value).to_hex();
    let mut file =
        format!("{{\"format\":\"{FORMAT}\",\"version\":{FORMAT_VERSION},\"blake3\":\"{hash}\",\"manifest\":")
            .into_bytes();
    file.append(&mut value);
    file.extend_from_slice(b"}\n");
    if file.len() as u64 > LARGEST_MANIFEST {
        return Err(too_large(file.len() as u64));
    }
    Ok(file)
}

/// The manifest in the bytes of a manifest file.
///
/// # Errors
/// [`ErrorKind::ArchiveDamaged`], also for a version that this build does not know.
pub(super) fn read(file: &[u8]) -> Result<Manifest> {
    if file.len() as u64 > LARGEST_MANIFEST {
        return Err(too_large(file.len() as u64));
    }
    let text = std::str::from_utf8(file).map_err(|error| damaged("the manifest is not UTF-8").caused_by(error))?;
    let probe: Probe = serde_json::from_str(text).map_err(|error| {
        damaged("the manifest is not one of a dbferry archive").caused_by(error).hint(DAMAGED_LATER)
    })?;
    if probe.format != FORMAT {
        return Err(damaged("the manifest is not one of a dbferry archive"));
    }
    if probe.version > FORMAT_VERSION {
        return Err(damaged(format!(
            "made by a newer dbferry: format {}, this one reads up to {FORMAT_VERSION}",
            probe.version
        ))
        .hint("use the dbferry that made it, or a newer one"));
    }
    if probe.version == 0 {
        return Err(damaged("there is no format version 0"));
    }
    let unreadable = |error: serde_json::Error| damaged("the manifest cannot be read").caused_by(error);
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(unreadable)?;
    let value = envelope.manifest.get();
    if blake3::hash(value.as_bytes()).to_hex().as_str() != envelope.blake3 {
        return Err(damaged("the manifest is not what was written: its hash differs").hint(DAMAGED_LATER));
    }
    let manifest = serde_json::from_str(value).map_err(unreadable)?;
    validate(&manifest)?;
    Ok(manifest)
}

pub(super) fn too_large(bytes: u64) -> Error {
    damaged(format!("the manifest has {bytes} bytes, more than {LARGEST_MANIFEST}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn message(file: &str) -> String {
        read(file.as_bytes()).expect_err("a refusal").to_string()
    }

    /// A manifest file around an altered manifest, with the right hash.
    fn wrap(value: &str) -> String {
        let hash = blake3::hash(value.as_bytes()).to_hex();
        format!(r#"{{"format":"dbferry-archive","version":1,"blake3":"{hash}","manifest":{value}}}"#)
    }

    #[test]
    fn what_is_written_is_read() {
        let manifest = testing::manifest();
        let file = write(&manifest).expect("a file");
        assert_eq!(read(&file).expect("a manifest"), manifest);
        assert_eq!(write(&manifest).expect("a file"), file);
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let file = write(&testing::manifest()).expect("a file");
        // The line break at the very end carries no meaning, and blanks are as good as it.
        for position in 0..file.len() - 1 {
            for bit in [0, 5] {
                let mut flipped = file.clone();
                flipped[position] ^= 1 << bit;
                assert!(read(&flipped).is_err(), "bit {bit} of byte {position}");
            }
        }
        for length in 0..file.len() - 1 {
            assert!(read(&file[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn the_future_is_named_before_anything_else_is_looked_at() {
        let text = r#"{"format":"dbferry-archive","version":2,"signature":"x","blake3":"y","manifest":{"shape":1}}"#;
        assert_eq!(message(text), "made by a newer dbferry: format 2, this one reads up to 1");
        assert!(message(r#"{"format":"dbferry-archive","version":0,"blake3":"","manifest":{}}"#).contains("version 0"));
        assert!(message(r#"{"name":"a web extension","version":1}"#).contains("not one of a dbferry archive"));
        assert!(message(r#"{"format":"other","version":1}"#).contains("not one of a dbferry archive"));
        assert!(message("").contains("not one of a dbferry archive"));
    }

    #[test]
    fn unknown_fields_are_refused_everywhere() {
        let manifest = serde_json::to_value(testing::manifest()).expect("a value");
        assert!(read(wrap(&manifest.to_string()).as_bytes()).is_ok());
        for pointer in [
            "",
            "/source",
            "/consistency",
            "/groups/0",
            "/collections/0",
            "/collections/0/collection",
            "/collections/0/collection/name",
            "/collections/0/collection/columns/0",
            "/collections/0/collection/columns/0/logical",
            "/collections/0/collection/columns/2/logical",
            "/collections/0/file",
            "/collections/0/exceptions",
            "/objects/0",
            "/objects/0/object",
            "/not_carried/0",
        ] {
            let mut altered = manifest.clone();
            let object = altered.pointer_mut(pointer).and_then(serde_json::Value::as_object_mut);
            object.unwrap_or_else(|| panic!("an object at {pointer}")).insert("colour".into(), "red".into());
            assert!(message(&wrap(&altered.to_string())).contains("unknown field"), "{pointer}");
        }
        let mut altered = manifest.clone();
        altered["collections"][0]["collection"]["columns"][2]["logical"] =
            serde_json::json!({"type": "date", "colour": "red"});
        assert!(read(wrap(&altered.to_string()).as_bytes()).is_err());
        let text = wrap(&manifest.to_string()).replacen('{', r#"{"colour":"red","#, 1);
        assert!(message(&text).contains("unknown field"));
    }
}
