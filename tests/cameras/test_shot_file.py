"""Shot files: what is wrong with one is said in a sentence, with its line and its key."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.errors import InputError
from cameras.shot_compile import compile_shots
from cameras.shot_file import read_shot_file
from cameras.shot_file_schema import Join
from cameras.shot_file_yaml import MAX_BYTES, MAX_DEPTH

GOOD = """\
places:
  table: [1.0, 2.0, 0.8]
defaults: {lens: 24, easing: in-out 0.5 s, seconds: 4}
shots:
  - name: in
    kind: push-in
    from: [0, 0, 1.6]
    subject: table
    distance: 1.0
  - {name: round it, kind: arc, join: blend 0.8 s, subject: table, radius: 1.5, height: 0.5, angle: 90, seconds: 6}
note: {by: someone}
"""


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "shots.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return file


def refused(folder: Path, text: str | bytes) -> str:
    file = written(folder, text)
    with pytest.raises(InputError) as found:
        compile_shots(read_shot_file(file))
    message = str(found.value)
    assert "\n" not in message
    assert str(file) in message
    return message


def test_a_good_file_says_what_it_says(tmp_path: Path) -> None:
    content = read_shot_file(written(tmp_path, GOOD))
    first, second = (entry.shot for entry in content.shots)
    assert (first.name, first.kind, first.seconds) == ("in", "push-in", 4.0)
    assert second.join == Join(kind="blend", seconds=0.8)
    assert (second.seconds, second.lens) == (6.0, 24.0)  # type: ignore[union-attr]
    assert content.places == {"table": (1.0, 2.0, 0.8)}
    assert content.note == {"by": "someone"}


def test_json_is_read_as_json(tmp_path: Path) -> None:
    text = '{\n\t"shots": [{"name": "a", "kind": "hold", "from": [0, 0, 1e0],\n\t"heading": 90, "seconds": 2}]}'
    shot = read_shot_file(written(tmp_path, text)).shots[0].shot
    assert (shot.name, shot.kind) == ("a", "hold")


HOLD = "shots:\n  - {name: a, kind: hold, from: [0, 0, 1], heading: 0, seconds: 2}\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"shots:\n - \xff\xfe", 2, "UTF-8"),
        ("shots: [\n", 2, "wanted YAML"),
        ("[1, 2]", 1, 'key "shots"'),
        ("places: {}\n", 1, "key shots: this key is missing"),
        ("shots: []\n", 1, "key shots"),
        ("shots:\n  - hold\n", 2, "wanted a mapping with name, kind"),
        (HOLD + "shits: 3\n", 3, "this key is unknown, wanted shots"),
        (HOLD.replace("kind: hold", "kind: hodl"), 2, "is hold meant?"),
        (HOLD.replace("kind: hold, ", ""), 2, "key kind: wanted one of hold"),
        (HOLD.replace("name: a, ", ""), 2, "key name: this key is missing"),
        (HOLD.replace("seconds: 2", "seconds: two"), 2, "key seconds: wanted a length in seconds"),
        (HOLD.replace("seconds: 2", "seconds: -2"), 2, "found -2"),
        (HOLD.replace("seconds: 2", "seconds: .inf"), 2, "key seconds"),
        (HOLD.replace("seconds: 2", "second: 2"), 2, "key seconds: this key is missing"),
        (HOLD.replace("[0, 0, 1]", "[0, 0]"), 2, "key from"),
        (HOLD.replace("[0, 0, 1]", "sofa"), 2, "one of the places (none), found 'sofa'"),
        (HOLD.replace("heading: 0", "heading: 0, lens: 0"), 2, "key lens: wanted a full-frame focal length"),
        (HOLD.replace("heading: 0", "heading: 0, easing: fast"), 2, "key easing: wanted linear"),
        (
            HOLD.replace("heading: 0", "heading: 0, hand_held: {hertz: 3}"),
            2,
            "key hand_held.hertz: this key is unknown",
        ),
        (HOLD.replace("heading: 0", "heading: 0, hand_held: {hz: [3, 1]}"), 2, "key hand_held.hz: wanted two rising"),
        (HOLD.replace("heading: 0", "heading: 0, join: cut off"), 2, "key join: wanted cut, continue"),
        (HOLD.replace("heading: 0", "heading: 0, join: continue"), 2, "no shot before the first"),
        (HOLD.replace("heading: 0, ", ""), 2, "wanted a subject or a heading"),
        (HOLD.replace("from: [0, 0, 1], ", ""), 2, 'the key "from"'),
        (HOLD.replace("heading: 0", "heading: 0, subject: [1, 1, 1]"), 2, "found both"),
        (HOLD.replace("heading: 0", "tilt: 10"), 2, "wanted a heading beside the tilt"),
        (HOLD.replace("heading: 0", "heading: 0, focus: subject"), 2, "a subject for the focus"),
        (HOLD.replace("heading: 0", "subject: [0, 0, 1]"), 2, "a camera beside its subject"),
        (HOLD + "defaults: {easing: fast}\n", 3, "defaults, key easing"),
        (HOLD + "places:\n  a: [1, 2]\n", 4, "key places"),
        (HOLD + "name: &x 3\n", 3, "this key is unknown"),
        (HOLD + "note: *x\n", 3, "aliases"),
        (HOLD + "note: !tag 3\n", 3, "tags"),
        (HOLD + "shots: []\n", 3, "shots"),
        (HOLD + "---\na: 1\n", 3, "second document"),
        (HOLD + "note: \x07\n", 3, "the character 0x0007"),
        ("a: " + "[" * (MAX_DEPTH + 1), 1, "nested over"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str | bytes, line: int, words: str, tmp_path: Path) -> None:
    message = refused(tmp_path, text)
    assert f", line {line}" in message
    assert words in message


MOVES = "shots:\n  - {name: a, kind: KIND, from: [0, 0, 1], SUBJECT, seconds: 4}\n"


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("dolly", "heading: 0", "key distance: this key is missing"),
        ("push-in", "subject: [0, 3, 1]", "wanted one of distance and end_distance"),
        ("push-in", "subject: [0, 3, 1], end_distance: 4", "wanted a distance below the 3 m"),
        ("pull-out", "subject: [0, 3, 1], end_distance: 2", "wanted a distance above the 3 m"),
        ("dolly-zoom", "heading: 0, distance: 1", "wanted a subject for this dolly-zoom"),
        ("dolly-zoom", "subject: [0, 3, 1]", "wanted one of distance, end_distance and two lenses"),
        ("dolly-zoom", "subject: [0, 3, 1], distance: 3", "cannot be flown"),
        ("pan", "heading: 0", "wanted one of angle and onto"),
        ("pan", "heading: 0, angle: 0", "cannot be flown"),
        ("whip", "heading: 0, angle: 40, easing: in", "wanted no easing"),
        ("tilt", "heading: 0, angle: 95", "straight down"),
        ("arc", "subject: [0, 3, 1]", "wanted an angle for this arc"),
        ("arc", "subject: [0, 0, 4], angle: 90", "straight above or below"),
        ("orbit", "subject: [0, 3, 1], radius: 2", "wanted one of from and radius"),
        ("orbit", "subject: [0, 3, 1], bearing: 20", "wanted a radius beside the bearing"),
        ("spiral", "heading: 0, angle: 90", "wanted a subject for this spiral"),
    ],
)
def test_what_a_move_cannot_do_is_said(kind: str, options: str, words: str, tmp_path: Path) -> None:
    message = refused(tmp_path, MOVES.replace("KIND", kind).replace("SUBJECT", options))
    assert ", line 2, shot 1 (a)" in message
    assert words in message


KEYS = "shots:\n  - name: a\n    kind: keyframes\n    seconds: 4\n    keys:\n"


@pytest.mark.parametrize(
    ("keys", "line", "words"),
    [
        ("      - {at: [0, 0]}\n", 6, "key keys.1.at"),
        ("      - {at: [0, 0, 1], tilt: 100}\n", 6, "key keys.1.tilt: wanted degrees from -90"),
        (
            "      - {at: [0, 0, 1]}\n      - {at: [1, 0, 1], rol: 2}\n",
            7,
            "key keys.2.rol: this key is unknown, wanted roll",
        ),
        ("      - {at: [0, 0, 1], time: 1}\n      - {at: [1, 0, 1], time: 4}\n", 2, "line"),
        ("      - {at: [0, 0, 1], time: 3}\n      - {at: [1, 0, 1], time: 2}\n", 2, "line"),
    ],
)
def test_what_is_wrong_with_keys_is_said(keys: str, line: int, words: str, tmp_path: Path) -> None:
    message = refused(tmp_path, KEYS + keys)
    assert words in message
    if words != "line":
        assert f", line {line}" in message


def test_missing_and_huge_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_shot_file(tmp_path / "none.yaml")
    assert "MiB" in refused(tmp_path, "#" * (MAX_BYTES + 1))


def test_a_view_that_was_not_captured(tmp_path: Path) -> None:
    text = "shots:\n  - {name: a, kind: follow-capture, views: [1, 9], seconds: 3}\n"
    assert "of which there are 0" in refused(tmp_path, text)


@given(st.text(max_size=200))
def test_no_text_makes_another_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(InputError):
        read_shot_file(file)


WORDS = st.sampled_from(
    ["kind", "hold", "arc", ": ", "\n  - ", "shots", "[", "]", "{", "}", "name", "seconds", "1", "&", "*"]
)


@given(st.lists(WORDS, max_size=30).map("".join))
def test_nearly_good_files_make_no_other_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "near.yaml"
    file.write_text("shots:\n  - " + text, encoding="utf-8")
    with pytest.raises(InputError):
        compile_shots(read_shot_file(file))
