"""The groups of `tests/conftest.py` hold: two audio servers side by side fail tests by chance."""

from __future__ import annotations

import pytest


def test_tests_against_the_clock_share_a_process(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("one process runs everything")
    timed = [item.nodeid for item in request.session.items if item.get_closest_marker("jack")]
    apart = [name for name in timed if not name.endswith("@real time")]
    assert not apart, "pytest-xdist groups nothing: is this the pytest that pyproject.toml names?"
