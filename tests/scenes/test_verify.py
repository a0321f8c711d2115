"""A pose is believed only when its neighbours' geometry agrees."""

from dataclasses import replace

import pytest

from scenes.captures.sfm_messages import failure, names, why_not_placed
from scenes.captures.verify import Support

GOOD = Support(
    observations=200, long_observations=150, spread=0.6, error_px=0.5, neighbours=9, agreeing=9, agreement=0.95
)


def test_a_well_supported_photo_is_believed() -> None:
    assert GOOD.doubt() is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"observations": 8}, "only 8 points"),
        ({"agreement": 0.3}, "30% of its matches"),
        ({"agreeing": 0}, "of its matches agree"),
        ({"spread": 0.02}, "one corner"),
        ({"error_px": 3.0}, "off by 3.0 pixels"),
    ],
)
def test_each_weakness_is_a_reason_to_doubt(change: dict[str, float], reason: str) -> None:
    assert reason in (replace(GOOD, **change).doubt() or "")


def test_a_missing_photo_says_with_what_it_matched() -> None:
    listed = ["a", "b", "c", "d"]
    matched = {(0, 1): 90, (1, 2): 20, (0, 2): 17, (2, 3): 300}
    assert why_not_placed(2, listed, matched, [0, 1]) == "too few matches (at most 20, with b)"
    assert why_not_placed(3, listed, matched, [0, 1]) == "no matches with any placed photo"
    assert why_not_placed(3, listed, {}, []) == "no matches with any other photo"
    assert "agree on no pose" in why_not_placed(1, listed, matched, [0, 3])


def test_a_failure_is_one_sentence_with_counts_names_and_advice() -> None:
    listed = [f"p{i}" for i in range(8)]
    text = failure(listed, 0, {name: "no matches with any other photo" for name in listed})
    assert "8 photos" in text
    assert "p0: no matches" in text
    assert "4 more" in text
    assert "shoot again" in text
    assert ". " not in text
    assert names(listed) == "p0, p1, p2, p3 and 4 more"
