# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Detection and masking of secrets in results and arguments.

Ansible replaces every text of a result that equals a secret, and every part that does. A common word as a password
would garble results, which contain no secret anyway. So arguments are masked by name, and only distinctive secrets are
searched for.
"""

from __future__ import annotations

import json
import re
import typing as t

MASK = "********"

# Immuta returns "<REDACTED>" for a Redshift login and "REDACTED" for a Databricks token
# (Immuta's documentation, "Configure a Redshift Integration", the replies of GET).
_REDACTED = re.compile(r"[<\[]?REDACTED[>\]]?")

# In lower-case names without separators.
_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase|code)|pwd|secret|token|credential|authorization|cookie|connectionstring|connstr|keytab"
    r"|(?:api|access|private|account|signing|encryption|shared|master)key"
)

# AWS's documentation, "Manage access keys for IAM users": the id of an access key is not secret, and logs show it.
_KEY_ID = re.compile(r"(?:aws)?accesskeyid")

_SECRET_WORDS = {"pass", "key", "dsn", "sas", "bearer", "jwt", "pem"}

# Names with "key" that are no secrets.
_OPEN_KEYS = {"public", "primary", "foreign", "partition", "sort", "dist", "distribution"}

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def is_redacted(value: t.Any) -> bool:
    """Return whether ``value`` is Immuta's placeholder for a secret."""
    return isinstance(value, str) and _REDACTED.fullmatch(value) is not None


def is_secret_name(name: str) -> bool:
    """Return whether a name, in camelCase, snake_case or kebab-case, is that of a secret."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    if _KEY_ID.fullmatch(plain):
        return False
    if _SECRET_NAME.search(plain):
        return True
    words = [word.lower() for word in _WORD.findall(name)]
    return bool(words) and words[-1] in _SECRET_WORDS and not _OPEN_KEYS.intersection(words[:-1])


def masked(document: t.Any) -> t.Any:
    """Return a copy of ``document`` with masked secrets. Values that Immuta redacted stay unchanged."""
    if isinstance(document, dict):
        return {
            name: MASK if _hides(name, value) and not is_redacted(value) else masked(value)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [masked(item) for item in document]
    return without_login(document) if isinstance(document, str) else document


def secret_values(document: t.Any) -> list[str]:
    """Return every text in ``document`` under the name of a secret."""
    if isinstance(document, dict):
        found = []
        for name, value in document.items():
            found += _texts(value) if _hides(name, value) else secret_values(value)
        return found
    if isinstance(document, list):
        return [text for item in document for text in secret_values(item)]
    return []


def scrub(document: t.Any, secrets: t.Iterable[str]) -> t.Any:
    """Return a copy of ``document`` with ``secrets`` replaced in every text, also in their JSON spelling.

    A common word is replaced only after the name of a secret. Anywhere else, the mask would garble the text and reveal
    the secret by its position.
    """
    secrets = [secret for secret in secrets if secret]
    rare = distinctive(secrets)
    spellings = {spelling for secret in rare for spelling in (secret, json.dumps(secret)[1:-1])}
    common = sorted(map(re.escape, set(secrets) - rare), key=len, reverse=True)
    named = re.compile(_AFTER_NAME.format("|".join(common)), re.IGNORECASE) if common else None
    return _scrubbed(document, sorted(spellings, key=len, reverse=True), named)


_AFTER_NAME = (
    r"((?:pass(?:word|wd|phrase|code)?|pwd|secret|token|key|credentials?)[\"'`]?\s*(?:[:=]|is|was)?\s*[\"'`(]*)"
    r"(?:{})(?!\w)"
)


def _scrubbed(document: t.Any, secrets: list[str], named: re.Pattern[str] | None) -> t.Any:
    if isinstance(document, str):
        for secret in secrets:
            document = document.replace(secret, MASK)
        return named.sub(rf"\1{MASK}", document) if named else document
    if isinstance(document, dict):
        return {name: _scrubbed(value, secrets, named) for name, value in document.items()}
    if isinstance(document, list):
        return [_scrubbed(item, secrets, named) for item in document]
    return document


def _hides(name: t.Any, value: t.Any) -> bool:
    return isinstance(name, str) and is_secret_name(name) and not isinstance(value, bool) and value not in (None, "")


def _texts(value: t.Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

# The text of an address before its last "@", and the text before the login.
_LOGIN = re.compile(r"((?:[A-Za-z][\w+.-]*:)?//)(.*)@", re.DOTALL)

_BARE_LOGIN = re.compile(r"()(.*)@", re.DOTALL)

# The text after an "@" in the path: a host and an optional port.
_HOST_AND_PATH = re.compile(r"[^/:@]*(?::\d*)?/")


# Shorter texts, and those of one kind of characters, are words and numbers that occur in results anyway.
_DISTINCTIVE_LENGTH = 8

_KINDS = ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9_]")


def distinctive(secrets: t.Iterable[str]) -> set[str]:
    """Return the ``secrets`` that do not occur in texts by chance."""
    return {
        secret
        for secret in secrets
        if len(secret) >= _DISTINCTIVE_LENGTH and sum(bool(re.search(kind, secret)) for kind in _KINDS) > 1
    }


def telling_words(secrets: t.Iterable[str], document: t.Any) -> set[str]:
    """Return the ``secrets`` that are not `distinctive` but occur in texts only within longer words.

    A secret that ``document`` also has as a public value, such as a user name, is excluded.
    """
    shown = _shown_texts(document)
    return {
        secret
        for secret in set(secrets) - distinctive(secrets) - shown
        if len(secret) >= _LONG_WORD
        or (len(secret) >= _SHORT_WORD and sum(bool(re.search(kind, secret)) for kind in _KINDS) > 1)
    }


_SHORT_WORD, _LONG_WORD = 4, 12


def _shown_texts(document: t.Any) -> set[str]:
    """Return every text in ``document`` that is not under the name of a secret."""
    if isinstance(document, dict):
        shown = [value for name, value in document.items() if not _hides(name, value)]
        return set().union(*map(_shown_texts, shown)) if shown else set()
    if isinstance(document, list):
        return set().union(*map(_shown_texts, document)) if document else set()
    return {document} if isinstance(document, str) else set()


def without_login(text: str, is_address: bool = False) -> str:
    """Return a text with the password of its address masked; with ``is_address``, also without ``//``."""
    return _split_login(text, is_address)[0]


