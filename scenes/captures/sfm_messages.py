"""What to tell a person whose photos could not be placed."""

from collections.abc import Mapping, Sequence

Pair = tuple[int, int]

_NAMED = 4
_ENOUGH = 50


def names(listed: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(listed[:_NAMED])
    return shown if len(listed) <= _NAMED else f"{shown} and {len(listed) - _NAMED} more"


def failure(photo_names: Sequence[str], placed: int, left_out: Mapping[str, str]) -> str:
    """One sentence for a set of photos that gave no usable model."""
    reasons = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:_NAMED])
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    return (
        f"wanted to find where the {len(photo_names)} photos were taken from, but only {placed} could be placed "
        f"together ({reasons}{more}): shoot again so that each photo shows at least half of what its neighbour shows, "
        "with textured things in view, moving a step sideways between photos instead of turning on the spot"
    )


def why_not_placed(
    index: int, photo_names: Sequence[str], matched: Mapping[Pair, int], registered: Sequence[int]
) -> str:
    """Why a photo has no place in the model: too few matches, and with what.

    Args:
        index: of the photo.
        photo_names: of all photos.
        matched: number of geometrically verified matches by pair of indices.
        registered: indices of the photos that were placed.
    """
    placed = set(registered)
    best, partner = 0, -1
    for (i, j), count in sorted(matched.items()):
        other = j if i == index else i
        if index in (i, j) and (other in placed or not placed) and count > best:
            best, partner = count, other
    if partner < 0:
        return "no matches with any placed photo" if placed else "no matches with any other photo"
    if best >= _ENOUGH:
        return f"its matches (at most {best}, with {photo_names[partner]}) agree on no pose"
    return f"too few matches (at most {best}, with {photo_names[partner]})"
