use std::path::Path;
use std::time::Duration;

use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags, Result, Row, Transaction, params};
use tokio::time::Instant;

use super::{Held, Progress, Record};

/// `mond`, so that tools can tell whose file it is.
const APPLICATION_ID: i32 = 0x6d6f_6e64;
/// The layout below. A file with another one is set aside.
const LAYOUT: i32 = 1;
/// The longest value that is read or written: an outcome has less than 2 KiB, and a progress
/// less than 4.
const VALUE_BYTES_MAX: i32 = 64 * 1024;
/// Pages in memory, in KiB. Enough for the ends of both trees, where all the work is.
const CACHE_KIB: i32 = 4 * 1024;
/// How long an operation waits for another process that reads or repairs.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the look at a whole file may take at start. A spool of 1 GiB takes about a second;
/// a disk that needs longer is trusted until a read fails.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS_PER_LOOK: i32 = 100_000;

const SCHEMA: &str = "
    CREATE TABLE outcomes (
        seq INTEGER PRIMARY KEY,
        line TEXT NOT NULL,
        clock INTEGER NOT NULL,
        ns INTEGER NOT NULL,
        status TEXT,
        outcome TEXT NOT NULL,
        crc INTEGER NOT NULL
    );
    CREATE INDEX outcomes_by_line ON outcomes (line, seq);
    CREATE TABLE sinks (name TEXT PRIMARY KEY, progress TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE held (
        sink TEXT NOT NULL,
        line TEXT NOT NULL,
        item TEXT NOT NULL,
        from_seq INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (sink, line, item)
    ) WITHOUT ROWID;";

const COLUMNS: &str = "seq, line, clock, ns, status, outcome, crc";

/// The file, or a place in memory, with the outcomes in it. Every call blocks.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
}

/// What is kept of one sink.
#[derive(Clone, Debug)]
pub(crate) struct SinkRow {
    /// Its name.
    pub(crate) name: String,
    /// How far it is.
    pub(crate) progress: Progress,
}

/// A row, and whether it is as it was written.
pub(crate) type Checked = std::result::Result<Record, u64>;