def _split_login(text: str, is_address: bool = False) -> tuple[str, str]:
    """Return a text without the password of its address, and the password. A lone user name can be a password."""
    found = _LOGIN.search(text) or (_BARE_LOGIN.match(text) if is_address else None)
    if found is None or _HOST_AND_PATH.match(found[2]):
        return text, ""
    user, colon, password = found[2].partition(":")
    shown = f"{user}:{MASK}" if colon else MASK
    return f"{text[: found.start(2)]}{shown}{text[found.end(2) :]}", password if colon else user


def hidden_values(params: t.Mapping[str, t.Any]) -> list[str]:
    """Return secrets in options outside their specs: in ``config``, or in an address by mistake."""
    url = params.get("url")
    password = _split_login(url, is_address=True)[1] if isinstance(url, str) else ""
    return [*secret_values(params.get("config")), *([password] if password else [])]


def shown_arguments(spec: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the arguments of a task for a log or a result; ``spec`` is their argument spec.

    They may be invalid. A value of an unknown option, or of another type than a required dict, can be a secret and is
    masked.
    """
    return {name: _shown(spec.get(name, {"no_log": True}), name, value) for name, value in params.items()}


def _shown(option: t.Mapping[str, t.Any], name: str, value: t.Any) -> t.Any:
    if value is None:
        return None
    is_of_type = option.get("type") != "dict" or isinstance(value, dict)
    if option.get("no_log") or not is_of_type:
        return HIDDEN
    if name == "url" and isinstance(value, str):
        return re.sub(r"\?.*", f"?{MASK}", without_login(value, is_address=True), flags=re.DOTALL)
    suboptions = option.get("options")
    if suboptions is None or not isinstance(value, dict):
        return masked(value)
    by_alias = {alias: known for known in suboptions.values() for alias in known.get("aliases", [])}
    return shown_arguments({**suboptions, **by_alias}, value)
