"""What the licence of a model's weights is, and whether films for customers may be made with them.

Read from what lies beside the weights: the model card's front matter, a licence file, and the name that
``model_index.json`` keeps of where it came from. Where they disagree the stricter one counts. This is a help for
reading, not legal advice: what is not known stays unknown.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from cameras.errors import SettingsError

from .base import Licence

_LICENCE_FILES = ("LICENSE", "LICENSE.md", "LICENSE.txt", "LICENSE.TXT")
_PATIENCE_S = 5.0
_CARD, _INDEX = "README.md", "model_index.json"


@dataclass(frozen=True)
class _Terms:
    commercial: bool | None
    condition: str = ""


_FREE = _Terms(True)
_RAIL = _Terms(True, "as long as the uses that it lists as forbidden are kept out")
_COMMUNITY = _Terms(None, "commercial use only below a yearly revenue and after registering with Stability AI")
_NEVER = _Terms(False)

_KNOWN: Mapping[str, _Terms] = {
    "apache-2.0": _FREE,
    "mit": _FREE,
    "bsd-2-clause": _FREE,
    "bsd-3-clause": _FREE,
    "cc0-1.0": _FREE,
    "cc-by-4.0": _FREE,
    "cc-by-sa-4.0": _FREE,
    "creativeml-openrail-m": _RAIL,
    "openrail": _RAIL,
    "openrail++": _RAIL,
    "bigscience-openrail-m": _RAIL,
    "stabilityai-ai-community": _COMMUNITY,
    "stable-video-diffusion-community": _COMMUNITY,
    "sai-nc-community": _NEVER,
    "nvidia-license": _NEVER,
    "nsclv1": _NEVER,
    "flux-1-dev-non-commercial-license": _NEVER,
}
"""By the identifiers that model cards use (``license``, or ``license_name`` where that says ``other``)."""

_TITLES = (
    ("noncommercial", "non-commercial"),
    ("non-commercial research", "non-commercial"),
    ("stability ai community license", "stabilityai-ai-community"),
    ("open rail++", "openrail++"),
    ("open rail-m", "creativeml-openrail-m"),
    ("open rail m", "creativeml-openrail-m"),
    ("nvidia license", "nvidia-license"),
    ("apache license", "apache-2.0"),
    ("mit license", "mit"),
)
"""Words near the top of a licence file, and the identifier that they stand for; the first one found counts."""
_TITLE_CHARACTERS = 400

_ORIGINS: Mapping[str, str] = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "creativeml-openrail-m",
    "stable-diffusion-v1-5/stable-diffusion-inpainting": "creativeml-openrail-m",
    "stabilityai/stable-diffusion-2-1": "openrail++",
    "stabilityai/stable-diffusion-xl-base-1.0": "openrail++",
    "stabilityai/sd-turbo": "sai-nc-community",
    "stabilityai/sdxl-turbo": "sai-nc-community",
    "stabilityai/stable-video-diffusion-img2vid": "stable-video-diffusion-community",
    "stabilityai/stable-video-diffusion-img2vid-xt": "stable-video-diffusion-community",
    "nvidia/difix": "nvidia-license",
    "nvidia/difix_ref": "nvidia-license",
}


def licence_of(model: str) -> Licence:
    """The licence of a pipeline's folder, or of a hub model whose card is cached or can be fetched.

    Returns ``Licence("unknown", None)`` if nothing says it.
    """
    folder = Path(model)
    read = _file_reader(folder) if folder.is_dir() else _hub_reader(model)
    said = [_of_card(read(_CARD)), *(_of_title(read(name)) for name in _LICENCE_FILES)]
    # Weights made from others' keep what those forbid.
    said += [_ORIGINS.get(model), _ORIGINS.get(_origin(read(_INDEX)))]
    found = [name for name in said if name]
    known = [name for name in found if _terms(name) is not None]
    if not known:
        return Licence(found[0] if found else "unknown", None)
    name = min(known, key=_freedom)
    terms = _terms(name)
    return Licence(name, None if terms is None else terms.commercial)


def check_commercial(model: str, licence: Licence, wanted: bool) -> None:
    """Refuses weights that films for customers may not be made with, if that was asked.

    Raises:
        SettingsError: if ``wanted`` and the licence is not known to allow it.
    """
    if not wanted or licence.commercial:
        return
    found = "forbids commercial use" if licence.commercial is False else "is not known to allow commercial use"
    raise SettingsError(
        f"--commercial asks for weights that films for customers may be made with, but the licence of {model} "
        f"({licence.name}) {found}{_condition(licence, ': ')}; choose another --refine-model, or drop --commercial."
    )


def licence_line(model: str, licence: Licence) -> str:
    """One sentence for a person to read before the weights are used."""
    if licence.commercial:
        return f"{model}: licence {licence.name}, commercial use allowed{_condition(licence, ' ')}."
    if licence.commercial is False:
        return f"{model}: licence {licence.name}, no commercial use."
    known = _condition(licence, "") or "whether it allows commercial use is not known"
    return f"{model}: licence {licence.name}, {known}."


def _condition(licence: Licence, before: str) -> str:
    terms = _terms(licence.name)
    return f"{before}{terms.condition}" if terms and terms.condition else ""


def _terms(name: str) -> _Terms | None:
    """None for a licence that is not known."""
    key = name.lower()
    words = key.replace("_", "-").split("-")
    if "nc" in words or "noncommercial" in words or "non-commercial" in key:
        return _NEVER
    return _KNOWN.get(key)


def _freedom(name: str) -> int:
    terms = _terms(name)
    return {False: 0, None: 1, True: 2}[None if terms is None else terms.commercial]


def _of_card(text: str | None) -> str | None:
    """The identifier in a model card's front matter."""
    import yaml

    if text is None or not text.startswith("---"):
        return None
    try:
        front = yaml.safe_load(text[3:].split("\n---", 1)[0])
    except yaml.YAMLError:
        return None
    if not isinstance(front, dict):
        return None
    name = front.get("license")
    name = name[0] if isinstance(name, list) and name else name
    if name == "other" and front.get("license_name"):
        name = front["license_name"]
    return str(name) if name else None


def _of_title(text: str | None) -> str | None:
    """The identifier that the top of a licence file stands for."""
    top = " ".join((text or "")[:_TITLE_CHARACTERS].lower().split())
    return next((name for words, name in _TITLES if words in top), None)


def _origin(text: str | None) -> str:
    try:
        index = json.loads(text or "{}")
    except ValueError:
        return ""
    return str(index.get("_name_or_path", "")) if isinstance(index, dict) else ""


def _file_reader(folder: Path) -> Callable[[str], str | None]:
    def read(name: str) -> str | None:
        file = folder / name
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None

    return read


def _hub_reader(model: str) -> Callable[[str], str | None]:
    """Reads small files of a hub model; whatever hinders that leaves the licence unknown, and so forbidden."""

    def read(name: str) -> str | None:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        for cached in (True, False):
            if cached or answers():
                try:
                    file = hf_hub_download(model, name, local_files_only=cached)
                    return Path(file).read_text(encoding="utf-8", errors="replace")
                except (HfHubHTTPError, HFValidationError, OSError):
                    continue
        return None

    answers = cache(partial(hub_answers, model))
    return read


def hub_answers(model: str) -> bool:
    """Whether the hub can be reached and has the model; asked once, where a download would try for half a minute."""
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(model, timeout=_PATIENCE_S)
    except Exception:  # the client raises errors of whichever HTTP package it is built on
        return False
    return True
