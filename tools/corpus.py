# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.corpus DIRECTORY``: check every .sql file and every block of SQL in Markdown below a directory.

Backslashes are read as in Redshift. Each script must be split as psql splits it, be refused only if psql also finds it
broken, and take less than a second. The output lists the scripts that fail and totals, without text of a file.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys
import tempfile
import time
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ScriptError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import masking, mistakes
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.execute import plan
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import Statement, split
from tests.support.psql_recorder import find_psql, queries
from tests.unit.test_sql_psql import is_blank, matches

SLOW = 1.0
BATCH = 400  # scripts for one psql
BLOCK = re.compile(r"^```(?:sql)?[ \t]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
# A Markdown block is SQL if it starts like SQL. Others are command output or syntax with placeholders.
BEGINS = re.compile(
    r"\s*(?:--|/\*|alter|analyze|begin|call|comment|copy|create|delete|drop|grant|insert|revoke|select|set|show|unload|"
    r"update|vacuum|with)\b",
    re.IGNORECASE,
)


class Reading(t.NamedTuple):
    """The result for a script: statements or the reason of a refusal, warnings, and seconds."""

    name: str
    text: str
    statements: list[Statement]
    refusal: str | None
    warnings: list[str]
    seconds: float


def scripts_below(directory: pathlib.Path) -> t.Iterator[tuple[str, str]]:
    """Yield the name and the text of each script."""
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.suffix == ".sql" and path.is_file():
            yield name, path.read_bytes().decode("utf-8", "replace")
        elif path.suffix == ".md" and path.is_file():
            blocks = BLOCK.findall(path.read_text(encoding="utf-8", errors="replace"))
            for number, block in enumerate(blocks, 1):
                if BEGINS.match(block):
                    yield f"{name}, block {number}", block


def read(name: str, text: str) -> Reading:
    """Run all checks of a script before its execution, and mask it as for a diff."""
    started = time.process_time()
    statements: list[Statement] = []
    warnings: list[str] = []
    refusal = None
    try:
        statements = split(text)
        mistakes.check_file(text)
        warnings = mistakes.check(statements)
        plan(statements, "auto")
    except ScriptError as error:
        refusal = error.message
    masking.mask(text)
    return Reading(name, text, statements, refusal, warnings, time.process_time() - started)


def is_split_as_psql_does(statements: list[Statement], sent: list[str]) -> bool:
    sent = [query for query in sent if not is_blank(query)]
    return len(sent) == len(statements) and all(map(matches, statements, sent))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.corpus", description=sys.modules[__package__].__doc__)
    parser.add_argument("directory", type=pathlib.Path, help="directory with SQL")
    directory = parser.parse_args().directory
    psql = find_psql()
    if not psql:
        parser.error("psql not found")
    readings = [read(name, text) for name, text in scripts_below(directory)]
    split_ones = [reading for reading in readings if reading.statements]
    different = 0
    for start in range(0, len(split_ones), BATCH):
        batch = split_ones[start : start + BATCH]
        with tempfile.TemporaryDirectory() as temporary:
            sent = queries(psql, [reading.text for reading in batch], pathlib.Path(temporary), True)
        for reading, queried in zip(batch, sent):
            if not is_split_as_psql_does(reading.statements, queried):
                different += 1
                print(f"{reading.name}: {len(reading.statements)} statements, different from those of psql")
    refused = [reading for reading in readings if reading.refusal]
    for reading in refused:
        print(f"{reading.name}: refused: {reading.refusal}")
    slow = [reading for reading in readings if reading.seconds > SLOW]
    for reading in slow:
        print(f"{reading.name}: {reading.seconds:.1f} s")
    statements = sum(len(reading.statements) for reading in readings)
    size = sum(len(reading.text) for reading in readings)
    seconds = sum(reading.seconds for reading in readings)
    slowest = max((reading.seconds for reading in readings), default=0.0)
    warned = sum(bool(reading.warnings) for reading in readings)
    print(f"\n{len(readings)} scripts, {size / 1e6:.1f} MB, {statements} statements, {seconds:.1f} s")
    print(f"{len(split_ones)} compared with psql, {different} split differently")
    print(
        f"{len(refused)} refused, {warned} with a warning, {len(slow)} over {SLOW:.0f} s, the slowest {slowest:.2f} s"
    )
    return 1 if different or slow else 0


if __name__ == "__main__":
    sys.exit(main())
