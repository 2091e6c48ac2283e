"""Sizes of the networks. `FULL` ships, `SMOKE` runs every code path in a test."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class ContentConfig:
    """Causal Whisper encoder; the defaults are Whisper-tiny's, `window` is its memory in 20 ms tokens."""

    mels: int = 80
    dim: int = 384
    heads: int = 6
    layers: int = 4
    window: int = 128
    periods: int = 1500
    units: int = 64


@dataclass(frozen=True)
class PitchConfig:
    """Pitch tracker: log spectrum of `frame` samples up to `max_hz`, then causal ConvNeXt blocks."""

    frame: int = 1440
    max_hz: float = 3000.0
    dim: int = 160
    blocks: int = 4
    kernel: int = 5
    low_hz: float = 46.0
    bins: int = 280
    cents: float = 20.0


@dataclass(frozen=True)
class DecoderConfig:
    """Source-filter decoder: `blocks` at 100 frames/s, then `fast_blocks` at 200 frames/s."""

    units: int = 64
    pitch_basis: int = 16
    speaker: int = 256
    quality: int = 2
    style: int = 128
    dim: int = 320
    blocks: int = 6
    fast_dim: int = 288
    fast_blocks: int = 3
    kernel: int = 7
    expansion: int = 3


@dataclass(frozen=True)
class NetworkConfig:
    """All three networks."""

    content: ContentConfig = ContentConfig()
    pitch: PitchConfig = PitchConfig()
    decoder: DecoderConfig = DecoderConfig()

    def as_dict(self) -> dict[str, dict[str, float]]:
        """Plain numbers, for a manifest or a checkpoint."""
        return asdict(self)

    @staticmethod
    def from_dict(sizes: dict) -> NetworkConfig:
        """The inverse of `as_dict`; raises TypeError on an unknown field."""
        return NetworkConfig(
            ContentConfig(**sizes["content"]),
            PitchConfig(**sizes["pitch"]),
            DecoderConfig(**sizes["decoder"]),
        )


FULL = NetworkConfig()
SMOKE = NetworkConfig(
    ContentConfig(dim=32, heads=2, layers=2, window=16, units=8),
    PitchConfig(dim=16, blocks=2),
    DecoderConfig(units=8, style=16, dim=24, blocks=2, fast_dim=16, fast_blocks=2),
)
