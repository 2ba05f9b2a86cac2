# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count the steps of processing a text: lines of Python, and steps of a backtracking regular expression engine.

Time on a shared machine is unreliable, and an exponential pattern does not even end. So each pattern also runs in the
simple engine below, which tries the same alternatives in the same order as Python's and can be stopped.
"""

from __future__ import annotations

import functools
import re
import sys
import types
import typing as t

try:
    from re import _constants as sre
    from re import _parser as parser
except ImportError:  # before Python 3.11
    import sre_constants as sre
    import sre_parse as parser

LIMIT = 5_000_000

Nodes = t.Sequence[tuple[t.Any, t.Any]]


class TooManyStepsError(Exception):
    """A text that exceeds the limit of steps."""


class Steps:
    """A counter as a context manager, for the lines and patterns of ``module``s."""

    def __init__(self, *modules: types.ModuleType) -> None:
        self.count = 0
        self._modules = modules
        self._files = {module.__file__ for module in modules}
        self._kept: list[tuple[types.ModuleType, str, t.Any]] = []

    def add(self, number: int = 1) -> None:
        self.count += number
        if self.count > LIMIT:
            raise TooManyStepsError

    def __enter__(self) -> Steps:
        for module in self._modules:
            for name, value in list(vars(module).items()):
                counted = self._counted(value)
                if counted is not value:
                    self._kept.append((module, name, value))
                    setattr(module, name, counted)
        sys.settrace(lambda frame, event, arg: self._line if frame.f_code.co_filename in self._files else None)
        return self

    def __exit__(self, *unused: object) -> None:
        sys.settrace(None)
        for module, name, value in self._kept:
            setattr(module, name, value)

    def _line(self, frame: types.FrameType, event: str, arg: object) -> t.Any:
        self.add()
        return self._line

    def _counted(self, value: t.Any) -> t.Any:
        if isinstance(value, re.Pattern):
            return CountedPattern(value, self)
        if isinstance(value, tuple) and hasattr(value, "_replace"):
            return type(value)(*map(self._counted, value))
        return value


@functools.cache
def _nodes(pattern: re.Pattern[str]) -> Nodes:
    return parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE).data


class CountedPattern:
    """A pattern with its normal results that counts the steps."""

    def __init__(self, pattern: re.Pattern[str], steps: Steps) -> None:
        self._pattern = pattern
        self._steps = steps
        self._nodes = _nodes(pattern)
        self._ignores_case = bool(pattern.flags & re.IGNORECASE)
        self._known: dict[tuple[t.Any, int, str], bool] = {}

    def match(self, text: str, *bounds: int) -> re.Match[str] | None:
        self._attempt(text, *bounds)
        return self._pattern.match(text, *bounds)

    def fullmatch(self, text: str, *bounds: int) -> re.Match[str] | None:
        self._attempt(text, *bounds)
        return self._pattern.fullmatch(text, *bounds)

    def search(self, text: str, *bounds: int) -> re.Match[str] | None:
        return next(self.finditer(text, *bounds), None)

    def finditer(self, text: str, *bounds: int) -> t.Iterator[re.Match[str]]:
        position, end = (*bounds, 0)[0], (*bounds[1:], len(text))[0]
        for match in self._pattern.finditer(text, *bounds):
            for start in range(position, match.start() + 1):
                self._attempt(text, start, end)
            position = max(match.end(), match.start() + 1)
            yield match
        for start in range(position, end + 1):
            self._attempt(text, start, end)

    def findall(self, text: str) -> list[t.Any]:
        return [match[0] for match in self.finditer(text)]

    def sub(self, replacement: t.Any, text: str) -> str:
        list(self.finditer(text))
        return self._pattern.sub(replacement, text)

    def _attempt(self, text: str, position: int = 0, end: int | None = None) -> None:
        next(self._ends(self._nodes, text[:end] if end is not None and end < len(text) else text, position), None)

    def _ends(self, nodes: Nodes, text: str, position: int) -> t.Iterator[int]:
        """Yield the ends of matches of the nodes, in the order of Python's engine."""
        self._steps.add()
        if not nodes:
            yield position
            return
        (kind, argument), rest = nodes[0], nodes[1:]
        if kind is sre.MAX_REPEAT and len(argument[2]) == 1 and argument[2][0][0] in CHARACTERS:
            places: t.Iterable[int] = self._run(argument, text, position)
        elif kind is sre.MAX_REPEAT:
            places = self._repeated(argument, text, position)
        elif kind is sre.SUBPATTERN:
            places = self._ends(argument[3].data, text, position)
        elif kind is sre.BRANCH:
            places = (end for branch in argument[1] for end in self._ends(branch.data, text, position))
        elif kind in CHARACTERS:
            places = [position + 1] if self._fits((kind, argument), text, position) else []
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            direction, inner = argument
            start = position if direction > 0 else position - inner.getwidth()[0]
            holds = start >= 0 and next(self._ends(inner.data, text, start), None) is not None
            places = [position] if holds == (kind is sre.ASSERT) else []
        elif kind is sre.AT:
            places = [position] if self._is_at(argument, text, position) else []
        else:
            raise NotImplementedError(kind)
        for place in places:
            yield from self._ends(rest, text, place)

    def _run(self, argument: tuple[int, int, Nodes], text: str, position: int) -> t.Iterator[int]:
        low, high, (node,) = argument
        end = position
        while end - position < high and self._fits(node, text, end):
            end += 1
        for place in range(end, position + low - 1, -1):
            self._steps.add()
            yield place

    def _repeated(self, argument: tuple[int, int, Nodes], text: str, position: int) -> t.Iterator[int]:
        low, high, body = argument[0], argument[1], argument[2].data
        stack = [(position, self._ends(body, text, position))]
        while stack:
            start, further = stack[-1]
            end = next(further, None) if len(stack) <= high else None
            if end is not None and end != start:
                stack.append((end, self._ends(body, text, end)))
                continue
            stack.pop()
            if len(stack) >= low:
                yield start

    def _fits(self, node: tuple[t.Any, t.Any], text: str, position: int) -> bool:
        self._steps.add()
        if position >= len(text):
            return False
        # The nodes live as long as the pattern, so an id is unique.
        key = node[0], id(node[1]), text[position]
        if key not in self._known:
            character = text[position]
            forms = {character, character.lower(), character.upper()} if self._ignores_case else {character}
            self._known[key] = any(fits(node, form) for form in forms)
        return self._known[key]

    @staticmethod
    def _is_at(place: t.Any, text: str, position: int) -> bool:
        if place is sre.AT_BOUNDARY:
            around = [bool(re.match(r"\w", side)) for side in (text[position - 1 : position], text[position:][:1])]
            return around[0] != around[1]
        return place is sre.AT_END_STRING and position == len(text)


CHARACTERS = {sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY}
CATEGORIES = {
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
    sre.CATEGORY_DIGIT: r"\d",
}


def fits(node: tuple[t.Any, t.Any], character: str) -> bool:
    kind, argument = node
    if kind is sre.LITERAL:
        return ord(character) == argument
    if kind is sre.NOT_LITERAL:
        return ord(character) != argument
    if kind is sre.RANGE:
        return argument[0] <= ord(character) <= argument[1]
    if kind is sre.CATEGORY:
        return re.match(CATEGORIES[argument], character) is not None
    if kind is sre.IN:
        negated = argument[0][0] is sre.NEGATE
        return any(fits(part, character) for part in argument[negated:]) != negated
    return True
