"""What a tour says about itself: the label in the film, the report file, and the last lines on the screen."""

from collections.abc import Mapping
from pathlib import Path

from .film import FilmSettings
from .job import Job, versions
from .manifest import write_json
from .progress_sinks import jsonable, time_text
from .requests import TourRequest
from .sources import Source

REPORT_VERSION = 1


def film_label(capture: Mapping[str, object], is_video: bool, refined: Mapping[str, object] | None = None) -> str:
    """The honest sentence in the film's metadata.

    Args:
        refined: figures of the stage that prepared the refiner, if the frames are refined.
    """
    what = "frames of a video" if is_video else "photos"
    made = f"Made by flythrough: a reconstruction from {capture['images']} {what}"
    if refined is None:
        return f"{made}, rendered as reconstructed and not refined; what no photo shows may be missing or wrong."
    return (
        f"{made}, its frames refined by a model ({refined['refiner']}) under a guard that was measured on photos it "
        "never saw; what no photo shows may be missing or wrong."
    )


def write_report(job: Job, source: Source, film: FilmSettings, request: TourRequest) -> dict[str, object]:
    """Writes ``report.json`` into the job folder and returns it.

    Figures that nothing measured are null, with the reason beside them.
    """
    stages = dict(job.manifest.stages)
    if "refiner" not in stages["film"].inputs:  # an earlier run refined, this one does not
        stages.pop("refine", None)
    figures = {name: dict(record.figures) for name, record in stages.items()}
    capture, fit = figures["capture"], figures["fit"]
    held_out = fit.pop("held_out")
    refined = figures.get("refine")
    said = [str(text) for stage in (capture, refined or {}) for text in take_warnings(stage)]
    report = {
        "format": "flythrough report",
        "version": REPORT_VERSION,
        "label": film_label(capture, source.is_video, refined if refined and refined["used"] else None),
        "source": {"found": source.text, "kind": source.kind, "digest": stages["capture"].inputs["source"]},
        "film": {
            "file": request.output.name,
            "width": film.width,
            "height": film.height,
            "fps": str(film.fps),
            "codec": film.codec,
            "digest": stages["film"].outputs["film"][1],
            **figures["film"],
        },
        "capture": capture,
        "fit": fit,
        "path": figures["plan"],
        "refine": refined,
        "held_out": held_out,
        "warnings": said,
        "assumptions": assumptions(capture, figures["plan"]),
        "seconds": {name: record.seconds for name, record in stages.items()},
        "continued_after_interruption": [name for name, record in stages.items() if record.resumed],
        "settings": {name: dict(record.settings) for name, record in stages.items()},
        "seed": request.fit.seed,
        "versions": versions(),
    }
    clean = jsonable(report)
    assert isinstance(clean, dict)
    write_json(job.folder / "report.json", clean)
    return clean


def take_warnings(figures: dict[str, object]) -> list[object]:
    """What a stage said aloud; taken out of its figures."""
    found = figures.pop("warnings", None)
    return found if isinstance(found, list) else []


def assumptions(capture: Mapping[str, object], path: Mapping[str, object]) -> list[str]:
    """What the film takes for granted."""
    said: list[str] = []
    if not capture.get("up_known"):
        said.append("Which way is up is not known: the mean of the photos' own upright is used.")
    if path.get("scale_is_assumed"):
        said.append(
            "The scale is not known: the photographer is assumed to have held the camera 1.5 m above the floor, which "
            f"makes one unit {path['metres_per_unit']:.4g} m; speeds and distances hang on it."
        )
    elif path.get("metres_per_unit") is None:
        said.append("The scale is not known: speeds are relative to the size of the space.")
    return said


def result_text(report: Mapping[str, object], folder: Path, output: Path) -> list[str]:
    """The last lines on the screen."""
    held_out, seconds = report["held_out"], report["seconds"]
    assert isinstance(held_out, Mapping)
    assert isinstance(seconds, Mapping)
    lines = [
        f"Film:          {output}",
        f"Report:        {report_beside(output)}",
        f"Poster:        {folder / 'poster.png'}",
        f"Contact sheet: {folder / 'contact_sheet.png'}",
        f"Job folder:    {folder}",
    ]
    if held_out.get("psnr") is not None:
        scores = [f"PSNR {held_out['psnr']:.1f} dB"]
        scores += [f"SSIM {held_out['ssim']:.3f}"] if held_out.get("ssim") is not None else []
        scores += [f"FLIP {held_out['flip']:.3f}"] if held_out.get("flip") is not None else []
        count = len(held_out["photos"])
        lines.append(f"On {count} held-out photo{'s' if count > 1 else ''}: {', '.join(scores)}")
    lines += refined_lines(report.get("refine"))
    lines.append(f"Time: {time_text(sum(float(value) for value in seconds.values()))}")
    return lines


def refined_lines(refined: object) -> list[str]:
    """What refining did to the held-out photos, if there are any."""
    if not isinstance(refined, Mapping) or not refined.get("used"):
        return []
    held_out = refined["held_out"]
    assert isinstance(held_out, Mapping)
    if "after" not in held_out:
        return [f"Refined by {refined['refiner']}; there was no held-out photo to measure it on."]
    before, after = held_out["before"], held_out["after"]
    return [
        f"Refined by {refined['refiner']}: PSNR {before['psnr']:.1f} to {after['psnr']:.1f} dB, FLIP "
        f"{before['flip']:.3f} to {after['flip']:.3f} on the same photos, reduced to the size that is refined"
    ]


def report_beside(output: Path) -> Path:
    """The copy of the report next to the film: ``tour.mp4`` has ``tour.report.json``."""
    return output.with_name(f"{output.stem}.report.json")
