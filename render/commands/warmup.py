"""``flythrough warmup``: compile the engine and the planner once."""

import time

import click

from .options import backend_option, progress_option


@click.command("warmup")
@backend_option
@progress_option
def command(backend: str, progress: str) -> None:
    """Compiles the kernels of the engine and the planner and keeps them, so that the next command starts at once."""
    import numpy as np

    from cameras.warmup import warm_planner
    from scenes.splats.engine import resolve_backend
    from scenes.splats.warmup import warmup

    from ..frame_numbers import planes_of
    from ..progress_sinks import open_progress, time_text

    with open_progress(progress) as shown:
        started = time.monotonic()
        chosen = resolve_backend(backend)
        warmup(chosen, shown)
        planes_of(np.zeros((2, 2, 3), np.float32))
        warm_planner()
        seconds = time.monotonic() - started
        shown.done({"backend": chosen, "seconds": seconds}, [f"The {chosen} engine is ready ({time_text(seconds)})."])
