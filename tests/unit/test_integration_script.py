# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script from Immuta to a file: the request, and the resulting files."""

from __future__ import annotations

import html
import os
import pathlib
import stat
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common import files
from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ApiError,
    InputError,
    ScriptError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import snake_case
from ansible_collections.immuta.integrations.plugins.module_utils._modules import immuta_integration_script
from ansible_collections.immuta.integrations.plugins.module_utils._modules.immuta_integration_script import (
    arguments,
    run,
)

KEY = "846e9e43c86a4ct1be14290d95127d13f"
PASSWORD = "Abc12345"
SETTINGS = {
    "host": "organization.aws.amazon.com",
    "database": "immuta",
    "initialDatabase": "dev",
    "authenticationType": "userPassword",
    "username": "immuta_system",
    "password": PASSWORD,
}
CONFIG = snake_case(SETTINGS)
PAYLOAD = {"type": "Redshift", "autoBootstrap": False, "config": SETTINGS}
SCRIPT = (
    f"-- of {PASSWORD}\r\nCREATE USER immuta_system PASSWORD '{PASSWORD}';\n\nGRANT ALL ON SCHEMA \u00fc TO x".encode()
)


class Immuta:
    """A tenant with one script that records requests."""

    def __init__(self) -> None:
        self.generated = SCRIPT
        self.record: dict[str, t.Any] | None = {"id": "7", "status": "enabled", **PAYLOAD}
        self.asked: list[t.Any] = []
        self.errors: list[ApiError] = []

    def get(self, integration_id: str) -> dict[str, t.Any] | None:
        self.asked.append(integration_id)
        return self.record

    def script(self, *arguments: t.Any) -> bytes:
        self.asked.append(arguments)
        if self.errors:
            raise self.errors[0]
        return self.generated


@pytest.fixture
def immuta(monkeypatch: pytest.MonkeyPatch) -> Immuta:
    made = Immuta()
    monkeypatch.setattr(immuta_integration_script, "IntegrationsApi", lambda _http: made)
    return made


@pytest.fixture
def dest(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "create.sql"


def write(dest: pathlib.Path, check_mode: bool = False, **changes: t.Any) -> dict[str, t.Any]:
    defaults = {name: option.get("default") for name, option in arguments()["argument_spec"].items()}
    task = {"url": "https://tenant.example.com", "api_key": KEY, "script": "create", "config": CONFIG}
    return run({**defaults, **task, "dest": str(dest), **changes}, check_mode, {})


def mode_of(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Requests


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"script": "initial_create"}, [("initial_create", None, PAYLOAD)]),
        ({"script": "create", "id": "7"}, [("create", None, PAYLOAD)]),
        ({"script": "cleanup"}, [("cleanup", None, PAYLOAD)]),
        ({"script": "edit", "id": "7"}, ["7", ("edit", "7", PAYLOAD)]),
        (
            {"script": "edit", "id": "7", "config": {"port": 1, "username": "u", "password": "p"}},
            ["7", ("edit", "7", {**PAYLOAD, "config": {**SETTINGS, "port": 1, "username": "u", "password": "p"}})],
        ),
        ({"script": "delete", "id": "7", "config": None}, [("delete", "7", None)]),
    ],
    ids=str,
)
def test_script_uses_the_payload_of_the_registration(
    changes: dict[str, t.Any], asked: list[t.Any], immuta: Immuta, dest: pathlib.Path
):
    """Immuta's documentation, "Configure a Redshift Integration": the payloads must match."""
    write(dest, **changes)
    assert immuta.asked == asked
    assert dest.read_bytes() == SCRIPT
    assert mode_of(dest) == 0o600
    assert list(dest.parent.iterdir()) == [dest]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config": {**CONFIG, "password": None}}, "Set config.password"),
        ({"config": {**CONFIG, "port": 0}}, "config.port is 0"),
        ({"script": "edit", "id": "7", "config": {"host": "other"}}, "is on organization.aws.amazon.com, not on other"),
        ({"script": "edit", "id": "7", "config": {**CONFIG, "database": "other"}}, "the database cannot be changed"),
        ({"mode": "0644"}, "mode 0o644 is not allowed for a script"),
        ({"api_key": ""}, "api_key"),
    ],
)
def test_failed_generation_leaves_no_file(changes: dict[str, t.Any], said: str, immuta: Immuta, dest: pathlib.Path):
    with pytest.raises(InputError, match=said):
        write(dest, **changes)
    assert list(dest.parent.iterdir()) == []


