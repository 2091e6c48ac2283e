"""RVC voices ready to run, converted once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

from inference.networks.rvc.export import write_programs
from inference.rvc.checkpoint import read_checkpoint
from inference.rvc.convert import convert
from inference.rvc.templates import sizes_key
from tests.rvc.golden import voice_file
from tests.rvc.hubert_weights import SMALL
from training.export_hubert import make_programs


@pytest.fixture(autouse=True)
def one_thread():
    """Small networks on a busy machine wait longer for threads than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with the graphs of a golden voice, by its name; those of two voices are made once."""
    folder = tmp_path_factory.mktemp("templates")

    @cache
    def made(name: str) -> Path:
        sizes = read_checkpoint(voice_file(name)).sizes
        names = ("prior", "flow", "decoder")
        missing = [n for n in names if not (folder / f"{sizes_key(n, sizes)}.onnx").exists()]
        write_programs(sizes, folder, tuple(missing))
        return folder

    return made


@pytest.fixture(scope="session")
def model_folder(
    tmp_path_factory: pytest.TempPathFactory, templates: Callable[[str], Path]
) -> Callable[[str], Path]:
    """The model folder of a golden voice by its name."""
    models = tmp_path_factory.mktemp("models")

    @cache
    def converted(name: str) -> Path:
        return convert(voice_file(name), models, lambda what, done: None, templates=templates(name))[0]

    return converted


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of the small content model, without weights."""
    folder = tmp_path_factory.mktemp("programs")
    make_programs(SMALL, folder)
    return folder
