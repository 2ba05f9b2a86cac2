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


class Script(t.NamedTuple):
    """A script and its source."""

    name: str
    text: str


class Reading(t.NamedTuple):
    """The result for a script: statements or the reason of a refusal, warnings, and seconds."""

    statements: list[Statement]
    refusal: str | None
    warnings: list[str]
    seconds: float


def scripts_below(directory: pathlib.Path) -> t.Iterator[Script]:
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.suffix == ".sql" and path.is_file():
            yield Script(name, path.read_bytes().decode("utf-8", "replace"))
        elif path.suffix == ".md" and path.is_file():
            blocks = BLOCK.findall(path.read_text(encoding="utf-8", errors="replace"))
            for number, block in enumerate(blocks, 1):
                if BEGINS.match(block):
                    yield Script(f"{name}, block {number}", block)


def read(script: Script) -> Reading:
    """Run all checks of a script before its execution, and mask it as for a diff."""
    started = time.process_time()
    statements: list[Statement] = []
    warnings: list[str] = []
    refusal = None
    try:
        statements = split(script.text)
        mistakes.check_file(script.text)
        warnings = mistakes.check(statements)
        plan(statements, "auto")
    except ScriptError as error:
        refusal = error.message
    masking.mask(script.text)
    return Reading(statements, refusal, warnings, time.process_time() - started)


def is_split_as_psql_does(statements: list[Statement], sent: list[str]) -> bool:
    sent = [query for query in sent if not is_blank(query)]
    return len(sent) == len(statements) and all(map(matches, statements, sent))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.corpus", description=sys.modules[__package__].__doc__)
    parser.add_argument("directory", type=pathlib.Path, help="directory with SQL")
    scripts = list(scripts_below(parser.parse_args().directory))
    psql = find_psql()
    if not psql:
        parser.error("psql not found")
    readings = [read(script) for script in scripts]
    both = list(zip(scripts, readings))
    split_ones = [(script, reading) for script, reading in both if reading.statements]
    different = 0
    for start in range(0, len(split_ones), BATCH):
        batch = split_ones[start : start + BATCH]
        with tempfile.TemporaryDirectory() as directory:
            sent = queries(psql, [script.text for script, _reading in batch], pathlib.Path(directory), True)
        for (script, reading), queried in zip(batch, sent):
            if not is_split_as_psql_does(reading.statements, queried):
                different += 1
                print(f"{script.name}: {len(reading.statements)} statements, different from those of psql")
    refused = [(script, reading) for script, reading in both if reading.refusal]
    for script, reading in refused:
        print(f"{script.name}: refused: {reading.refusal}")
    slow = [(script, reading) for script, reading in both if reading.seconds > SLOW]
    for script, reading in slow:
        print(f"{script.name}: {reading.seconds:.1f} s")
    statements = sum(len(reading.statements) for reading in readings)
    size = sum(len(script.text) for script in scripts)
    seconds = sum(reading.seconds for reading in readings)
    slowest = max((reading.seconds for reading in readings), default=0.0)
    warned = sum(bool(reading.warnings) for reading in readings)
    print(f"\n{len(scripts)} scripts, {size / 1e6:.1f} MB, {statements} statements, {seconds:.1f} s")
    print(f"{len(split_ones)} compared with psql, {different} split differently")
    print(
        f"{len(refused)} refused, {warned} with a warning, {len(slow)} over {SLOW:.0f} s, the slowest {slowest:.2f} s"
    )
    return 1 if different or slow else 0


if __name__ == "__main__":
    sys.exit(main())
