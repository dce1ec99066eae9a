#!/bin/sh
# The first day of a data engineer: from the installed program to queries in DuckDB, without a
# Fortinet account. It needs Python with the package `duckdb`, and nothing else.
#
#   BIN=$(command -v fortilake) sh docs/walks/data-engineer.sh
set -eu
. "$(dirname "$0")/lib.sh"

# query SQL: prints the result in the file `log`, one row a line, columns separated by a blank.
query() {
    "$PYTHON" -c '
import sys, duckdb
for row in duckdb.sql(sys.argv[1]).fetchall():
    print(*row)
' "$1" >log 2>&1 || fail "the query failed: $1"
}

# gives TEXT: the last query had exactly this result.
gives() {
    [ "$(cat log)" = "$1" ] || fail "the result is not: $1"
}

step "the program tells its version"
expect 0 "$BIN" --version
says "fortilake "
"$PYTHON" -c 'import duckdb' 2>log || fail "install the Python package duckdb, or set PYTHON"

step "the first crawl, of the embedded simulator"
expect 0 "$BIN" crawl --simulate --summary summary.json
says "complete snapshot"

step "the tables describe themselves"
expect 0 "$BIN" tables products
says serial_number
expect 0 "$BIN" tables --format sql
says "CREATE TABLE"

step "the example of the README"
query "
SELECT company, count(DISTINCT serial_number) AS products
FROM 'out/accounts/*/*.parquet' JOIN 'out/products/*/*.parquet' USING (account_id, snapshot)
WHERE snapshot = (SELECT snapshot FROM 'out/_fortilake/latest.json')
GROUP BY company ORDER BY products DESC LIMIT 2"
gives "Fjordmark Clinics Ltd 129
Polarbit Distribution Inc 114"

step "every list was read"
query "
SELECT outcome, count(*) FROM 'out/coverage/*/*.parquet'
GROUP BY outcome"
gives "complete 35"

step "a second snapshot, and a view of the newest one"
expect 0 "$BIN" crawl --simulate
expect 0 "$BIN" snapshots list --json
query "
SELECT count(DISTINCT snapshot), count(*) FROM 'out/products/*/*.parquet'"
gives "2 1396"
query "
SELECT status, count(*) FROM 'out/products/*/*.parquet'
WHERE snapshot = (SELECT snapshot FROM 'out/_fortilake/latest.json')
GROUP BY status ORDER BY status"
gives "Pending 6
Registered 692"

step "what is new since the snapshot before: nothing"
query "
WITH names AS (SELECT DISTINCT snapshot FROM 'out/products/*/*.parquet')
SELECT count(*) FROM 'out/products/*/*.parquet' AS new
WHERE snapshot = (SELECT max(snapshot) FROM names) AND NOT EXISTS (
  SELECT 1 FROM 'out/products/*/*.parquet' AS old
  WHERE old.snapshot = (SELECT min(snapshot) FROM names)
    AND (old.account_id, old.serial_number) = (new.account_id, new.serial_number))"
gives 0

step "support that ends within 90 days of a date, by customer"
query "
SELECT company, count(DISTINCT serial_number) AS products
FROM 'out/contract_terms/*/*.parquet' JOIN 'out/accounts/*/*.parquet' USING (account_id, snapshot)
WHERE snapshot = (SELECT snapshot FROM 'out/_fortilake/latest.json')
GROUP BY company, serial_number
HAVING max(end_date) BETWEEN DATE '2027-01-01' AND DATE '2027-04-01'"
[ -s log ] || fail "no product ends within these days"

step "rows for a pipe"
"$BIN" crawl --simulate --state piped --sink ndjson:- >rows.ndjson 2>log || fail "the pipe failed"
query "SELECT count(*) > 15000 FROM read_json('rows.ndjson', format = 'newline_delimited', union_by_name = true)"
gives True

step "a file for a spreadsheet"
expect 0 "$BIN" crawl --simulate --state spreadsheet --sink csv:sheets
query "SELECT count(*) FROM 'sheets/products.csv'"
gives 698

echo "the data engineer's day went as documented"
