//! Stub.
use dbferry_dialect::{ReadRequest, Reader, Result, Sink};
pub(crate) struct SqliteReader(crate::replace::Shared);
impl SqliteReader {
    pub(crate) fn shared(shared: crate::replace::Shared) -> Self {
        Self(shared)
    }
}
impl Reader for SqliteReader {
    fn read(&mut self, request: &ReadRequest<'_>, _sink: &mut dyn Sink) -> Result<u64> {
        let connection = self.0.lock().expect("the connection");
        let name = request.collection.name.name.replace('"', "\"\"");
        let count = connection.query_row(&format!("SELECT count(*) FROM \"{name}\""), [], |row| row.get::<_, i64>(0));
        Ok(count.expect("a count") as u64)
    }
}
