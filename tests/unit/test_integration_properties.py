# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of all records and all desired integrations."""

from __future__ import annotations

import json
import typing as t

from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    MASK,
    is_redacted,
    is_secret_name,
    masked,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import Desired, check_config
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import (
    Decision,
    decide,
    differences,
    for_display,
)
from tests.support.documents import HOST, Record, anything, records
from tests.support.standin.payload import checked

PASSWORD = "Sy5tem-Pa55word"


def subsets(settings: dict[str, st.SearchStrategy[t.Any]]) -> st.SearchStrategy[dict[str, t.Any]]:
    return st.fixed_dictionaries({}, optional=settings)


def wishes() -> st.SearchStrategy[Desired]:
    text = st.sampled_from(("x", "X", "y"))
    login = {"username": text, "password": st.just(PASSWORD)}
    okta = {**login, "appId": text, "role": text, "idpHost": st.sampled_from(("a.okta.com", "A.okta.com"))}
    credentials = st.one_of(
        st.fixed_dictionaries({"authenticationType": st.just("userPassword"), **login}),
        st.fixed_dictionaries({"authenticationType": st.just("okta"), "okta": st.fixed_dictionaries(okta)}),
        subsets({**login, "okta": subsets(okta)}),
    )
    config = subsets(
        {
            "port": st.sampled_from((5439, 5440)),
            "database": st.sampled_from(("immuta", "Immuta")),
            "initialDatabase": st.sampled_from(("dev", "DEV", "other")),
            "impersonation": subsets({"enabled": st.booleans(), "role": st.sampled_from(("a", "B"))}),
        }
    )
    more = subsets({name: st.integers(0, 2) | st.lists(st.integers(0, 2), max_size=2) for name in "ab"})
    extra = subsets({"more": more | st.just("text"), "flag": st.booleans(), "apiKey": st.just(PASSWORD)})
    return st.builds(
        lambda settings, login, extra, always: Desired(
            "present", None, False, {"host": HOST, **settings, **login}, extra, update_secrets=always
        ),
        config,
        credentials,
        extra,
        st.booleans(),
    )


def decided(record: Record | None, desired: Desired) -> Decision:
    """Return the decision, if there is one."""
    try:
        check_config(desired, complete=False)
        return decide(record, desired)
    except InputError:
        assume(False)
        raise


def leaves(document: t.Any, names: tuple[str, ...] = ()) -> t.Iterator[tuple[tuple[str, ...], t.Any]]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield from leaves(value, (*names, name))
    elif isinstance(document, list):
        for value in document:
            yield from leaves(value, names)
    else:
        yield names, document


def redacted(config: t.Any) -> t.Any:
    """Return settings as Immuta shows them."""
    if isinstance(config, dict):
        return {
            name: "<REDACTED>" if is_secret_name(name) or name == "username" else redacted(value)
            for name, value in config.items()
        }
    return config


redshift = records().map(lambda record: {**record, "id": str(record["id"]), "type": "Redshift", "autoBootstrap": False})


def creations() -> st.SearchStrategy[dict[str, t.Any]]:
    """Generate settings that are complete for a creation."""
    text = st.text(min_size=1, max_size=9)
    login = {"username": text, "password": text}
    okta = st.fixed_dictionaries({**login, "appId": text, "role": text, "idpHost": st.just("a.okta.com")})
    user_password = st.fixed_dictionaries({"authenticationType": st.just("userPassword"), **login})
    return st.builds(
        lambda settings, more, credentials: {"host": HOST, **settings, **more, **credentials},
        st.fixed_dictionaries({"database": text, "initialDatabase": text}),
        subsets({"port": st.integers(-1, 70000), "impersonation": subsets({"enabled": st.booleans(), "role": text})}),
        user_password | st.fixed_dictionaries({"authenticationType": st.just("okta"), "okta": okta}),
    )


@given(config=creations(), automatic=st.booleans())
def test_creation_is_refused_or_documented(config: dict[str, t.Any], automatic: bool) -> None:
    """Immuta's documentation, "Integration Configuration Payload", as the stand-in checks it."""
    desired = Desired("present", None, automatic, config, {}, update_secrets=False)
    try:
        check_config(desired, complete=True)
    except InputError:
        return
    body = t.cast(Record, decide(None, desired).payload)

    assert checked(body)["autoBootstrap"] == automatic
    assert body["config"] == config


@given(record=redshift | st.none(), desired=wishes())
def test_sent_settings_equal_desired_settings(record: Record | None, desired: Desired) -> None:
    decision = decided(record, desired)
    assume(decision.action in ("create", "update"))
    body = t.cast(Record, decision.payload)

    after = {"id": "1", "status": "enabled", **body, "config": redacted(body["config"])}

    assert not [names for names, value in leaves(body) if is_redacted(value)]
    assert differences(after, desired) == []
    again = decide(after, desired)
    assert again.action == ("update" if desired.update_secrets else "none")


@given(record=redshift | st.none(), desired=wishes())
def test_decision_shows_no_secret(record: Record | None, desired: Desired) -> None:
    decision = decided(record, desired)
    said = json.dumps([decision.before, decision.after, decision.differences, decision.warnings]) + repr(decision)
    assert PASSWORD not in said
    assert PASSWORD not in repr(desired)
    assert decision.changed == (decision.payload is not None or decision.action == "delete")
    if not decision.changed:
        assert decision.before == decision.after


@given(record=redshift, desired=wishes())
def test_change_keeps_unset_options(record: Record, desired: Desired) -> None:
    decision = decided(record, desired)
    assume(decision.action == "update")
    sent = t.cast(Record, decision.payload)["config"]
    asked = {**desired.config, **desired.extra}
    credentials = {"authenticationType", "username", "password", "okta"}
    for name, value in record["config"].items():
        if name not in asked and name not in credentials:
            kept = [(names, leaf) for names, leaf in leaves(value) if not is_redacted(leaf)]
            assert list(leaves(sent[name])) == kept


names = st.sampled_from(("password", "apiKey", "secret_key", "accessToken", "host", "role")) | st.text(max_size=3)
documents = st.recursive(
    anything("hush"), lambda inner: st.dictionaries(names, inner, max_size=4) | st.lists(inner, max_size=3)
)


@given(document=documents)
def test_values_with_secret_names_are_hidden(document: t.Any) -> None:
    for path, value in leaves(masked(document)):
        if any(is_secret_name(name) for name in path):
            assert value in (MASK, None, "") or isinstance(value, bool) or is_redacted(value)
    # As text, because NaN is not equal to itself.
    assert repr(masked(masked(document))) == repr(masked(document))
    shown, again = ({"config": {"any": value}} for value in (document, masked(document)))
    assert repr(for_display(shown)) == repr(for_display(again))
