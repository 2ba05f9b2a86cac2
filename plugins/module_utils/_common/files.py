# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Files with secrets, written atomically and readable only by their owner."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
)


def file_mode(value: t.Any) -> int:
    """Return the file mode from octal text or a number. Raise InputError for a world-readable one."""
    number = value
    if isinstance(value, str) and re.fullmatch(r"(0o?)?[0-7]{3}", value):
        number = int(value[-3:], 8)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 0o777:
        raise InputError(f"The option mode is {value}: set it to octal text such as '0600'.")
    if number & 0o007 or not number & 0o400:
        raise InputError(
            f"The mode {number:#o} is not allowed for a script, which contains a password: let the owner read it, "
            "and give others no permissions."
        )
    return number


def write_file(path: str, content: bytes, mode: int) -> None:
    """Write ``content`` atomically, and delete temporary copies of killed processes.

    Raise InputError if the directory is not writable, or for a path that is no file: root would replace ``/dev/null``.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError(f"The file {path} cannot be written: it is a directory or a device. Set the path of a file.")
    directory, name = os.path.split(path)
    part = os.path.join(directory, f".{name}.{os.getpid()}.part")
    try:
        for leftover in _leftovers(directory, name):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(leftover)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.replace(part, path)
        except OSError:
            os.unlink(part)
            raise
    except OSError as error:
        raise InputError(f"The file {path} cannot be written: {error.strerror}.") from error


def delete_file(path: str, dry_run: bool) -> bool:
    """Delete the file and temporary copies of killed processes; return whether any existed.

    Raise InputError if a file cannot be deleted.
    """
    directory, name = os.path.split(path)
    try:
        found = [path] if os.path.lexists(path) else []
        if os.path.isdir(directory):
            found += _leftovers(directory, name)
        for entry in found if not dry_run else ():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(entry)
    except OSError as error:
        raise InputError(f"The file {path} cannot be deleted: {error.strerror}.") from error
    return bool(found)


def _leftovers(directory: str, name: str) -> list[str]:
    """Return the temporary copies of a file from processes that ended."""
    pattern = re.compile(re.escape(f".{name}.") + r"(\d{1,9})\.part")
    matches = [match for match in map(pattern.fullmatch, os.listdir(directory)) if match]
    return [os.path.join(directory, match[0]) for match in matches if not _is_alive(int(match[1]))]


def _is_alive(pid: int) -> bool:
    """Return whether another process has that number. This process has no earlier attempt."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def create_parents(path: str) -> None:
    """Create the directory and its parents, accessible only to their owner. Raise InputError on failure."""
    if not os.path.isdir(path):
        create_parents(os.path.dirname(path))
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)
        except OSError as error:
            raise InputError(f"The directory {path} cannot be created: {error.strerror}.") from error


def check_dest(dest: str, creates_parents: bool) -> None:
    """Raise InputError unless a file can be written to ``dest``."""
    directory = os.path.dirname(dest)
    if os.path.exists(dest) and not os.path.isfile(dest):
        raise InputError(f"The dest {dest} is not a file: set the path of a file.")
    if creates_parents and not os.path.exists(directory):
        return
    if not os.path.isdir(directory):
        raise InputError(f"The directory {directory} of dest does not exist: create it first, with mode 0700.")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise InputError(f"The directory {directory} of dest cannot be written: choose another, or run as its owner.")


def read_if_exists(path: str) -> bytes | None:
    """Return the content of the file, or None if it does not exist. Raise InputError if it is unreadable."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"The file {path} cannot be read for comparison: {error.strerror}.") from error
