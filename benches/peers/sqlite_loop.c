/* The least that reading or copying a SQLite database takes: a loop over sqlite3_step, one thread, no mutex.
 *
 *   sqlite_loop read DATABASE          every column of every row of every table is looked at
 *   sqlite_loop copy DATABASE TARGET   and inserted into the same tables of a new database, one transaction a table
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(sqlite3 *db, const char *what) {
    fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static void run(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, 0, 0, 0) != SQLITE_OK) fail(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, 0) != SQLITE_OK) fail(db, sql);
    return statement;
}

static volatile long long seen;

static void look(sqlite3_stmt *row, int columns) {
    for (int i = 0; i < columns; i++) {
        switch (sqlite3_column_type(row, i)) {
        case SQLITE_INTEGER: seen += sqlite3_column_int64(row, i); break;
        case SQLITE_FLOAT: seen += (long long)sqlite3_column_double(row, i); break;
        case SQLITE_NULL: break;
        /* As bytes: asking for text would look for its end. */
        default: seen += sqlite3_column_bytes(row, i) + (sqlite3_column_blob(row, i) != 0);
        }
    }
}

static void insert(sqlite3 *to, sqlite3_stmt *into, sqlite3_stmt *row, int columns) {
    for (int i = 0; i < columns; i++) {
        switch (sqlite3_column_type(row, i)) {
        case SQLITE_INTEGER: sqlite3_bind_int64(into, i + 1, sqlite3_column_int64(row, i)); break;
        case SQLITE_FLOAT: sqlite3_bind_double(into, i + 1, sqlite3_column_double(row, i)); break;
        case SQLITE_NULL: sqlite3_bind_null(into, i + 1); break;
        case SQLITE_BLOB: sqlite3_bind_blob(into, i + 1, sqlite3_column_blob(row, i), sqlite3_column_bytes(row, i), SQLITE_STATIC); break;
        default: sqlite3_bind_text(into, i + 1, (const char *)sqlite3_column_text(row, i), sqlite3_column_bytes(row, i), SQLITE_STATIC);
        }
    }
    if (sqlite3_step(into) != SQLITE_DONE) fail(to, "insert");
    sqlite3_reset(into);
}

int main(int count, char **words) {
    int copies = count == 4 && !strcmp(words[1], "copy");
    if (!copies && !(count == 3 && !strcmp(words[1], "read"))) {
        fprintf(stderr, "usage: sqlite_loop read DATABASE | copy DATABASE TARGET\n");
        return 2;
    }
    sqlite3 *from, *to = 0;
    if (sqlite3_open_v2(words[2], &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, 0) != SQLITE_OK) fail(from, words[2]);
    run(from, "PRAGMA mmap_size = 17179869184");
    if (copies) {
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
        if (sqlite3_open_v2(words[3], &to, flags, 0) != SQLITE_OK) fail(to, words[3]);
        run(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536");
    }
    sqlite3_stmt *tables = prepare(from, "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    while (sqlite3_step(tables) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(tables, 0);
        char *select = sqlite3_mprintf("SELECT * FROM \"%w\"", name);
        sqlite3_stmt *rows = prepare(from, select), *into = 0;
        int columns = sqlite3_column_count(rows);
        if (copies) {
            run(to, (const char *)sqlite3_column_text(tables, 1));
            sqlite3_str *sql = sqlite3_str_new(to);
            sqlite3_str_appendf(sql, "INSERT INTO \"%w\" VALUES (?", name);
            for (int i = 1; i < columns; i++) sqlite3_str_appendall(sql, ",?");
            sqlite3_str_appendall(sql, ")");
            char *text = sqlite3_str_finish(sql);
            into = prepare(to, text);
            sqlite3_free(text);
            run(to, "BEGIN");
        }
        int step;
        while ((step = sqlite3_step(rows)) == SQLITE_ROW) {
            if (copies) insert(to, into, rows, columns);
            else look(rows, columns);
        }
        if (step != SQLITE_DONE) fail(from, "step");
        if (copies) run(to, "COMMIT");
        sqlite3_finalize(into);
        sqlite3_finalize(rows);
        sqlite3_free(select);
    }
    sqlite3_finalize(tables);
    if (copies && sqlite3_close(to) != SQLITE_OK) fail(to, "close");
    return 0;
}
