"""Units, prosody and a speaker -> speech: a source-filter decoder with an inverse-STFT head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inference.networks.config import DecoderConfig
from inference.networks.layers import CausalStack
from inference.networks.spectral import Synthesis
from inference.networks.timing import TOKEN_HOPS
from inference.networks.transforms import (
    BASIS_WIDTH,
    GAIN_RANGE,
    LOWEST_HZ,
    RESIDUAL_RANGE,
    basis_centres,
)

State = dict[str, Tensor]

PARTS = 6
"""Spectra the head predicts per frame: harmonic log gain and phase turn, noise log gain, two parts of
a free residual and its log gain."""


def hop_units(units: Tensor) -> tuple[Tensor, Tensor]:
    """Units (B, K, U) as known hop by hop: (B, 2K, U), token k from hop 2k + 1 on; fresh (B, 2K)."""
    held = units.repeat_interleave(TOKEN_HOPS, 1)
    held = nn.functional.pad(held, (0, 0, 1, 0))[:, : held.shape[1]]
    fresh = torch.arange(held.shape[1], device=units.device) % TOKEN_HOPS
    return held, fresh.to(units.dtype).expand(held.shape[0], -1)


class Decoder(nn.Module):
    """Speech of a given speaker, hop by hop.

    The harmonic excitation's spectrum is scaled and turned, the noise excitation's scaled, and a small
    free spectrum added. `style` is computed once per voice by `condition`. State: `slow` and `fast`
    (block stacks), `past` and `tail` (Synthesis).

    >>> style = decoder.condition(embedding, quality)
    >>> audio, state = decoder(frames, source, style, decoder.init_state(1))
    """

    centres: Tensor

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = c = config
        self.synthesis = Synthesis()
        self.inputs = c.units + 1 + c.pitch_basis + 2
        self.project = nn.Linear(self.inputs, c.dim)
        self.slow = CausalStack(c.dim, c.blocks, c.kernel, c.expansion)
        self.upsample = nn.Linear(c.dim, 2 * c.fast_dim)
        self.fast = CausalStack(c.fast_dim, c.fast_blocks, c.kernel, c.expansion)
        self.norm = nn.LayerNorm(c.fast_dim)
        self.head = nn.Linear(c.fast_dim, PARTS * self.synthesis.bins)
        self.style_in = nn.Linear(c.speaker + c.quality, c.style)
        self.style_out = nn.Linear(c.style, 2 * (c.dim * c.blocks + c.fast_dim * c.fast_blocks))
        centres = torch.tensor(basis_centres(c.pitch_basis), dtype=torch.float32)
        self.register_buffer("centres", centres, persistent=False)
        with torch.no_grad():
            self.head.weight.mul_(0.2)
            bias = self.head.bias.reshape(PARTS, -1)
            bias.zero_()
            bias[0], bias[2], bias[5] = -3.0, -5.0, -7.0

    def init_state(self, batch: int = 1) -> State:
        """Zeros, shapes in the class docstring."""
        past, tail = self.synthesis.init_state(batch)
        slow, fast = self.slow.init_state(batch), self.fast.init_state(batch)
        return {"slow": slow, "fast": fast, "past": past, "tail": tail}

    def condition(self, speaker: Tensor, quality: Tensor) -> Tensor:
        """speaker (B, 256) unit length, quality (B, 2) -> style (B, S) for `forward`."""
        h = torch.cat([speaker * 16.0, quality], dim=-1)
        return self.style_out(nn.functional.gelu(self.style_in(h)))

    def frames(self, units: Tensor, fresh: Tensor, prosody: Tensor) -> Tensor:
        """Joins the inputs of each hop: (B, T, inputs).

        units (B, T, units), the newest token known at each hop; fresh (B, T) 1 where it is new in this
        hop; prosody (B, T, 3): F0 in Hz (0 = unvoiced), voicing, energy as PitchTracker gives them.
        """
        hz, voicing, energy = prosody.unbind(-1)
        octave = torch.log2(torch.clamp(hz, min=LOWEST_HZ)).unsqueeze(-1)
        basis = torch.exp(-0.5 * ((octave - self.centres) / BASIS_WIDTH) ** 2) * (hz > 0).unsqueeze(-1).to(
            hz.dtype
        )
        rest = torch.stack([fresh, voicing, 0.5 * (energy + 4.0)], dim=-1)
        return torch.cat([units, rest, basis], dim=-1)

    def filter(self, spectra: Tensor, parts: Tensor) -> Tensor:
        """Source spectra (B, 2, F, 2 bins) and the head's output (B, F, PARTS * bins) -> (B, F, 2 bins)."""
        gain, turn, breath, real, imaginary, level = parts.chunk(PARTS, dim=-1)
        harmonic_re, harmonic_im = spectra[:, 0].chunk(2, dim=-1)
        noise_re, noise_im = spectra[:, 1].chunk(2, dim=-1)
        gain = torch.exp(torch.clamp(gain, *GAIN_RANGE))
        breath = torch.exp(torch.clamp(breath, *GAIN_RANGE))
        level = torch.exp(torch.clamp(level, *RESIDUAL_RANGE))
        cosine, sine = gain * torch.cos(turn), gain * torch.sin(turn)
        out_re = cosine * harmonic_re - sine * harmonic_im + breath * noise_re + level * real
        out_im = sine * harmonic_re + cosine * harmonic_im + breath * noise_im + level * imaginary
        return torch.cat([out_re, out_im], dim=-1)

    def parts(self, frames: Tensor, style: Tensor, state: State) -> tuple[Tensor, State]:
        """Everything learned: frames (B, T, inputs) -> the head's output (B, 2T, PARTS * bins).

        The state returned holds `slow` and `fast`.
        """
        c = self.config
        slow_style, fast_style = style[:, : 2 * c.dim * c.blocks], style[:, 2 * c.dim * c.blocks :]
        h, slow = self.slow(self.project(frames), state["slow"], slow_style)
        h = self.upsample(h).reshape(h.shape[0], 2 * h.shape[1], c.fast_dim)
        h, fast = self.fast(h, state["fast"], fast_style)
        return self.head(self.norm(h)), {"slow": slow, "fast": fast}

    def speak(
        self, parts: Tensor, source: Tensor, state: State, warp: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Everything fixed: filters source (B, 2, T * HOP) and overlap-adds to audio (B, T * HOP).

        warp (bins, bins) moves the filter along frequency, which shifts formants and not pitch. The
        state returned holds `past` and `tail`.
        """
        if warp is not None:
            bins = self.synthesis.bins
            parts = (parts.reshape(*parts.shape[:2], PARTS, bins) @ warp).reshape(parts.shape)
        spectra, past = self.synthesis.analyse(source, state["past"])
        audio, tail = self.synthesis.overlap_add(self.filter(spectra, parts), state["tail"])
        return audio, {"past": past, "tail": tail}

    def forward(
        self, frames: Tensor, source: Tensor, style: Tensor, state: State, warp: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Speech for T hops.

        frames (B, T, inputs) from `frames`; source (B, 2, T * HOP): pulse train and unit white noise;
        style (B, S) from `condition`; warp as in `speak`. Returns audio (B, T * HOP) and the next state.
        """
        parts, learned = self.parts(frames, style, state)
        audio, fixed = self.speak(parts, source, state, warp)
        return audio, {**learned, **fixed}
