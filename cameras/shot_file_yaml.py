"""YAML with line numbers, and only as much of YAML as a file for people needs.

Scalars are read by YAML 1.2's core rules (``no`` is a word, ``1e3`` a number; yaml.org/spec/1.2.2, section 10.3), so
that JSON is read as JSON. Aliases, tags, repeated keys and further documents are refused, and so is whatever is too
large or too deep: a file cannot make its reader work for longer than its size lets one expect.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

from .errors import InputError

MAX_BYTES = 2 * 1024 * 1024
"""Shots of a day's film are far smaller."""
MAX_DEPTH = 32

Scalar: TypeAlias = str | float | int | bool | None

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
# Longer integers are read as floats: no file needs them, and Python refuses the longest.
_INTEGER = re.compile(r"[-+]?\d{1,18}")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True)
class Node:
    """A value and the line, from 1, on which it or its key stands."""

    line: int
    value: "Scalar | tuple[Node, ...] | dict[str, Node]"

    def plain(self) -> object:
        """The value without lines: dictionaries, tuples and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return tuple(node.plain() for node in self.value)
        return self.value

    def json(self) -> object:
        """The value without lines as JSON's own types: `plain` with lists."""
        if isinstance(self.value, dict):
            return {key: node.json() for key, node in self.value.items()}
        return [node.json() for node in self.value] if isinstance(self.value, tuple) else self.value

    def nearest(self, keys: tuple[str | int, ...]) -> "tuple[Node, int]":
        """The node that keys and item numbers lead to, or the last on the way that is there; and how many led on."""
        node = self
        for count, key in enumerate(keys):
            found: Node | None = None
            if isinstance(node.value, dict) and isinstance(key, str):
                found = node.value.get(key)
            elif isinstance(node.value, tuple) and isinstance(key, int) and key < len(node.value):
                found = node.value[key]
            if found is None:
                return node, count
            node = found
        return node, len(keys)


def read_yaml(file: Path) -> Node:
    """Reads a file of YAML or JSON.

    Raises:
        InputError: if it is missing, no UTF-8, too large, no YAML, or more of YAML than the module's text allows.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"the shot file {file} cannot be read ({error.strerror}); check its name") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{file} has over {MAX_BYTES // 2**20} MiB, too much for a shot file; give a list of shots")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{file}, line {line}: wanted text in UTF-8, found other bytes; save it as UTF-8") from error
    return parse_yaml(text, file)


def parse_yaml(text: str, file: Path) -> Node:
    """See `read_yaml`; the file is for messages."""
    import yaml

    if text.lstrip().startswith("{"):
        # JSON may be indented by tabs, which YAML forbids; neither allows them inside a quoted text of JSON.
        text = text.replace("\t", " ")
    try:
        return _Builder(file).build(cast(Any, yaml).parse(text, Loader=yaml.SafeLoader))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(
            f"{file}, line {line}: wanted readable text, found the character {ord(text[error.position]):#06x}; "
            "remove it"
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        why = " ".join(filter(None, (error.context, error.problem)))
        raise InputError(f"{file}, line {line}: wanted YAML, but it breaks off here ({why}); correct it") from error


def is_word(text: str) -> bool:
    """Whether a text without quotes is read as itself."""
    return text not in _WORDS and not _NUMBER.fullmatch(text) and not _INFINITE.fullmatch(text)


class _Builder:
    """Builds a tree from YAML's events, without recursion."""

    def __init__(self, file: Path) -> None:
        self._file = file
        # Containers that are still open, innermost last: its line, its items or its entries and the key that waits.
        self._open: list[_Container] = []
        self._root: Node | None = None

    def build(self, events: "Iterator[object]") -> Node:
        import yaml

        for event in events:
            if isinstance(event, yaml.AliasEvent):
                raise self._error(event.start_mark.line, f"aliases such as *{event.anchor} are not read; repeat it")
            if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) is not None:
                raise self._error(event.start_mark.line, "tags such as !this are not read; leave it out")
            if isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
                raise self._error(event.start_mark.line, "a second document begins; a shot file is one")
            if isinstance(event, yaml.ScalarEvent):
                is_plain = event.style is None
                self._add(event.start_mark.line, self._scalar(event.value, is_plain, event.start_mark.line))
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(self._open) >= MAX_DEPTH:
                    raise self._error(event.start_mark.line, f"values are nested over {MAX_DEPTH} deep; flatten them")
                self._check_key(event.start_mark.line, None)
                is_mapping = isinstance(event, yaml.MappingStartEvent)
                self._open.append(_Container(event.start_mark.line, is_mapping, [], {}))
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                done = self._open.pop()
                self._add(done.line, done.entries if done.is_mapping else tuple(done.items))
        if self._root is None:
            raise self._error(0, "the file is empty; write a list of shots")
        return self._root

    def _add(self, line: int, value: "Scalar | tuple[Node, ...] | dict[str, Node]") -> None:
        if not self._open:
            self._root = Node(line + 1, value)
            return
        holder = self._open[-1]
        if not holder.is_mapping:
            holder.items.append(Node(line + 1, value))
        elif holder.key is not None:
            name, key_line = holder.key
            holder.entries[name], holder.key = Node(key_line, value), None
        else:
            self._check_key(line, value)

    def _check_key(self, line: int, key: object) -> None:
        """Takes a value as the next key, if a key is due; a container (None) is none."""
        if not self._open or not self._open[-1].is_mapping or self._open[-1].key is not None:
            return
        holder = self._open[-1]
        if isinstance(key, bool) or not isinstance(key, str | int | float):
            raise self._error(line, "a key must be a word; put it into quotes if it is meant")
        name = key if isinstance(key, str) else f"{key:g}"
        if name in holder.entries:
            raise self._error(
                line, f"the key {name} is there twice, first in line {holder.entries[name].line}; leave one"
            )
        holder.key = (name, line + 1)

    def _scalar(self, text: str, is_plain: bool, line: int) -> Scalar:
        if is_plain:
            if text in _WORDS:
                return _WORDS[text]
            if is_word(text):
                return text
            return int(text) if _INTEGER.fullmatch(text) else float(text.lower().replace(".inf", "inf"))
        try:
            # JSON writes characters beyond the first 65536 as two escapes, which YAML reads one by one.
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            raise self._error(line, "a text holds one half of a character; correct its escapes") from error

    def _error(self, line: int, what: str) -> InputError:
        return InputError(f"{self._file}, line {line + 1}: {what}")


@dataclass
class _Container:
    line: int
    is_mapping: bool
    items: list[Node]
    entries: dict[str, Node]
    key: tuple[str, int] | None = None
