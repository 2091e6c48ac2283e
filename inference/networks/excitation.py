"""The decoder's source: a band-limited pulse train that follows F0.

Written once for numpy (live) and torch (training): pass the module as `xp`. float64 phases keep hours
of streaming equal to one pass.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from inference.networks.timing import HOP, RATE


def pulse_train(f0_hz: Any, last_hz: Any, phase: Any, xp: ModuleType) -> tuple[Any, Any]:
    """Pulses of unit power whose F0 glides to each hop's value; silent where F0 is 0.

    f0_hz: (B, T) float64, Hz at the end of each hop, 0 = unvoiced. last_hz: (B, 1) the hop before.
    phase: (B, 1) cycles in [0, 1). Returns audio (B, T * HOP) float64 and the next phase (B, 1). On a
    GPU call it within `torch.device`. The sum of K cosines is the Dirichlet kernel
    sin(pi (2K+1) p) / (2 sin(pi p)) - 1/2.
    """
    before = xp.concatenate([last_hz, f0_hz[:, :-1]], 1)
    start = xp.where(before > 0, before, f0_hz)[:, :, None]
    end = xp.where(f0_hz > 0, f0_hz, before)[:, :, None]
    ramp = (xp.arange(HOP) + 1.0) / HOP
    hz = start + (end - start) * ramp
    fade_in = (before > 0)[:, :, None] * 1.0
    fade_out = (f0_hz > 0)[:, :, None] * 1.0
    gain = (fade_in + (fade_out - fade_in) * ramp).reshape(f0_hz.shape[0], -1)
    hz = hz.reshape(f0_hz.shape[0], -1)
    cycles = phase + (hz / RATE).cumsum(1)
    position = cycles - xp.floor(cycles)
    harmonics = xp.floor(0.5 * RATE / xp.where(hz > 40.0, hz, hz * 0 + 40.0))
    sine = xp.sin(xp.pi * position)
    near = xp.abs(sine) < 1e-7
    kernel = xp.sin(xp.pi * (2 * harmonics + 1) * position) / xp.where(near, sine * 0 + 1.0, 2 * sine) - 0.5
    pulses = xp.where(near, harmonics, kernel) * (2.0 / harmonics) ** 0.5
    return pulses * gain, position[:, -1:]
