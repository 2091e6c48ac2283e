"""Reads `config.toml`: one dictionary per stage, with the smoke overrides applied on request."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from inference.networks.config import FULL, SMOKE, NetworkConfig

PATH = Path(__file__).with_name("config.toml")

Settings = dict[str, Any]


def load_config(smoke: bool = False, path: Path = PATH) -> dict[str, Settings]:
    """Settings by stage name. `smoke` gives the tiny run of the tests."""
    table = tomllib.loads(path.read_text())
    overrides = table.pop("smoke", {})
    if smoke:
        for stage, values in overrides.items():
            table[stage] = {**table[stage], **values}
    return table


def network_sizes(smoke: bool = False) -> NetworkConfig:
    """Sizes of the networks that go with a run."""
    return SMOKE if smoke else FULL
