"""A film written down by a person: a file of shots, in YAML or JSON, in metres, degrees, seconds and millimetres.

    places:                      # names for points [x, y, z], in metres along the axes of the world
      table: [1.2, 3.4, 0.8]
    defaults: {lens: 24, easing: in-out}
    shots:
      - {name: into the kitchen, kind: push-in, from: [0, 0, 1.6], subject: table, distance: 1.5, seconds: 5}
      - name: around the table
        kind: arc                # every kind and its keys: `cameras.shot_file_schema`
        join: blend 0.8 s        # cut, continue, or a move of its own between the two shots
        subject: table
        radius: 1.8
        height: 0.7
        angle: 90
        seconds: 6

`read_shot_file` checks such a file, `cameras.shot_compile.compile_shots` flies it, and
`cameras.shot_file_write.write_shot_file` writes any list of shots as one.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ValidationError

from .errors import InputError
from .shot_file_schema import MODELS, AnyShot, Content, Defaults, HandHeld, Key
from .shot_file_yaml import Node, read_yaml

Loc: TypeAlias = tuple[str | int, ...]
_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True, eq=False)
class ShotEntry:
    """One shot of a file.

    Attributes:
        number: from 1.
        shot: as the file has it, with the file's defaults filled in.
        own: the keys that the shot itself has.
        file, node: where it stands.
    """

    number: int
    shot: AnyShot
    own: frozenset[str]
    file: Path
    node: Node

    def error(self, what: str, *keys: str | int) -> InputError:
        """An error about the shot, or about one of its keys where it has that."""
        node, known = self.node.nearest(keys)
        where = f"{self.file}, line {node.line}, shot {self.number} ({self.shot.name})"
        return InputError(f"{where}{_key_text(keys[:known])}: {what}")


@dataclass(frozen=True, eq=False)
class ShotFile:
    """What a shot file says.

    Attributes:
        places: points in metres by name.
        note: anything, for people and reports; JSON-able.
    """

    file: Path
    shots: tuple[ShotEntry, ...]
    places: Mapping[str, tuple[float, float, float]]
    note: Mapping[str, object]


def read_shot_file(file: Path) -> ShotFile:
    """Reads and checks a shot file.

    Raises:
        InputError: if it is missing or no such file, or a key is missing, unknown, or has another value than is wanted;
            the message has the line.
    """
    root = read_yaml(file)
    if not isinstance(root.value, dict):
        raise InputError(f'{file}, line {root.line}: wanted a mapping with the key "shots", found {_found(root)}')
    note = root.value.get("note")
    found = {key: node.plain() for key, node in root.value.items()}
    if note is not None:
        found["note"] = note.json()
    content = _checked(Content, found, root, file)
    defaults = root.value.get("defaults")
    if defaults is not None:
        _checked(Defaults, content.defaults, defaults, file, ", defaults")
    nodes = cast(tuple[Node, ...], root.value["shots"].value)
    entries = tuple(_entry(file, number, node, defaults) for number, node in enumerate(nodes, 1))
    content_of = ShotFile(file, entries, content.places, content.note)
    if entries[0].shot.join.kind != "cut":
        raise entries[0].error("wanted a cut, because there is no shot before the first; leave it out", "join")
    return content_of


def _entry(file: Path, number: int, node: Node, defaults: Node | None) -> ShotEntry:
    if not isinstance(node.value, dict):
        raise InputError(
            f"{file}, line {node.line}, shot {number}: wanted a mapping with name, kind and more, found {_found(node)}"
        )
    own = node.value
    where = f", shot {number}" + (f" ({own['name'].value})" if "name" in own else "")
    kind = own.get("kind")
    model = MODELS.get(str(kind.value)) if kind is not None else None
    if kind is None or model is None:
        line = (kind or node).line
        found = "none" if kind is None else _found(kind)
        like = difflib.get_close_matches(str(kind.value), MODELS, 1) if kind is not None else []
        hint = f" (is {like[0]} meant?)" if like else ""
        wanted = ", ".join(MODELS)
        raise InputError(f"{file}, line {line}{where}, key kind: wanted one of {wanted}, found {found}{hint}")
    filled = {**_fitting(defaults, model, own, number), **own}
    merged = Node(node.line, filled)
    shot = _checked(model, cast(dict[str, Any], merged.plain()), merged, file, where)
    return ShotEntry(number, shot, frozenset(own), file, merged)


def _fitting(defaults: Node | None, model: type[AnyShot], own: Mapping[str, Node], number: int) -> dict[str, Node]:
    """Those of the defaults that a shot can take up: an unbroken move keeps its lens, a first shot follows nothing."""
    if defaults is None or not isinstance(defaults.value, dict):
        return {}
    usual = {key: node for key, node in defaults.value.items() if key in model.model_fields}
    if number == 1:
        usual.pop("join", None)
    join = own.get("join", usual.get("join"))
    if join is not None and join.value == "continue":
        usual.pop("lens", None)
    return usual


def _checked(model: type[_M], content: Mapping[str, Any], node: Node, file: Path, where: str = "") -> _M:
    """A checked model, or the first thing that is wrong with it in one sentence with its line."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        loc = first["loc"]
        nearest, known = node.nearest(loc)
        # A value that fits none of several forms is wrong once.
        others = {entry["loc"][: node.nearest(entry["loc"])[1] + 1] for entry in error.errors()[1:]}
        others = {other for other in others if other[:known] != loc[:known] or first["type"] == "missing"}
        more = f" ({len(others)} more such)" if others else ""
        names = loc[: known + 1] if first["type"] in ("missing", "extra_forbidden") else loc[:known]
        wanted = _wanted(model, names)
        if first["type"] == "missing":
            what = f"this key is missing, wanted {wanted}; add it"
        elif first["type"] == "extra_forbidden":
            keys = _keys(model, names)
            like = difflib.get_close_matches(str(names[-1]), keys, 1)
            what = (
                f"this key is unknown, wanted {like[0] if like else 'one of ' + ', '.join(keys)}; correct or remove it"
            )
        else:
            what = f"wanted {wanted}, found {_found(nearest)}; correct it"
        raise InputError(f"{file}, line {nearest.line}{where}{_key_text(names)}: {what}{more}") from error


