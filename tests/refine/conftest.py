"""Small networks with random weights, and short speech to tune on."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.converter import MODEL_RATE
from inference.refine.material import Material, Phrase, at_level
from inference.refine.networks import Frozen, load_frozen
from inference.refine.tuner import Settings
from inference.sample import bundled_speech
from tests.coreml.conftest import networks_folder as networks_folder
from tests.voices.makers import an_archive
from voices.library import Library
from voices.voice import Voice

SMALL = Settings(steps=6, batch=2, hops=60, every=2, patience=3, held=2, variants=2)


@pytest.fixture(scope="session")
def frozen(networks_folder: Path) -> Frozen:
    return load_frozen(networks_folder)


@pytest.fixture(scope="session")
def material() -> Material:
    """Ten half seconds of the bundled speech, three of them held out."""
    speech, size = bundled_speech(MODEL_RATE), MODEL_RATE // 2
    parts = [at_level(speech[i * size : (i + 1) * size]) for i in range(10)]
    return Material(tuple(Phrase(x, x, i % 4 == 1) for i, x in enumerate(parts)), 75.0)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "voices")


@pytest.fixture
def voice(library: Library) -> Voice:
    return library.add(an_archive())
