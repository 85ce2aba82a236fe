//! The pages of a table's b-tree: <https://www.sqlite.org/fileformat2.html#b_tree_pages>.
//!
//! Pages come from SQLite's own pager (the `sqlite_dbpage` table), so that they are those of the transaction, whatever lies in a
//! log or a cache. SQLite's b-tree layer looks at none of them, so everything is checked here: where a page contradicts itself
//! or the order of the rows, reading ends with an error.

use super::record::varint;
use rusqlite::{Connection, Statement, ffi};

/// The most levels of a b-tree that SQLite itself reads.
const DEPTH: usize = 20;
/// The longest row that SQLite reads as it is compiled.
const ROW_BYTES: u64 = 1_000_000_000;
const LEAF: u8 = 0x0d;
const INTERIOR: u8 = 0x05;

/// What SQLite says of a file that contradicts itself.
pub(super) fn damaged() -> rusqlite::Error {
    let message = "database disk image is malformed".to_owned();
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(message))
}

/// Gives the pages of a database's main file.
pub(super) struct Pages<'c> {
    statement: Statement<'c>,
    /// The bytes of a page that belong to SQLite.
    usable: usize,
}

impl<'c> Pages<'c> {
    /// None where SQLite was compiled without `sqlite_dbpage`.
    pub(super) fn open(connection: &'c Connection) -> rusqlite::Result<Option<Self>> {
        let Ok(statement) = connection.prepare("SELECT data FROM sqlite_dbpage('main') WHERE pgno = ?1") else {
            return Ok(None);
        };
        let mut pages = Self { statement, usable: 0 };
        let mut first = Vec::new();
        pages.read(1, &mut first)?;
        let reserved = usize::from(*first.get(20).ok_or_else(damaged)?);
        pages.usable = first.len().checked_sub(reserved).filter(|usable| *usable >= 480).ok_or_else(damaged)?;
        Ok(Some(pages))
    }

    fn read(&mut self, number: u32, page: &mut Vec<u8>) -> rusqlite::Result<()> {
        let mut rows = self.statement.query([number])?;
        let row = rows.next()?.ok_or_else(damaged)?;
        page.clear();
        page.extend_from_slice(row.get_ref(0)?.as_blob().map_err(|_| damaged())?);
        Ok(())
    }

    /// The first `bytes` bytes of a row that does not lie in its page alone.
    pub(super) fn collect(&mut self, cell: &Cell<'_>, bytes: usize, row: &mut Vec<u8>) -> rusqlite::Result<()> {
        let bytes = bytes.min(cell.bytes);
        row.clear();
        row.extend_from_slice(cell.local);
        let (mut next, mut page) = (cell.overflow, Vec::new());
        while row.len() < bytes {
            self.read(next.filter(|next| *next > 0).ok_or_else(damaged)?, &mut page)?;
            next = number(&page, 0);
            let part = page.get(4..self.usable).ok_or_else(damaged)?;
            row.extend_from_slice(&part[..part.len().min(cell.bytes - row.len())]);
        }
        Ok(())
    }
}

/// A row in its page.
pub(super) struct Cell<'p> {
    pub(super) rowid: i64,
    /// What of it lies in the page.
    pub(super) local: &'p [u8],
    /// How long it is.
    pub(super) bytes: usize,
    /// The page where it goes on.
    overflow: Option<u32>,
}

/// Goes over the rows of one table in the order of their row numbers.
pub(super) struct Walk<'c> {
    pages: Pages<'c>,
    /// The first row number that is wanted, and the first that is not any more.
    range: (Option<i64>, Option<i64>),
    last: Option<i64>,
    /// A page for each level.
    levels: Vec<Vec<u8>>,
}

/// What ends a walk: SQLite's error, or that of whoever takes the rows.
pub(super) enum Ended<E> {
    Reading(rusqlite::Error),
    Taking(E),
}

impl<E> From<rusqlite::Error> for Ended<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Reading(error)
    }
}

impl<'c> Walk<'c> {
    pub(super) fn new(pages: Pages<'c>, range: (Option<i64>, Option<i64>)) -> Self {
        Self { pages, range, last: None, levels: vec![Vec::new(); DEPTH] }
    }