def _key_text(names: Loc) -> str:
    return f", key {'.'.join(str(name + 1 if isinstance(name, int) else name) for name in names)}" if names else ""


def _model_and_field(model: type[BaseModel], names: Loc) -> tuple[type[BaseModel], str]:
    """The model that a location lies in, and its field there ("" at the model itself)."""
    if len(names) > 2 and names[0] == "keys":
        return Key, str(names[2])
    if len(names) > 1 and names[0] == "hand_held":
        return HandHeld, str(names[1])
    return model, str(names[0]) if names else ""


def _wanted(model: type[BaseModel], names: Loc) -> str:
    holder, name = _model_and_field(model, names)
    fields = {field.alias or key: field for key, field in holder.model_fields.items()}
    return (fields[name].description or "another value") if name in fields else "a mapping"


def _keys(model: type[BaseModel], names: Loc) -> list[str]:
    holder = _model_and_field(model, names)[0]
    return [field.alias or key for key, field in holder.model_fields.items()]


def _found(node: Node) -> str:
    """What stands at a node, in short."""
    if isinstance(node.value, dict):
        return f"a mapping of {len(node.value)}"
    if isinstance(node.value, tuple):
        text = "[" + ", ".join(_found(item) for item in node.value[:4]) + (", ..." if len(node.value) > 4 else "") + "]"
    elif node.value is None:
        return "nothing"
    else:
        text = repr(node.value) if isinstance(node.value, str) else str(node.value).lower()
    return text if len(text) <= 60 else text[:57] + "..."
