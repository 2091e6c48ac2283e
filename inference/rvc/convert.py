"""From a checkpoint to a model folder: facts, three graphs and their weights, whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from inference.launch import install_hint
from inference.rvc.checkpoint import Checkpoint, read_checkpoint
from inference.rvc.facts import FLOW_CONTEXT, SPEAKERS, VECTORS, RvcError, RvcFacts, write_facts
from inference.rvc.index import IndexFileError, read_index
from inference.rvc.model import RvcModel
from inference.rvc.templates import Program, Shapes, find_programs, shipped_folder
from voices.files import whole_folder

Tell = Callable[[str, float], None]
"""What is being done, and how much of all is done, 0 to 1. May raise to cancel."""

_SPEAKER_WEIGHT = "emb_g.weight"
_TRIAL_FRAMES = 8
_LARGEST = 65_504.0
"""Of half floats."""


def convert(
    path: Path, models: Path, tell: Tell, index: Path | None = None, templates: Path | None = None
) -> tuple[Path, RvcFacts]:
    """Converts a .pth file, and its .index if any, to a folder in `models` named by its hash.

    `templates`: a folder of graphs other than the shipped ones. A model that is there already is made
    anew; without another index it keeps its own. Raises RvcError, and OSError of the disk.
    """
    tell("Reading the file", 0.0)
    checkpoint = read_checkpoint(path)
    facts = describe(checkpoint)
    with _programs(checkpoint, templates) as programs, whole_folder(models / facts.sha256) as folder:
        for number, program in enumerate(programs):
            tell("Converting the networks", 0.1 + 0.2 * number)
            shutil.copyfile(program.graph, folder / f"{program.name}.onnx")
            with (folder / f"{program.name}.bin").open("xb") as file:
                for name in program.weights:
                    file.write(np.ascontiguousarray(checkpoint.weight(name), "<f4").data)
        np.save(folder / SPEAKERS, checkpoint.weight(_SPEAKER_WEIGHT))
        tell("Reading the index", 0.7)
        _write_vectors(folder, index, models / facts.sha256, facts)
        write_facts(folder, facts, checkpoint.sizes)
        tell("Trying the voice", 0.8)
        _try(RvcModel.load(folder), path.name)
    return models / facts.sha256, facts


def describe(checkpoint: Checkpoint) -> RvcFacts:
    """The facts of a checkpoint."""
    with checkpoint.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    sizes = checkpoint.sizes
    return RvcFacts(
        name="".join(c for c in checkpoint.path.stem if c.isprintable()).strip() or "RVC voice",
        version=checkpoint.version,
        sample_rate=sizes.sample_rate,
        hop=sizes.hop,
        content_channels=sizes.content,
        has_pitch=sizes.pitch,
        speakers=sizes.speakers,
        latent_channels=sizes.latent,
        flow_context=FLOW_CONTEXT,
        sha256=sha256,
        f0_median_hz=checkpoint.f0_median_hz,
        info=checkpoint.info,
        speaker_names=checkpoint.speaker_names,
    )


@contextmanager
def _programs(checkpoint: Checkpoint, templates: Path | None) -> Iterator[tuple[Program, ...]]:
    """The programs that the voice's weights fit; made on the spot, by torch, for sizes never released."""
    programs = find_programs(templates or shipped_folder(), checkpoint.sizes)
    if programs:
        checkpoint.check(_all_weights([program.weights for program in programs], checkpoint))
        yield programs
        return
    try:
        from inference.networks.rvc.export import weight_shapes, write_programs
    except ImportError as error:
        raise RvcError(
            f"{checkpoint.path.name} has sizes that RVC was never released in; importing it needs torch: "
            f"{install_hint('export')}"
        ) from error
    checkpoint.check(_all_weights(weight_shapes(checkpoint.sizes).values(), checkpoint))
    with tempfile.TemporaryDirectory() as made:
        write_programs(checkpoint.sizes, Path(made))
        yield find_programs(Path(made), checkpoint.sizes)


def _all_weights(programs: Iterable[Shapes], checkpoint: Checkpoint) -> Shapes:
    sizes = checkpoint.sizes
    wanted: Shapes = {_SPEAKER_WEIGHT: (sizes.speakers, sizes.conditioning)}
    for weights in programs:
        wanted |= weights
    return wanted


def _write_vectors(folder: Path, index: Path | None, before: Path, facts: RvcFacts) -> None:
    """Keeps the vectors of an index as half floats, which is as exact as the features are."""
    if index is None:
        if (before / VECTORS).is_file():
            shutil.copyfile(before / VECTORS, folder / VECTORS)
        return
    try:
        vectors = read_index(index)
    except IndexFileError as error:
        raise RvcError(str(error)) from error
    if vectors.shape[1] != facts.content_channels:
        raise RvcError(
            f"{index.name} is of another voice: its vectors have {vectors.shape[1]} numbers, "
            f"{facts.name} has {facts.content_channels}."
        )
    np.save(folder / VECTORS, np.clip(vectors, -_LARGEST, _LARGEST).astype(np.float16))


def _try(model: RvcModel, name: str) -> None:
    """Raises RvcError unless the voice gives audio that is numbers."""
    facts = model.facts
    random = np.random.default_rng(1)
    phone = random.standard_normal((_TRIAL_FRAMES, facts.content_channels), np.float32)
    mean, _ = model.prior(phone, np.ones(_TRIAL_FRAMES, np.int64))
    source = np.zeros(_TRIAL_FRAMES * facts.hop, np.float32)
    audio = model.decode(model.flow(mean, 0), source, 0)
    if not np.isfinite(audio).all():
        raise RvcError(f"{name} computes values that are no numbers: it is damaged; get it again.")