@pytest.mark.parametrize("script", ["edit", "delete"])
def test_script_of_a_deleted_integration(script: str, immuta: Immuta, dest: pathlib.Path):
    immuta.record = None
    immuta.errors = [ApiError("HTTP 404.", status=404, is_document=True)]
    with pytest.raises(InputError, match=f"no integration with id 7 to {script}: another run"):
        write(dest, script=script, id="7")


# Results


def test_result_has_no_script_and_no_secret(immuta: Immuta, dest: pathlib.Path):
    dest.write_bytes(SCRIPT.replace(b"GRANT ALL", b"REVOKE ALL /* hush_Hu5h */"))
    result = write(dest, config={**CONFIG, "extra": {"sessionToken": "hush_Hu5h"}})
    assert result.keys() == {"changed", "dest", "checksum", "size", "statement_count", "inspection", "diff", "warnings"}
    assert (result["changed"], result["dest"], result["size"]) == (True, str(dest), len(SCRIPT))
    assert (result["statement_count"], result["warnings"]) == (2, [])
    assert len(result["checksum"]) == 64
    before, after = (result["diff"][side] for side in ("before", "after"))
    assert "REVOKE ALL" in before
    assert "GRANT ALL" in after
    assert "CREATE USER immuta_system PASSWORD '********';" in after
    assert PASSWORD not in repr(result)
    assert "hush_Hu5h" not in repr(result)


CANARIES = ("\u00fc", "\u00fc'\u00df", "\u00df$\\\u00fc", "\u00fc\"x'1''\u00df\\", "$1\u00fc" + "\u00df'\\Aa" * 12)


@pytest.mark.parametrize("canary", CANARIES)
def test_no_output_shows_a_password(immuta: Immuta, dest: pathlib.Path, canary: str):
    """In the difference, the review, unstable lines, and the lines of a refusal."""
    literal = "'" + canary.replace("\\", "\\\\").replace("'", "''") + "'"
    nested = literal.replace("'", "''")
    texts = [
        f"-- salt {salt}\nCREATE USER a PASSWORD {literal};\n-- password: {literal}\n"
        f"CREATE PROCEDURE p() AS $body$ BEGIN {salt}; EXECUTE 'ALTER USER a PASSWORD {nested}'; END $body$;\n"
        for salt in ("one", "two", "three", "four", "five")
    ]
    replies = iter(text.encode() for text in texts)
    immuta.script = lambda *_arguments: next(replies)  # type: ignore[method-assign]
    config = {**CONFIG, "password": canary}
    review = {"dest": f"{dest}.review", "host": "h", "login": "admin"}
    review["scripts"] = [{"name": "create", "path": str(dest), "database": "immuta"}]

    result = write(dest, config=config, check_repeatable=True, review=review)
    with pytest.raises(InputError) as refused:
        write(dest, config=config, reviewed_checksum=result["checksum"])

    failure = refused.value.as_failure()
    assert "--- salt one" in result["varying_lines"]
    assert "+-- salt three" in failure["difference"]
    pages = [pathlib.Path(f"{dest}.review.{extension}").read_text("utf-8") for extension in ("txt", "html")]
    for shown in (repr(result), repr(failure), *map(html.unescape, pages)):
        assert "PASSWORD" in shown
        assert not {"\u00fc", "\u00df"} & set(shown)
    assert canary.encode() in dest.read_bytes() or literal.encode() in dest.read_bytes()


