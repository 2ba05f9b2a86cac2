# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirements and the facts that meet them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.catalog import Account
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.inspection import PYTHON_ADVICE
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.requirements import (
    IMMUTA_SCHEMAS,
    Facts,
    evaluate,
)

ADMIN = Account("admin", superuser=True, createdb=True, createuser=True)
MAKER = Account('the "maker"', superuser=False, createdb=True, createuser=True)
NOBODY = Account("nobody", superuser=False, createdb=False, createuser=False)
NEW = {"database": "immuta", "database_exists": False}
OWN = {"database": "immuta", "database_exists": True, "database_owner": MAKER.name}
FOREIGN = {"database": "immuta", "database_exists": True, "database_owner": "other"}
ONE = {"single_database": True}
PYTHON = {"has_python": True}
DENIED = {**FOREIGN, **ONE, **PYTHON, "all_privileges": False, "grants_temp": False, "grants_python": False}


def check(name: str, account: Account = ADMIN, **found: t.Any) -> tuple[str, str]:
    tests = evaluate(Facts(account, **found))["validation_tests"]
    (test,) = (test for test in tests if test["name"] == name)
    return test["status"], test["message"]


@pytest.mark.parametrize(
    ("name", "account", "found", "status"),
    [
        ("Immuta database", ADMIN, {}, "skipped"),
        ("Immuta database", ADMIN, NEW, "passed"),
        ("Immuta database", ADMIN, {**NEW, **ONE}, "failed"),
        ("Immuta database", ADMIN, FOREIGN, "warning"),
        ("Immuta database", ADMIN, {**FOREIGN, "schemas": IMMUTA_SCHEMAS[:2]}, "warning"),
        ("Immuta database", ADMIN, {**FOREIGN, "schemas": ["public", "immuta_system"]}, "failed"),
        ("Immuta database", ADMIN, {**FOREIGN, **ONE, "schemas": ["spectrum"]}, "passed"),
        ("Immuta database", ADMIN, {**FOREIGN, **ONE, "schemas": IMMUTA_SCHEMAS}, "warning"),
        ("CREATE DATABASE", MAKER, NEW, "passed"),
        ("CREATE DATABASE", ADMIN, NEW, "passed"),
        ("CREATE DATABASE", NOBODY, NEW, "failed"),
        ("CREATE DATABASE", NOBODY, {}, "failed"),
        ("CREATE DATABASE", NOBODY, OWN, "skipped"),
        ("CREATE DATABASE", NOBODY, ONE, "skipped"),
        ("CREATE USER", MAKER, {}, "passed"),
        ("CREATE USER", NOBODY, {}, "failed"),
        ("CREATE USER", Account("x", False, False, None), {}, "warning"),
        ("REVOKE ALL PRIVILEGES ON DATABASE", ADMIN, FOREIGN, "passed"),
        ("REVOKE ALL PRIVILEGES ON DATABASE", MAKER, {}, "skipped"),
        ("REVOKE ALL PRIVILEGES ON DATABASE", MAKER, NEW, "passed"),
        ("REVOKE ALL PRIVILEGES ON DATABASE", NOBODY, NEW, "failed"),
        ("REVOKE ALL PRIVILEGES ON DATABASE", MAKER, OWN, "passed"),
        ("REVOKE ALL PRIVILEGES ON DATABASE", MAKER, FOREIGN, "failed"),
        ("REVOKE ALL PRIVILEGES ON DATABASE", MAKER, {**FOREIGN, "system_user": "other"}, "passed"),
        ("GRANT TEMP ON DATABASE", MAKER, FOREIGN, "failed"),
        ("MANAGE GRANTS ON ACCOUNT", ADMIN, {}, "passed"),
        ("MANAGE GRANTS ON ACCOUNT", MAKER, {}, "warning"),
        ("RA3 node type", ADMIN, {}, "skipped"),
        ("RA3 node type", ADMIN, {"datashare_enabled": True}, "passed"),
        ("RA3 node type", ADMIN, {"datashare_enabled": False}, "warning"),
        ("RA3 node type", ADMIN, {"serverless": True}, "passed"),
        ("RA3 node type", ADMIN, {**ONE, "datashare_enabled": False}, "skipped"),
        ("Case-insensitive identifiers", ADMIN, {}, "skipped"),
        ("Case-insensitive identifiers", ADMIN, {"case_sensitive": False}, "passed"),
        ("Case-insensitive identifiers", ADMIN, {"case_sensitive": True}, "failed"),
        ("Python functions", ADMIN, {"has_python": True}, "skipped"),
        ("Python functions", ADMIN, {"accepts_python": True}, "passed"),
        ("Python functions", ADMIN, {"accepts_python": False, "has_python": True}, "warning"),
        ("USAGE ON LANGUAGE plpythonu", ADMIN, {}, "warning"),
        ("USAGE ON LANGUAGE plpythonu", ADMIN, PYTHON, "passed"),
        ("USAGE ON LANGUAGE plpythonu", MAKER, {**PYTHON, **NEW}, "skipped"),
        ("USAGE ON LANGUAGE plpythonu", MAKER, {**PYTHON, **OWN}, "skipped"),
        ("USAGE ON LANGUAGE plpythonu", MAKER, {**PYTHON, **OWN, "grants_python": True}, "passed"),
        ("USAGE ON LANGUAGE plpythonu", MAKER, {**PYTHON, **OWN, "grants_python": False}, "warning"),
        ("ALL PRIVILEGES ON DATABASE", ADMIN, {**FOREIGN, **ONE}, "passed"),
        ("ALL PRIVILEGES ON DATABASE", MAKER, {**OWN, **ONE}, "passed"),
        ("ALL PRIVILEGES ON DATABASE", MAKER, {**NEW, **ONE}, "skipped"),
        ("ALL PRIVILEGES ON DATABASE", NOBODY, {**FOREIGN, **ONE}, "skipped"),
        ("ALL PRIVILEGES ON DATABASE", NOBODY, {**FOREIGN, **ONE, "all_privileges": True}, "passed"),
        ("ALL PRIVILEGES ON DATABASE", NOBODY, {**FOREIGN, **ONE, "all_privileges": False}, "warning"),
        ("GRANT TEMP ON DATABASE", MAKER, {**OWN, **ONE}, "passed"),
        ("GRANT TEMP ON DATABASE", NOBODY, {**FOREIGN, **ONE}, "skipped"),
        ("GRANT TEMP ON DATABASE", NOBODY, {**FOREIGN, **ONE, "grants_temp": True}, "passed"),
        ("GRANT TEMP ON DATABASE", NOBODY, {**FOREIGN, **ONE, "grants_temp": False}, "warning"),
        ("System account", ADMIN, {}, "skipped"),
        ("System account", ADMIN, {"system_user": "u"}, "passed"),
        ("System account", ADMIN, {"system_user": "u", "system_user_exists": True}, "warning"),
        ("Impersonation group", MAKER, {}, "skipped"),
        ("Impersonation group", ADMIN, {"impersonation_role": "g"}, "passed"),
        ("Impersonation group", MAKER, {"impersonation_role": "g"}, "warning"),
        ("Impersonation group", MAKER, {"impersonation_role": "g", "impersonation_role_exists": True}, "warning"),
    ],
)
def test_requirement(name: str, account: Account, found: dict[str, t.Any], status: str) -> None:
    assert check(name, account, **found)[0] == status


