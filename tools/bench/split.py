# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time a script of 10 MB: ``python -m tools.bench.split``, with the collection on PYTHONPATH."""

from __future__ import annotations

import time

from ansible_collections.immuta.integrations.plugins.module_utils._redshift import masking, sql

PIECE = """\
-- view number {0}; it's the reader's
CREATE TABLE immuta_system.t{0} (id int, name varchar(20) DEFAULT 'it''s');
GRANT SELECT ON TABLE immuta_system.t{0} TO GROUP "readers"; /* done; */
CREATE PROCEDURE p{0}(a int) AS $$ BEGIN INSERT INTO t VALUES ('x;y'); END; $$ LANGUAGE plpgsql;
"""
SIZE = 10_000_000


def script_of(size: int) -> str:
    """Return a script of about that many characters."""
    return "".join(PIECE.format(number) for number in range(size // len(PIECE)))


def main() -> None:
    """Print the time of each operation on a script."""
    script = script_of(SIZE)
    statements = sql.split(script)
    print(f"{len(script) / 1e6:.1f} MB, {len(statements)} statements")
    for name, work in {
        "split": lambda: sql.split(script),
        "readings_differ, a backslash in it": lambda: sql.readings_differ(script + r"SELECT 'a\b'"),
        "mask": lambda: masking.mask(script),
        "runs_in_transaction": lambda: all(map(sql.runs_in_transaction, statements)),
    }.items():
        started = time.perf_counter()
        work()
        print(f"{name}: {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
