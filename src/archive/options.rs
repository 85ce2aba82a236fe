//! How an archive is written.

use dbferry_dialect::{Error, ErrorKind, Result};
use parquet::basic::ZstdLevel;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How an archive is written.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions {
    /// How pages are compressed; zstd at the level that pays unless told.
    pub compression: Compression,
    /// When a row group is full: the size of its rows in memory, in bytes. 64 MiB unless told. The writer does not cut by
    /// itself: whoever feeds a [`RowGroupEncoder`](super::RowGroupEncoder) asks it whether it is full.
    pub row_group_bytes: usize,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { compression: Compression::default(), row_group_bytes: 64 << 20 }
    }
}

/// How the pages of the Parquet files are compressed. Its text form is `zstd`, `zstd:3`, `lz4`, `snappy` or `none`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Compression {
    /// Zstandard, at level 3 for columns that it makes a tenth smaller than level 1 does, and at level 1 for the others.
    #[default]
    ZstdThatPays,
    /// Zstandard, at a level from 1 to 22.
    Zstd(i32),
    /// LZ4 blocks (Parquet's `LZ4_RAW`).
    Lz4,
    /// Snappy.
    Snappy,
    /// Not at all.
    None,
}

/// Level 3, where it pays.
pub(super) const FULL_LEVEL: i32 = 3;
/// Level 1, where level 3 would not.
pub(super) const LIGHT_LEVEL: i32 = 1;

impl Compression {
    /// Parquet's codec for columns that are worth the effort.
    pub(super) fn codec(self) -> Result<parquet::basic::Compression> {
        Ok(match self {
            Self::ZstdThatPays => return Self::Zstd(FULL_LEVEL).codec(),
            Self::Zstd(level) => parquet::basic::Compression::ZSTD(ZstdLevel::try_new(level).map_err(|error| {
                Error::new(ErrorKind::Usage, format!("there is no zstd level {level}")).caused_by(error)
            })?),
            Self::Lz4 => parquet::basic::Compression::LZ4_RAW,
            Self::Snappy => parquet::basic::Compression::SNAPPY,
            Self::None => parquet::basic::Compression::UNCOMPRESSED,
        })
    }

    /// The codec for columns that are not; where there is no choice it is the same.
    pub(super) fn light_codec(self) -> Result<parquet::basic::Compression> {
        if self == Self::ZstdThatPays { Self::Zstd(LIGHT_LEVEL).codec() } else { self.codec() }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZstdThatPays => f.write_str("zstd"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
            Self::Lz4 => f.write_str("lz4"),
            Self::Snappy => f.write_str("snappy"),
            Self::None => f.write_str("none"),
        }
    }
}

impl FromStr for Compression {
    type Err = Error;

    /// Reads `zstd`, `zstd:N`, `lz4`, `snappy` or `none`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for anything else, also for a level that zstd does not have.
    fn from_str(text: &str) -> Result<Self> {
        let level = |text: &str| text.parse().ok().filter(|level| (1..=22).contains(level));
        let parsed = match text.split_once(':') {
            None => match text {
                "zstd" => Some(Self::ZstdThatPays),
                "lz4" => Some(Self::Lz4),
                "snappy" => Some(Self::Snappy),
                "none" => Some(Self::None),
                _ => None,
            },
            Some(("zstd", text)) => level(text).map(Self::Zstd),
            Some(_) => None,
        };
        parsed.ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("there is no compression {text:?}"))
                .hint("use zstd, zstd:N with N from 1 to 22, lz4, snappy or none")
        })
    }
}

impl From<Compression> for String {
    fn from(compression: Compression) -> Self {
        compression.to_string()
    }
}

impl TryFrom<String> for Compression {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_read_back() {
        let fixed = [Compression::Zstd(1), Compression::Zstd(22), Compression::Lz4, Compression::Snappy];
        for compression in fixed.into_iter().chain([Compression::ZstdThatPays, Compression::None]) {
            assert_eq!(compression.to_string().parse::<Compression>().ok(), Some(compression));
            assert!(compression.codec().is_ok());
        }
        assert_eq!(Compression::default(), Compression::ZstdThatPays);
        for bad in ["", "zip", "zstd:", "zstd:0", "zstd:23", "zstd:x", "lz4:1", "ZSTD"] {
            assert_eq!(bad.parse::<Compression>().map_err(|error| error.kind()), Err(ErrorKind::Usage), "{bad}");
        }
        assert!(Compression::Zstd(99).codec().is_err());
    }
}
