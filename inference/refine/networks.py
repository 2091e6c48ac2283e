"""The shipped networks in a form that a gradient passes: whole recordings at once, weights as they run.

The weights are those of the ONNX files, 8 bits widened, so what is tuned is what speaks. The step networks
keep their depthwise kernels as what the past adds to the coming frames; here they are kernels again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.networks.content import ContentEncoder
from inference.networks.decoder import Decoder, hop_units
from inference.networks.layers import CausalBlock, CausalStack
from inference.networks.pitch import PitchTracker
from inference.networks.speaker import GE2E, resample_to_16k
from inference.networks.steps import ContentStep, DecoderStep, PitchStep, Step, StepStack, folded_styles
from inference.networks.timing import HOP, TOKEN_HOPS
from inference.networks.weights import WeightsError, load_speaker, load_steps
from inference.neural.converter import CLEAN_QUALITY
from inference.neural.models import ModelError, Networks, load_networks, model_folder
from inference.refine.perturbation import SpeakerPerturbation
from inference.speaker import speaker_file

Network = ContentEncoder | PitchTracker | Decoder

VOICED = 0.5
"""Voicing from which a hop has a pitch."""


@dataclass(frozen=True)
class Heard:
    """A recording as the decoder is told of it: units (K, U), prosody (2K, 3), audio (2K * HOP,).

    `audio` is what the decoder shall say.
    """

    units: Tensor
    prosody: Tensor
    audio: Tensor

    @property
    def hops(self) -> int:
        """Length in hops."""
        return len(self.prosody)


class Frozen:
    """Encoders, pitch tracker and decoder, none of which learns; `base` says which ones they are.

    `directions` (D, S): the ways in which the decoder's own styles differ. What lies in their span sounds
    like somebody; elsewhere there is room for what no speaker does.
    """

    def __init__(self, steps: dict[str, Step], speaker: GE2E, networks: Networks, device: str) -> None:
        self.device, self.base, self._networks = torch.device(device), networks.base, networks
        content, pitch, decoder = steps["content"], steps["pitch"], steps["decoder"]
        assert isinstance(content, ContentStep)
        assert isinstance(pitch, PitchStep)
        assert isinstance(decoder, DecoderStep)
        _unroll(pitch.network.stack, pitch.stack)
        _unroll(decoder.network.slow, decoder.slow)
        _unroll(decoder.network.fast, decoder.fast)
        self.encoder, self.tracker = content.network.to(self.device), pitch.network.to(self.device)
        self.decoder = decoder.network.to(self.device)
        self._speaker = speaker.to(self.device)
        self.directions = _directions(self.decoder)
        self._bare = _bare_style(self.decoder).to(self.device)
        self.perturb = SpeakerPerturbation().to(self.device)

    def style(self, embedding: tuple[float, ...]) -> Tensor:
        """(S,) the style of a speaker as the converter makes it."""
        speaker = np.array([embedding], np.float32)
        unit = speaker / (np.linalg.norm(speaker) + np.float32(1e-9))
        style = self._networks.style(unit, np.array([CLEAN_QUALITY], np.float32))
        return torch.from_numpy(np.array(style, np.float32)).to(self.device)

    @torch.no_grad()
    def listen(self, heard: NDArray[np.float32], said: NDArray[np.float32], perturbed: bool) -> Heard:
        """What the decoder is told so that it says `said`, (n,) at 24 kHz, having heard `heard`, (n,).

        Words come from `heard`, melody and loudness from `said`. `perturbed` lets an invented other
        speaker say the words. Whole tokens; what is left over is cut off.
        """
        whole = min(len(heard), len(said)) // (TOKEN_HOPS * HOP) * TOKEN_HOPS * HOP
        x, y = (
            torch.from_numpy(np.array(a[:whole], np.float32))[None].to(self.device) for a in (heard, said)
        )
        state = self._start(self.encoder, 1)
        mel = self.encoder.log_mel
        power = self.perturb(x) if perturbed else mel.power(x, state["audio"])[0]
        units, _ = self.encoder.encode(mel.log_mel(power), state)
        prosody, _ = self.tracker(y, self._start(self.tracker, 1))
        hz, voicing, energy = prosody[0].unbind(-1)
        hz = torch.where(voicing > VOICED, hz, torch.zeros_like(hz))
        return Heard(units[0], torch.stack([hz, voicing, energy], -1), y[0])

    def frames(self, heard: Heard) -> Tensor:
        """(T, inputs) of the decoder."""
        held, fresh = hop_units(heard.units[None])
        return self.decoder.frames(held, fresh, heard.prosody[None])[0]

    def speak(self, frames: Tensor, source: Tensor, style: Tensor) -> Tensor:
        """frames (B, T, inputs), source (B, 2, T * HOP), style (S,) as `style` gives it -> (B, T * HOP).

        The first frames have no past.
        """
        state = self._start(self.decoder, len(frames))
        bare = (style - self._bare).expand(len(frames), -1)
        return self.decoder(frames, source, bare, state)[0]

    def words(self, x: Tensor) -> Tensor:
        """x (B, n) at 24 kHz -> units (B, K, U) as the encoder hears them, without a past."""
        whole = x[:, : x.shape[1] // (TOKEN_HOPS * HOP) * TOKEN_HOPS * HOP]
        state = self._start(self.encoder, len(x))
        mel = self.encoder.log_mel
        return self.encoder.encode(mel.log_mel(mel.power(whole, state["audio"])[0]), state)[0]

    def person(self, x: Tensor) -> Tensor:
        """x (B, n) at 24 kHz, best near 1.6 s -> speaker embeddings (B, 256), unit length."""
        found: Tensor = self._speaker(resample_to_16k(x))
        return found

    @torch.no_grad()
    def average(self, phrases: Sequence[Tensor]) -> Tensor:
        """(256,) the middle of what the speaker encoder hears in phrases (n,) at 24 kHz, unit length."""
        found = torch.cat([self.person(phrase[None]) for phrase in phrases]).mean(0)
        return torch.nn.functional.normalize(found, dim=0)

    def _start(self, network: Network, batch: int) -> dict[str, Tensor]:
        return {name: value.to(self.device) for name, value in network.init_state(batch).items()}


def load_frozen(folder: Path | None = None, device: str = "cpu") -> Frozen:
    """The networks of `folder`, the shipped ones by default. Raises ModelError."""
    networks = load_networks(folder)
    try:
        steps, _ = load_steps(folder or model_folder())
        speaker = load_speaker(speaker_file())
    except WeightsError as error:
        raise ModelError(str(error)) from error
    return Frozen(steps, speaker, networks, device)


@torch.no_grad()
def _unroll(stack: CausalStack, step: StepStack) -> None:
    """Gives the blocks of `stack` back their kernels."""
    taps = getattr(step, f"later_{step.count - 1}")
    for index, (block, form) in enumerate(zip(stack.blocks, step.blocks, strict=True)):
        assert isinstance(block, CausalBlock)
        kernel = torch.cat([taps[index].flip(0), form.get_buffer("now_0")[None]])
        block.dwconv.weight.copy_(kernel.T[:, None])
        assert block.dwconv.bias is not None
        block.dwconv.bias.copy_(step.bias[index, 0])


@torch.no_grad()
def _directions(decoder: Decoder) -> Tensor:
    """(D, S) what each number before the last layer of `condition` does to a folded style."""
    still = torch.zeros(1, decoder.style_out.out_features, device=decoder.style_out.weight.device)
    return folded_styles(decoder, decoder.style_out.weight.T) - folded_styles(decoder, still)


@torch.no_grad()
def _bare_style(decoder: Decoder) -> Tensor:
    """(S,) what is not style in a folded one; the decoder's norms become the identity that goes with it."""
    for block in (*decoder.slow.blocks, *decoder.fast.blocks):
        assert isinstance(block, CausalBlock)
        block.norm.weight.fill_(1.0)
        block.norm.bias.zero_()
    c = decoder.config
    sizes = [c.dim] * c.blocks + [c.fast_dim] * c.fast_blocks
    return torch.cat([torch.cat([torch.ones(size), torch.zeros(size)]) for size in sizes])