@pytest.mark.parametrize(
    ("script", "line"), [(b"ALTER USER u PASSWORD 'unterminated", 1), (b"SELECT 1;\nSELECT '\xff'", 2), (b"\x00", 1)]
)
def test_unsplittable_script_is_written_with_a_warning(script: bytes, line: int, immuta: Immuta, dest: pathlib.Path):
    immuta.generated = script
    result = write(dest)
    assert result["statement_count"] is None
    assert f"redshift_script refuses this script. Line {line} of the script: " in result["warnings"][0]
    assert "unterminated" not in repr(result)
    assert dest.read_bytes() == script


def test_unrunnable_script_warns_or_fails(immuta: Immuta, dest: pathlib.Path):
    immuta.generated = b"SELECT 1;\nCREATE FUNCTION f() RETURNS int AS $$ token $$ LANGUAGE plpythonu;"
    version = {"server_version": "PostgreSQL 8.0.2, Redshift 1.0.219674"}
    for name in ("create", "edit"):
        with pytest.raises(ScriptError, match="cannot run in Redshift, and it was not written: Line 2 ") as caught:
            write(dest, script=name, id="7", require_runnable=True, **version)
        assert [finding["line"] for finding in caught.value.facts["inspection"]] == [2]
        assert not dest.exists()

    result = write(dest, **version)

    assert [(found["severity"], found["line"], found["command"]) for found in result["inspection"]] == [
        ("error", 2, "CREATE FUNCTION")
    ]
    assert result["warnings"] == [found["message"] for found in result["inspection"]]
    assert dest.exists()


def test_unknown_server_version_warns(immuta: Immuta, dest: pathlib.Path):
    immuta.generated = b"CREATE FUNCTION f() RETURNS int AS $$ token $$ LANGUAGE plpythonu;"
    result = write(dest, require_runnable=True)
    assert [found["severity"] for found in result["inspection"]] == ["warning"]
    assert dest.exists()


def test_script_for_another_database_is_detected(immuta: Immuta, dest: pathlib.Path):
    immuta.generated = b"GRANT TEMP ON DATABASE other TO PUBLIC"
    assert [found["severity"] for found in write(dest)["inspection"]] == ["error"]
    assert write(dest, script="delete", id="7", config=None)["inspection"] == []


# Files