impl Database {
    /// Opens the file at `path`, and makes it if it is not there. Looks at the whole of it.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, is damaged, or has another layout; see [`is_damaged`].
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut database = Self::set_up(Connection::open(path)?)?;
        database.check(CHECK_TIMEOUT)?;
        Ok(database)
    }

    /// A database that is gone when it is dropped.
    pub(crate) fn in_memory() -> Result<Self> {
        Self::set_up(Connection::open_in_memory()?)
    }

    /// Opens the file at `path` to read it, beside the process that writes it.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self> {
        // A reader, too, must be able to make the index of the log.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(Self { connection })
    }

    fn set_up(connection: Connection) -> Result<Self> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
        // Before anything is written: it is part of the file's layout. It lets the file shrink.
        connection.pragma_update(None, "auto_vacuum", "incremental")?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        // Each commit is on the disk when it returns.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
        let database = Self { connection };
        match (database.number("application_id")?, database.number("user_version")?) {
            (0, 0) => {
                let setting = format!(
                    "BEGIN; PRAGMA application_id = {APPLICATION_ID}; \
                     PRAGMA user_version = {LAYOUT}; {SCHEMA} COMMIT;"
                );
                database.connection.execute_batch(&setting)?;
            }
            (id, layout) if id == i64::from(APPLICATION_ID) && layout == i64::from(LAYOUT) => {}
            _ => return Err(damaged("the file has another layout than this version's")),
        }
        Ok(database)
    }

    /// Looks at the structure of the whole file, for `time` at most.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn check(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        self.connection.progress_handler(STEPS_PER_LOOK, Some(move || Instant::now() >= end))?;
        let verdict = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
        self.connection.progress_handler(0, None::<fn() -> bool>)?;
        match verdict {
            Ok(verdict) if verdict == "ok" => Ok(()),
            Ok::<String, _>(verdict) => Err(damaged(&verdict)),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Begins a transaction. Dropping it undoes it.
    pub(crate) fn begin(&mut self) -> Result<Write<'_>> {
        Ok(Write { transaction: self.connection.transaction()? })
    }

    /// The records from `from` up to, and without, `to`, at most `max` of them.
    pub(crate) fn read(&self, from: u64, to: u64, max: usize) -> Result<Vec<Checked>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM outcomes WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?"
        );
        let mut statement = self.connection.prepare(&sql)?;
        statement.query_map(params![from, to, max], checked)?.collect()
    }

    /// As [`read`](Self::read), backwards from the end.
    pub(crate) fn read_back(&self, from: u64, to: u64, max: usize) -> Result<Vec<Checked>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM outcomes WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?"
        );
        let mut statement = self.connection.prepare(&sql)?;
        statement.query_map(params![from, to, max], checked)?.collect()
    }

    /// As [`read`](Self::read), of one line.
    pub(crate) fn read_line(
        &self,
        line: &str,
        from: u64,
        to: u64,
        max: usize,
    ) -> Result<Vec<Checked>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM outcomes WHERE line = ? AND seq >= ? AND seq < ? \
             ORDER BY seq LIMIT ?"
        );
        let mut statement = self.connection.prepare(&sql)?;
        statement.query_map(params![line, from, to, max], checked)?.collect()
    }

    /// How many records there are from `from` up to, and without, `to`.
    pub(crate) fn count(&self, from: u64, to: u64) -> Result<u64> {
        let sql = "SELECT count(*) FROM outcomes WHERE seq >= ? AND seq < ?";
        self.connection.query_row(sql, params![from, to], |row| row.get(0))
    }

    /// The first and the last number, when there is any record.
    pub(crate) fn bounds(&self) -> Result<Option<(u64, u64)>> {
        // Two looks at the ends of the tree; min and max in one query would walk through it.
        let end = |sql: &str| self.connection.query_row(sql, [], |row| row.get(0));
        let first: Option<u64> = end("SELECT min(seq) FROM outcomes")?;
        let last: Option<u64> = end("SELECT max(seq) FROM outcomes")?;
        Ok(first.zip(last))
    }

    /// The moment of the first record from `from` on, in seconds since 1970.
    pub(crate) fn clock_at(&self, from: u64) -> Result<Option<i64>> {
        let sql = "SELECT clock FROM outcomes WHERE seq >= ? ORDER BY seq LIMIT 1";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([from])?;
        rows.next()?.map(|row| row.get(0)).transpose()
    }

    /// The last of the first `window` records that is older than `clock`.
    pub(crate) fn last_older_than(&self, clock: i64, window: usize) -> Result<Option<u64>> {
        let sql = "SELECT max(seq) FROM (SELECT seq, clock FROM outcomes ORDER BY seq LIMIT ?) \
                   WHERE clock < ?";
        self.connection.query_row(sql, params![window, clock], |row| row.get(0))
    }

    /// What is kept of the sinks. A progress that makes no sense is left out.
    pub(crate) fn sinks(&self) -> Result<Vec<SinkRow>> {
        let mut statement = self.connection.prepare("SELECT name, progress FROM sinks")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut sinks = Vec::new();
        for row in rows {
            let (name, progress): (String, String) = row?;
            let read = serde_json::from_str::<Progress>(&progress).ok();
            if let Some(progress) = read.filter(Progress::is_sound) {
                sinks.push(SinkRow { name, progress });
            }
        }
        Ok(sinks)
    }

    /// The items that are held for `sink`.
    pub(crate) fn held(&self, sink: &str) -> Result<Vec<Held>> {
        let sql =
            "SELECT line, item, from_seq, reason FROM held WHERE sink = ? ORDER BY line, item";
        let mut statement = self.connection.prepare(sql)?;
        let held = |row: &Row<'_>| {
            Ok(Held {
                line: row.get(0)?,
                item: row.get(1)?,
                from: row.get(2)?,
                reason: row.get(3)?,
            })
        };
        statement.query_map([sink], held)?.collect()
    }

    /// How much room the records take, without what is free in the file.
    pub(crate) fn bytes(&self) -> Result<u64> {
        let used = self.number("page_count")? - self.number("freelist_count")?;
        Ok(u64::try_from(used * self.number("page_size")?).unwrap_or(0))
    }

    /// Gives free room back to the file system, so many pages at most.
    pub(crate) fn shrink(&self, pages: u32) -> Result<()> {
        self.connection.execute_batch(&format!("PRAGMA incremental_vacuum({pages})"))
    }

    fn number(&self, pragma: &str) -> Result<i64> {
        self.connection.pragma_query_value(None, pragma, |row| row.get(0))
    }

    /// The connection itself, for tests that make it fail.
    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Changes that happen together or not at all.
