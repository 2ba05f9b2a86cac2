# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requirement is met by what was found."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.catalog import Account
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
        ("Language plpythonu", ADMIN, {}, "warning"),
        ("Language plpythonu", ADMIN, {"has_python": True}, "passed"),
        ("System account", ADMIN, {}, "skipped"),
        ("System account", ADMIN, {"system_user": "u"}, "passed"),
        ("System account", ADMIN, {"system_user": "u", "system_user_exists": True}, "warning"),
        ("Impersonation group", MAKER, {}, "skipped"),
        ("Impersonation group", ADMIN, {"impersonation_role": "g"}, "passed"),
        ("Impersonation group", MAKER, {"impersonation_role": "g"}, "warning"),
        ("Impersonation group", MAKER, {"impersonation_role": "g", "impersonation_role_exists": True}, "warning"),
    ],
)
def test_a_requirement(name: str, account: Account, found: dict[str, t.Any], status: str) -> None:
    assert check(name, account, **found)[0] == status


@pytest.mark.parametrize(
    ("name", "account", "found", "remedy"),
    [
        ("CREATE DATABASE", NOBODY, NEW, 'ALTER USER "nobody" CREATEDB'),
        ("CREATE USER", NOBODY, NEW, 'GRANT ROLE sys:secadmin TO "nobody"'),
        ("REVOKE ALL PRIVILEGES ON DATABASE", MAKER, FOREIGN, 'ALTER DATABASE "immuta" OWNER TO "the ""maker"""'),
        ("GRANT TEMP ON DATABASE", NOBODY, NEW, 'ALTER USER "nobody" CREATEDB'),
    ],
)
def test_a_failure_names_its_remedy(name: str, account: Account, found: dict[str, t.Any], remedy: str) -> None:
    assert check(name, account, **found)[1].endswith(f": {remedy}")


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({"account": NOBODY, **NEW}, "failed"),
        ({"account": ADMIN, **NEW}, "warning"),
        ({"account": ADMIN, **NEW, "has_python": True}, "passed"),
    ],
)
def test_the_worst_test_is_the_status_of_all(found: dict[str, t.Any], status: str) -> None:
    assert evaluate(Facts(**found))["status"] == status
