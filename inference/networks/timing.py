"""Sample counts every part of the neural voice agrees on. All at `RATE`."""

from __future__ import annotations

RATE = 24_000
"""Samples per second in and out."""

HOP = 240
"""Samples per step: 10 ms."""

TOKEN_HOPS = 2
"""Hops per content token: Whisper's second convolution halves the frame rate to 50 per second."""

LATENCY = 840
"""Samples by which the output trails the input beyond the hop itself: 35 ms. Made of the synthesis
overlap (360) and the look-ahead of the features (480)."""

TOKEN_LOOK_AHEAD = 660
"""Samples from the centre of a content token to the end of the audio it was computed from."""

PROSODY_LOOK_AHEAD = 480
"""Samples from the instant a pitch frame describes to the end of the audio it was computed from."""

FRAME = 480
"""Synthesis window, samples."""

FRAME_HOP = 120
"""Synthesis hop, samples: two frames per step."""