    /// Gives each row of the table with that root page to `take`.
    pub(super) fn rows<E>(
        &mut self,
        root: u32,
        take: &mut impl FnMut(&mut Pages<'c>, &Cell<'_>) -> Result<(), E>,
    ) -> Result<(), Ended<E>> {
        self.visit(root, 0, take).map(drop)
    }

    /// Whether rows after those of the page may be wanted.
    fn visit<E>(
        &mut self,
        number: u32,
        level: usize,
        take: &mut impl FnMut(&mut Pages<'c>, &Cell<'_>) -> Result<(), E>,
    ) -> Result<bool, Ended<E>> {
        let mut page = std::mem::take(self.levels.get_mut(level).ok_or_else(damaged)?);
        self.pages.read(number, &mut page)?;
        let goes_on = match page.first() {
            Some(&LEAF) => self.leaf(&page, level, take),
            Some(&INTERIOR) => self.interior(&page, level, take),
            _ => Err(damaged().into()),
        };
        self.levels[level] = page;
        goes_on
    }

    fn interior<E>(
        &mut self,
        page: &[u8],
        level: usize,
        take: &mut impl FnMut(&mut Pages<'c>, &Cell<'_>) -> Result<(), E>,
    ) -> Result<bool, Ended<E>> {
        for cell in cells(page, 12).filter(|cells| cells.len() > 0).ok_or_else(damaged)? {
            let child = number(page, cell).ok_or_else(damaged)?;
            let (highest, _) = varint(page, cell + 4).ok_or_else(damaged)?;
            let is_before = |from: i64| highest.cast_signed() < from;
            if !self.range.0.is_some_and(is_before) && !self.visit(child, level + 1, take)? {
                return Ok(false);
            }
        }
        self.visit(number(page, 8).ok_or_else(damaged)?, level + 1, take)
    }

    fn leaf<E>(
        &mut self,
        page: &[u8],
        level: usize,
        take: &mut impl FnMut(&mut Pages<'c>, &Cell<'_>) -> Result<(), E>,
    ) -> Result<bool, Ended<E>> {
        // Only a table without rows has a page without any.
        let cells = cells(page, 8).filter(|cells| level == 0 || cells.len() > 0);
        for at in cells.ok_or_else(damaged)? {
            let cell = cell(page, at, self.pages.usable).ok_or_else(damaged)?;
            // Pages that lead back to themselves are noticed here too.
            if self.last.is_some_and(|last| cell.rowid <= last) {
                return Err(damaged().into());
            }
            self.last = Some(cell.rowid);
            if self.range.0.is_some_and(|from| cell.rowid < from) {
                continue;
            }
            if self.range.1.is_some_and(|to| cell.rowid >= to) {
                return Ok(false);
            }
            take(&mut self.pages, &cell).map_err(Ended::Taking)?;
        }
        Ok(true)
    }
}

/// Where the cells of a page are; its header has so many bytes.
fn cells(page: &[u8], header: usize) -> Option<impl ExactSizeIterator<Item = usize>> {
    let count = usize::from(u16::from_be_bytes(*page.get(3..)?.first_chunk()?));
    let (pointers, _) = page.get(header..header + 2 * count)?.as_chunks::<2>();
    Some(pointers.iter().map(|pointer| usize::from(u16::from_be_bytes(*pointer))))
}

/// The cell of a leaf.
#[inline]
fn cell(page: &[u8], at: usize, usable: usize) -> Option<Cell<'_>> {
    let (bytes, at) = varint(page, at)?;
    let (rowid, at) = varint(page, at)?;
    let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes as u64 <= ROW_BYTES)?;
    let rowid = rowid.cast_signed();
    let most = usable - 35;
    if bytes <= most {
        return Some(Cell { rowid, local: page.get(at..at + bytes)?, bytes, overflow: None });
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let wanted = least + (bytes - least) % (usable - 4);
    let local = if wanted <= most { wanted } else { least };
    Some(Cell { rowid, local: page.get(at..at + local)?, bytes, overflow: Some(number(page, at + local)?) })
}

/// A page's number.
fn number(page: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*page.get(at..)?.first_chunk()?))
}
