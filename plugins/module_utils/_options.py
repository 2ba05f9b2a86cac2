# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The argument specs that the modules share."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import env_fallback

Spec = dict[str, dict[str, t.Any]]


def immuta_spec() -> Spec:
    """How to reach and authenticate at a tenant: the options of action group ``immuta``."""
    return {
        "url": {"type": "str", "required": True, "fallback": (env_fallback, ["IMMUTA_URL"])},
        "api_key": {"type": "str", "required": True, "no_log": True, "fallback": (env_fallback, ["IMMUTA_API_KEY"])},
        "auth_scheme": {
            "type": "str",
            "choices": ["api_key", "bearer"],
            "default": "api_key",
            "fallback": (env_fallback, ["IMMUTA_AUTH_SCHEME"]),
        },
        "validate_certs": {"type": "bool", "default": True, "fallback": (env_fallback, ["IMMUTA_VALIDATE_CERTS"])},
        "ca_path": {"type": "path", "fallback": (env_fallback, ["IMMUTA_CA_PATH"])},
        "use_proxy": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 60},
        "retries": {"type": "int", "default": 3},
    }


def config_spec() -> Spec:
    """The API's ``config`` object in snake_case, each key with its API name as an alias."""
    return {
        "host": {"type": "str"},
        "port": {"type": "int"},
        "database": {"type": "str"},
        "initial_database": {"type": "str", "aliases": ["initialDatabase"]},
        "authentication_type": {
            "type": "str",
            "choices": ["userPassword", "okta"],
            "aliases": ["authenticationType"],
        },
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "okta": {
            "type": "dict",
            "options": {
                "username": {"type": "str"},
                "password": {"type": "str", "no_log": True},
                "app_id": {"type": "str", "aliases": ["appId"]},
                "idp_host": {"type": "str", "aliases": ["idpHost"]},
                "role": {"type": "str"},
            },
        },
        "impersonation": {
            "type": "dict",
            "options": {"enabled": {"type": "bool"}, "role": {"type": "str"}},
        },
        "extra": {"type": "dict"},
    }


def wait_spec() -> Spec:
    """Whether and how long to wait until an integration has settled; seconds."""
    return {
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 600},
        "wait_sleep": {"type": "float", "default": 5},
    }


def login_spec() -> Spec:
    """How to log in to Redshift: the options of action group ``redshift``."""
    return {
        "login_host": {"type": "str", "fallback": (env_fallback, ["REDSHIFT_HOST"])},
        "login_port": {"type": "int", "default": 5439, "fallback": (env_fallback, ["REDSHIFT_PORT"])},
        "login_user": {"type": "str", "fallback": (env_fallback, ["REDSHIFT_USER"])},
        "login_password": {"type": "str", "no_log": True, "fallback": (env_fallback, ["REDSHIFT_PASSWORD"])},
        "login_db": {"type": "str", "required": True, "fallback": (env_fallback, ["REDSHIFT_DB"])},
        "auth_method": {"type": "str", "choices": ["password", "iam", "okta"], "default": "password"},
        "cluster_identifier": {"type": "str"},
        "workgroup": {"type": "str"},
        "region": {"type": "str"},
        "profile": {"type": "str"},
        "db_user": {"type": "str"},
        "idp_host": {"type": "str"},
        "app_id": {"type": "str"},
        "app_name": {"type": "str"},
        "preferred_role": {"type": "str"},
        "ssl_mode": {"type": "str", "choices": ["verify-full", "verify-ca", "disable"], "default": "verify-full"},
        "ca_path": {"type": "path"},
        "connect_timeout": {"type": "int", "default": 30},
        "connect_retries": {"type": "int", "default": 3},
        "statement_timeout": {"type": "int", "default": 600},
        "driver": {"type": "str", "choices": ["redshift_connector", "psycopg"], "default": "redshift_connector"},
    }


def integration_arguments() -> dict[str, t.Any]:
    """The arguments of ``immuta_redshift_integration``, as AnsibleModule and an action plugin take them."""
    return {
        "argument_spec": {
            **immuta_spec(),
            **wait_spec(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "id": {"type": "str"},
            "auto_bootstrap": {"type": "bool"},
            "config": {"type": "dict", "options": config_spec()},
            "update_secrets": {
                "type": "str",
                "choices": ["on_create", "always"],
                "default": "on_create",
                "no_log": False,
            },
        },
        "required_if": [("state", "present", ["auto_bootstrap", "config"])],
        "required_one_of": [("id", "config")],
    }


def script_arguments() -> dict[str, t.Any]:
    """The arguments of ``immuta_integration_script``."""
    return {
        "argument_spec": {
            **immuta_spec(),
            "script": {
                "type": "str",
                "choices": ["initial_create", "create", "edit", "delete", "cleanup"],
                "required": True,
            },
            "id": {"type": "str"},
            "config": {"type": "dict", "options": config_spec()},
            "dest": {"type": "path", "required": True},
            "make_folder": {"type": "bool", "default": False},
            "mode": {"type": "raw", "default": "0600"},
            "backup": {"type": "bool", "default": False},
        },
        "required_if": [
            ("script", "initial_create", ["config"]),
            ("script", "create", ["config"]),
            ("script", "edit", ["id", "config"]),
            ("script", "delete", ["id"]),
            ("script", "cleanup", ["config"]),
        ],
    }


def info_arguments() -> dict[str, t.Any]:
    """The arguments of ``immuta_integration_info``."""
    return {
        "argument_spec": {
            **immuta_spec(),
            "id": {"type": "str"},
            "type": {"type": "str"},
            "host": {"type": "str"},
            "status": {"type": "list", "elements": "str"},
        },
    }


def redshift_script_arguments() -> dict[str, t.Any]:
    """The arguments of ``redshift_script``."""
    return {
        "argument_spec": {
            **login_spec(),
            "path": {"type": "path", "required": True},
            "creates": {
                "type": "dict",
                "options": {
                    kind: {"type": "list", "elements": "str"} for kind in ("database", "schema", "user", "group")
                },
            },
            "transaction": {"type": "str", "choices": ["auto", "single", "none"], "default": "auto"},
            "remove": {"type": "bool", "default": False},
            "on_existing": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
            "on_missing": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
        },
    }


def redshift_info_arguments() -> dict[str, t.Any]:
    """The arguments of ``redshift_info``."""
    return {
        "argument_spec": {
            **login_spec(),
            "database": {"type": "str"},
            "schemas": {"type": "list", "elements": "str"},
            "users": {"type": "list", "elements": "str"},
            "groups": {"type": "list", "elements": "str"},
            "single_database": {"type": "bool", "default": False},
            "system_user": {"type": "str"},
            "impersonation_role": {"type": "str"},
        },
    }
