# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""What of a task's arguments may be shown, and which texts Ansible shall hide wherever they stand.

Ansible replaces every text of a result that equals a secret, and every part that does. A password that is a common word
would so garble a result that holds no secret, since results are made without any. The arguments are hidden by their
names instead, and only secrets that are not met by chance are looked for.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._secrets import MASK, masked, secret_values

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
# A password in an address, or the only name there.
_LOGIN = re.compile(r"(//[^/@]*?)([^/:@]+)@")
# Shorter texts, and those of one kind of characters, are words and numbers that a result holds anyway.
_DISTINCTIVE_LENGTH = 8
_KINDS = ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9_]")


def distinctive(secrets: t.Iterable[str]) -> set[str]:
    """Those of ``secrets`` that stand nowhere by chance."""
    return {
        secret
        for secret in secrets
        if len(secret) >= _DISTINCTIVE_LENGTH and sum(bool(re.search(kind, secret)) for kind in _KINDS) > 1
    }


def hidden_values(params: t.Mapping[str, t.Any]) -> list[str]:
    """The secrets among the options that their specs do not know: in ``config.extra``, and in an address by mistake."""
    login = _LOGIN.search(params.get("url") or "")
    return [*secret_values((params.get("config") or {}).get("extra")), *([login[2]] if login else [])]


def shown_arguments(spec: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The arguments of a task as a result may show them; ``spec`` is their argument spec."""
    return {name: _shown(spec.get(name, {}), name, value) for name, value in params.items()}


def _shown(option: t.Mapping[str, t.Any], name: str, value: t.Any) -> t.Any:
    if option.get("no_log") and value is not None:
        return HIDDEN
    if name == "url" and value:
        return _LOGIN.sub(rf"\1{MASK}@", value)
    if isinstance(value, dict):
        suboptions = option.get("options")
        if suboptions is None:
            return masked(value)
        by_alias = {alias: known for known in suboptions.values() for alias in known.get("aliases", [])}
        return shown_arguments({**suboptions, **by_alias}, value)
    return value