@pytest.mark.parametrize(
    ("name", "account", "found", "remedy"),
    [
        ("CREATE DATABASE", NOBODY, NEW, 'ALTER USER "nobody" CREATEDB'),
        ("CREATE USER", NOBODY, NEW, 'GRANT ROLE sys:secadmin TO "nobody"'),
        ("REVOKE ALL PRIVILEGES ON DATABASE", MAKER, FOREIGN, 'ALTER DATABASE "immuta" OWNER TO "the ""maker"""'),
        ("GRANT TEMP ON DATABASE", NOBODY, NEW, 'ALTER USER "nobody" CREATEDB'),
        ("ALL PRIVILEGES ON DATABASE", NOBODY, DENIED, 'GRANT ALL PRIVILEGES ON DATABASE "immuta" TO "nobody"'),
        ("GRANT TEMP ON DATABASE", NOBODY, DENIED, 'GRANT TEMP ON DATABASE "immuta" TO "nobody" WITH GRANT OPTION'),
        (
            "USAGE ON LANGUAGE plpythonu",
            NOBODY,
            DENIED,
            'GRANT USAGE ON LANGUAGE plpythonu TO "nobody" WITH GRANT OPTION',
        ),
    ],
)
def test_missing_requirement_names_its_fix(name: str, account: Account, found: dict[str, t.Any], remedy: str) -> None:
    assert check(name, account, **found)[1].endswith(f": {remedy}")


def test_single_database_requires_no_owner() -> None:
    account = Account("maker", superuser=False, createdb=False, createuser=True)
    found = Facts(account, **FOREIGN, **ONE, schemas=["spectrum"], all_privileges=True, grants_temp=False)
    result = evaluate(found)
    assert result["status"] == "warning"
    assert "REVOKE ALL PRIVILEGES ON DATABASE" not in [test["name"] for test in result["validation_tests"]]


def test_python_support_follows_the_server_version() -> None:
    message = check("Python functions", accepts_python=False, has_python=True)[1]
    assert "refuses Python functions, like every Redshift since patch 198" in message
    assert message.endswith(f" {PYTHON_ADVICE}.")


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({"account": NOBODY, **NEW}, "failed"),
        ({"account": ADMIN, **NEW}, "warning"),
        ({"account": ADMIN, **NEW, "has_python": True}, "passed"),
    ],
)
def test_overall_status_is_the_worst_test(found: dict[str, t.Any], status: str) -> None:
    assert evaluate(Facts(**found))["status"] == status
