"""What keeps tests from failing by chance holds: `tests/conftest.py`, its groups and its limits."""

from __future__ import annotations

import pytest
from hypothesis import settings


def test_tests_against_the_clock_share_a_process(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("one process runs everything")
    timed = [item.nodeid for item in request.session.items if item.get_closest_marker("jack")]
    apart = [name for name in timed if not name.endswith("@real time")]
    assert not apart, "pytest-xdist groups nothing: is this the pytest that pyproject.toml names?"


def test_no_property_has_a_deadline() -> None:
    """Hypothesis' own is 200 ms an example, which any stall of the machine breaks."""
    assert settings.default is not None
    assert settings.default.deadline is None