#[derive(Debug)]
pub(crate) struct Write<'a> {
    transaction: Transaction<'a>,
}

impl Write<'_> {
    pub(crate) fn insert<'r>(&self, records: impl Iterator<Item = &'r Record>) -> Result<()> {
        let sql = format!("INSERT INTO outcomes ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)");
        let mut statement = self.transaction.prepare(&sql)?;
        for record in records {
            let Record { seq, line, clock, ns, status, outcome } = record;
            statement.execute(params![seq, line, clock, ns, status, outcome, record.sum()])?;
        }
        Ok(())
    }

    /// Removes the records from `from` up to, and without, `to`, but for those of lines of which
    /// something is held.
    pub(crate) fn remove_settled(&self, from: u64, to: u64) -> Result<()> {
        let sql = "DELETE FROM outcomes WHERE seq >= ? AND seq < ? \
                   AND line NOT IN (SELECT line FROM held)";
        self.transaction.execute(sql, params![from, to]).map(drop)
    }

    /// Removes the records of `line` up to, and without, `to`, unless something of it is held.
    pub(crate) fn remove_released(&self, line: &str, to: u64) -> Result<()> {
        let sql = "DELETE FROM outcomes WHERE line = ?1 AND seq < ?2 \
                   AND ?1 NOT IN (SELECT line FROM held)";
        self.transaction.execute(sql, params![line, to]).map(drop)
    }

    /// Removes all records up to `through`.
    pub(crate) fn remove_through(&self, through: u64) -> Result<()> {
        self.transaction.execute("DELETE FROM outcomes WHERE seq <= ?", [through]).map(drop)
    }

    pub(crate) fn remove_one(&self, seq: u64) -> Result<()> {
        self.transaction.execute("DELETE FROM outcomes WHERE seq = ?", [seq]).map(drop)
    }

    pub(crate) fn put_sink(&self, name: &str, progress: &Progress) -> Result<()> {
        let json = serde_json::to_string(progress).expect("numbers under text keys are JSON");
        let sql = "INSERT OR REPLACE INTO sinks (name, progress) VALUES (?, ?)";
        self.transaction.execute(sql, params![name, json]).map(drop)
    }

    pub(crate) fn remove_sink(&self, name: &str) -> Result<()> {
        self.transaction.execute("DELETE FROM sinks WHERE name = ?", [name])?;
        self.transaction.execute("DELETE FROM held WHERE sink = ?", [name]).map(drop)
    }

    pub(crate) fn hold(&self, sink: &str, held: &Held) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO held (sink, line, item, from_seq, reason) \
                   VALUES (?, ?, ?, ?, ?)";
        let Held { line, item, from, reason } = held;
        self.transaction.execute(sql, params![sink, line, item, from, reason]).map(drop)
    }

    pub(crate) fn release(&self, sink: &str, line: &str, item: &str) -> Result<()> {
        let sql = "DELETE FROM held WHERE sink = ? AND line = ? AND item = ?";
        self.transaction.execute(sql, params![sink, line, item]).map(drop)
    }

    /// Makes the changes durable.
    ///
    /// # Errors
    ///
    /// When they are not; then none of them has happened.
    pub(crate) fn commit(self) -> Result<()> {
        self.transaction.commit()
    }
}

fn checked(row: &Row<'_>) -> Result<Checked> {
    let seq = row.get(0)?;
    let read = || -> Result<(Record, u32)> {
        let (line, clock, ns) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let (status, outcome, crc) = (row.get(4)?, row.get(5)?, row.get(6)?);
        Ok((Record { seq, line, clock, ns, status, outcome }, crc))
    };
    // A column of another type than it was written with is damage like a wrong sum.
    Ok(match read() {
        Ok((record, crc)) if record.sum() == crc => Ok(record),
        _ => Err(seq),
    })
}

fn damaged(what: &str) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some(what.to_owned()))
}

/// Whether `error` says that the file itself cannot be read any more, in contrast to a disk that
/// is full or busy. An error without a kind is one of the file too: every statement here is fixed, so
/// what SQLite cannot make sense of is what the statement found.
pub(crate) fn is_damaged(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::TypeMismatch
                | ErrorCode::Unknown
        )
    ) || matches!(
        error,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::SqlInputError { .. }
    )
}