def test_same_script_is_no_change(immuta: Immuta, dest: pathlib.Path):
    write(dest)
    before = dest.stat()
    result = write(dest, backup=True)
    assert not result["changed"]
    assert result["diff"]["before"] == result["diff"]["after"]
    assert (dest.stat().st_ino, dest.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_only_an_unchanged_script_is_accepted_on_request(immuta: Immuta, dest: pathlib.Path):
    with pytest.raises(InputError, match=r"create.sql does not exist: generate it again"):
        write(dest, require_unchanged=True)
    dest.write_bytes(b"SELECT 1")
    with pytest.raises(InputError, match=r"create.sql is not what Immuta generates now"):
        write(dest, require_unchanged=True)
    assert dest.read_bytes() == b"SELECT 1"
    write(dest)
    assert not write(dest, require_unchanged=True)["changed"]


def test_other_mode_changes_only_the_mode(immuta: Immuta, dest: pathlib.Path):
    write(dest)
    assert write(dest, mode="0640", backup=True)["changed"]
    assert mode_of(dest) == 0o640
    assert list(dest.parent.iterdir()) == [dest]


def test_check_mode_writes_nothing(immuta: Immuta, dest: pathlib.Path):
    predicted = write(dest, check_mode=True, backup=True)
    assert list(dest.parent.iterdir()) == []
    assert predicted == write(dest, backup=True)
    dest.write_bytes(b"old")
    assert write(dest, check_mode=True, backup=True)["changed"]
    assert dest.read_bytes() == b"old"
    assert list(dest.parent.iterdir()) == [dest]


def test_missing_directories_are_created_private(immuta: Immuta, tmp_path: pathlib.Path):
    dest = tmp_path / "outer" / "inner" / "create.sql"
    predicted = write(dest, check_mode=True, create_parents=True)
    assert predicted["changed"]
    assert not (tmp_path / "outer").exists()
    assert write(dest, create_parents=True) == predicted
    assert [stat.S_IMODE(directory.stat().st_mode) for directory in dest.parents[:2]] == [0o700, 0o700]
    tmp_path.chmod(0o755)
    assert not write(dest, create_parents=True)["changed"]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_backup_keeps_the_old_file(immuta: Immuta, dest: pathlib.Path):
    assert "backup_file" not in write(dest, backup=True)
    dest.write_bytes(b"\x00\xff")
    backup = pathlib.Path(write(dest, backup=True)["backup_file"])
    assert backup.read_bytes() == b"\x00\xff"
    assert mode_of(backup) == 0o600
    assert dest.read_bytes() == SCRIPT


def test_link_is_kept(immuta: Immuta, dest: pathlib.Path, tmp_path: pathlib.Path):
    link = tmp_path / "link.sql"
    link.symlink_to(dest)
    assert write(link)["dest"] == str(link)
    assert link.is_symlink()
    assert dest.read_bytes() == SCRIPT


@pytest.mark.parametrize("failing", ["fsync", "replace", "fchmod"])
def test_failed_write_keeps_the_old_file(
    failing: str, immuta: Immuta, dest: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    dest.write_bytes(b"old")

    def fail(*_arguments: t.Any) -> t.NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(InputError, match=r"create\.sql cannot be written: No space left on device"):
        write(dest)
    assert dest.read_bytes() == b"old"
    assert list(dest.parent.iterdir()) == [dest]


def test_files_of_killed_processes_are_deleted(immuta: Immuta, dest: pathlib.Path):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        leftovers = [dest.parent / f".create.sql.{pid}.part" for pid in (dead.pid, os.getpid())]
        others = [
            dest.parent / name
            for name in (f".create.sql.{child.pid}.part", f".other.sql.{dead.pid}.part", ".create.sql.part")
        ]
        others.append(dest.parent / f".create.sql.{10**20}.part")
        for path in (*leftovers, *others):
            path.write_bytes(b"half")
        write(dest)
        assert sorted(dest.parent.iterdir()) == sorted([dest, *others])
    finally:
        child.communicate(b"\n")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing/create.sql", "The directory .*/missing of dest does not exist"),
        ("directory", "The dest .*/directory is not a file"),
        ("pipe", "The dest .*/pipe is not a file"),
        ("file/create.sql", "The directory .*/file of dest does not exist"),
        ("file/inner/create.sql", "Not a directory"),
    ],
)
def test_impossible_dest_fails_before_any_request(name: str, said: str, immuta: Immuta, tmp_path: pathlib.Path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=said):
        write(tmp_path / name, create_parents="inner" in name)
    assert immuta.asked == []


def test_unwritable_directory_fails_before_any_request(
    immuta: Immuta, dest: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    with pytest.raises(InputError, match="cannot be written: choose another, or run as its owner"):
        write(dest)
    assert immuta.asked == []


def test_unreadable_file_is_unchanged(immuta: Immuta, dest: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_arguments: t.Any) -> t.NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match=r"create\.sql cannot be read for comparison: Permission denied"):
        write(dest)


@pytest.mark.parametrize(("value", "mode"), [("600", 0o600), ("0o640", 0o640), (0o600, 0o600), ("0400", 0o400)])
def test_mode(value: t.Any, mode: int):
    assert files.file_mode(value) == mode


@pytest.mark.parametrize(
    "value",
    ["0644", "0601", "0607", "0200", "000", "4600", "u=rw", "rw-------", "", 600, -1, 0o100600, None, True, 6.0],
)
def test_invalid_or_public_mode(value: t.Any):
    with pytest.raises(InputError, match=r"The (option )?mode "):
        files.file_mode(value)
