"""Models that no voice names: what is deleted, and when."""

from __future__ import annotations

import os
import time
from pathlib import Path

from voices.models import sweep


def test_old_models_that_no_voice_names_are_deleted(tmp_path: Path) -> None:
    for name in ("named", "unnamed", "young"):
        (tmp_path / name).mkdir()
        if name != "young":
            os.utime(tmp_path / name, (time.time() - 7200,) * 2)
    assert sweep(tmp_path, ["named"]) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"named", "young"}


def test_a_folder_that_vanishes_meanwhile_is_none_of_its_business(tmp_path: Path) -> None:
    """An import renames its folder while another Menura looks; a link to nowhere answers alike."""
    (tmp_path / ".menura-gone").symlink_to(tmp_path / "nowhere")
    assert sweep(tmp_path, []) == 0
