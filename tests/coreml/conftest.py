"""A whole Core ML package of small networks with random weights, converted once for all tests here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from inference.coreml import package as packages
from inference.coreml.package import Package
from inference.export import export_coreml
from inference.networks.config import NetworkConfig
from training import export


@pytest.fixture(scope="session")
def networks_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small networks as ONNX files, every weight random: the exporter merges equal ones."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("networks")

    def untrained(run: None, sizes: NetworkConfig) -> tuple[nn.Module, ...]:
        networks = plain(run, sizes)
        for network in networks:
            for parameter in network.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        return networks

    plain = export.trained
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "trained", untrained)
        export.export(None, folder, "int8", smoke=True)
    return folder


@pytest.fixture(scope="session")
def package(networks_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The programs of them."""
    folder = tmp_path_factory.mktemp("coreml")
    names = frozenset({"hop-int8", "hop-macos13", "pitch"})
    made = export_coreml(folder, lambda line: None, networks_folder, names)
    assert packages.read_package(folder) == made
    return made
