"""Finds a change of the style with which the frozen decoder says the recordings as they are.

Only the style is tuned: scale and shift of every channel in every block, after AdaSpeech's conditional layer
norm (Chen et al. 2021). It moves freely along the directions in which speakers differ (`Frozen.directions`),
and less in all others. The loss is how far colour, speaker and words of what is said are from the recording.
docs/refine.md has what each part is worth, and what was tried instead.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.networks.excitation import pulse_train
from inference.networks.timing import HOP, LATENCY, RATE
from inference.refine.distance import MelDistance
from inference.refine.material import Material
from inference.refine.networks import Frozen, Heard

WARM_HOPS = 10
"""Hops at the start of a crop that the loss leaves out: the decoder begins without a past."""

COLD_TOKENS = 20
"""Tokens at the start of a crop whose words are not compared: the encoder hears them without a past."""

_LISTENED_S = 600.0
"""Seconds of sound listened to in all: short material is heard as several invented speakers."""

_WARM_UP = 10
_LAST = 0.05
_SEED = 20_261_123


@dataclass(frozen=True)
class Settings:
    """`every` steps the held-out phrases are spoken; `patience` such scores without gain end the tuning.

    `speaker` and `words` weigh their distances beside the mel distance; `beside` is the share of the steps
    outside the speakers' directions.
    """

    steps: int = 160
    batch: int = 6
    hops: int = 140
    rate: float = 0.01
    beside: float = 0.3
    speaker: float = 0.5
    words: float = 1.0
    every: int = 10
    patience: int = 5
    held: int = 16
    variants: int = 4


class Tuner:
    """One tuning: `listen` first, then `step` until `done`. `save` and `restore` make it resumable.

    Crops, speakers and noise are drawn from a generator of each step's own, so that a resumed tuning takes
    the same steps.
    """

    def __init__(
        self, frozen: Frozen, embedding: tuple[float, ...], settings: Settings | None = None
    ) -> None:
        self.settings, self._frozen = settings or Settings(), frozen
        self._style = frozen.style(embedding)
        self._distance = MelDistance().to(frozen.device)
        self._train: list[list[Heard]] = []
        self._held: list[Heard] = []
        self._speaker = torch.zeros(0)
        self.at = 0
        self.first = self.best = math.inf
        self._stale = 0
        self._numbers = torch.zeros(len(frozen.directions) + self._style.numel(), device=frozen.device)
        self._numbers.requires_grad_(True)
        self._best_change = np.zeros(self._style.numel(), np.float32)
        self._optimizer = torch.optim.Adam([self._numbers], lr=self.settings.rate, betas=(0.9, 0.99))

    def listen(self, material: Material) -> Iterator[float]:
        """Hears all phrases, as other speakers say them; yields the share done."""
        torch.manual_seed(_SEED)
        own, held = material.of(held=False), material.of(held=True)
        seconds = sum(len(phrase.said) for phrase in own) / RATE
        variants = min(self.settings.variants, max(1, int(_LISTENED_S / max(seconds, 1.0))))
        teacher = any(phrase.heard is not phrase.said for phrase in own)
        self._train, self._held = [], []
        for phrase in held:
            self._held.append(self._frozen.listen(phrase.heard, phrase.said, perturbed=not teacher))
            yield len(self._held) / (len(own) + len(held))
        for phrase in own:
            heard = [
                # Once as it is: the speaker's own words must stay well spoken too.
                self._frozen.listen(phrase.heard, phrase.said, perturbed=variant > 0 or variants == 1)
                for variant in range(variants)
            ]
            self._train.append(heard)
            yield (len(self._held) + len(self._train)) / (len(own) + len(held))
        self._speaker = self._frozen.average([heard[0].audio for heard in self._train])

    @property
    def done(self) -> bool:
        """Whether nothing more is to be gained."""
        return self.at >= self.settings.steps or self._stale >= self.settings.patience

    @property
    def change(self) -> NDArray[np.float32]:
        """(S,) what to add to the style: the best so far by the held-out phrases; zeros where none is."""
        return self._best_change

    def _change(self) -> Tensor:
        directions = self._frozen.directions
        along, beside = self._numbers.split([len(directions), directions.shape[1]])
        return along @ directions + self.settings.beside * beside

    def score(self) -> float:
        """Distance of the held-out phrases as spoken now; keeps the change if it is the least so far."""
        rng = np.random.default_rng(_SEED)
        chosen = [self._held[i % len(self._held)] for i in range(self.settings.held)]
        with torch.no_grad():
            found = float(self._loss(chosen, rng))
        if self.at == 0:
            self.first = found
        if found < self.best:
            self.best, self._stale = found, 0
            self._best_change = self._change().detach().cpu().numpy().copy()
        else:
            self._stale += 1
        return found

    def step(self) -> None:
        """One step down the gradient; scores where it is due."""
        if self.at == 0 and math.isinf(self.first):
            self.score()
        rng = np.random.default_rng((_SEED, self.at))
        rows = rng.integers(len(self._train), size=self.settings.batch)
        chosen = [self._train[row][int(rng.integers(len(self._train[row])))] for row in rows]
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.rate * self._factor()
        loss = self._loss(chosen, rng)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.at += 1
        if self.at % self.settings.every == 0 or self.at == self.settings.steps:
            self.score()

    def save(self, base: str) -> bytes:
        """Everything that `restore` needs, as an npz file. `base` names the networks it is for."""
        moments = self._optimizer.state.get(self._numbers, {})
        buffer = io.BytesIO()
        np.savez(
            buffer,
            base=base,
            at=self.at,
            stale=self._stale,
            scores=np.array([self.first, self.best]),
            numbers=self._numbers.detach().cpu().numpy(),
            best=self._best_change,
            moments=np.array([_plain(moments.get(name)) for name in ("exp_avg", "exp_avg_sq") if moments]),
        )
        return buffer.getvalue()

    def restore(self, content: bytes, base: str) -> bool:
        """Takes over what `save` gave; False, and nothing changed, where it does not fit."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as saved:
                state = {name: saved[name] for name in saved.files}
            best_change = state["best"].astype(np.float32)
            vectors = [state["numbers"], *state["moments"]]
            same = str(state["base"]) == base
            at, stale, (first, best) = int(state["at"]), int(state["stale"]), state["scores"]
            fit = [same, best_change.shape == self._best_change.shape, len(vectors) in (1, 3)]
            fit += [v.shape == self._numbers.shape for v in vectors]
            fit += [bool(np.isfinite(v).all()) for v in (best_change, *vectors)]
        except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile):
            return False
        if not all(fit):
            return False
        self.at, self._stale, self.first, self.best = at, stale, float(first), float(best)
        self._best_change = best_change
        with torch.no_grad():
            self._numbers.copy_(torch.from_numpy(vectors[0]))
        if len(vectors) == 3:
            means, squares = (torch.from_numpy(v.astype(np.float32)).to(self._numbers) for v in vectors[1:])
            step = torch.tensor(float(at))
            self._optimizer.state[self._numbers] = {"step": step, "exp_avg": means, "exp_avg_sq": squares}
        return True

    def _factor(self) -> float:
        """Share of the learning rate: a short rise, then a cosine down."""
        s, at = self.settings, self.at
        fall = 0.5 * (1 + math.cos(math.pi * at / s.steps)) * (1 - _LAST) + _LAST
        return min(1.0, (at + 1) / _WARM_UP) * fall

    def _loss(self, chosen: Sequence[Heard], rng: np.random.Generator) -> Tensor:
        crops = [self._crop(heard, rng) for heard in chosen]
        frames, source, wanted = (torch.stack(parts) for parts in zip(*crops, strict=True))
        spoken = self._frozen.speak(frames, source, self._style + self._change())
        warm = WARM_HOPS * HOP
        spoken, wanted = spoken[:, LATENCY + warm :], wanted[:, warm : wanted.shape[1] - LATENCY]
        colour = self._distance(spoken, wanted)
        other = 1 - (self._frozen.person(spoken) @ self._speaker).mean()
        return colour + self.settings.speaker * other + self.settings.words * self._lost(spoken, wanted)

    def _lost(self, spoken: Tensor, wanted: Tensor) -> Tensor:
        """Share of the units' variance by which what is heard in `spoken` differs from that in `wanted`."""
        with torch.no_grad():
            said = self._frozen.words(wanted)
        heard = self._frozen.words(spoken)
        cold = min(COLD_TOKENS, said.shape[1] // 2)
        return (heard - said)[:, cold:].square().mean() / said[:, cold:].var().clamp(min=1e-6)

    def _crop(self, heard: Heard, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Frames (T, inputs), source (2, T * HOP) and audio (T * HOP,) of a random stretch."""
        hops, device = self.settings.hops, self._frozen.device
        start = int(rng.integers(max(1, (heard.hops - hops) // 2 + 1))) * 2
        pad = max(0, start + hops - heard.hops)
        frames = torch.nn.functional.pad(self._frozen.frames(heard)[start : start + hops], (0, 0, 0, pad))
        hz = torch.nn.functional.pad(heard.prosody[start : start + hops, 0], (0, pad)).cpu().double()[None]
        phase = torch.tensor([[rng.random()]], dtype=torch.float64)
        pulses, _ = pulse_train(hz, torch.zeros(1, 1, dtype=torch.float64), phase, torch)
        noise = torch.from_numpy(rng.standard_normal(hops * HOP, np.float32))
        source = torch.stack([pulses[0].float(), noise]).to(device)
        audio = torch.nn.functional.pad(heard.audio[start * HOP : (start + hops) * HOP], (0, pad * HOP))
        return frames, source, audio


def _plain(value: Any) -> NDArray[np.float32]:
    return np.asarray(value.detach().cpu().numpy(), np.float32)
