"""The three programs of an imported RVC voice under ONNX Runtime.

>>> model = RvcModel.load(folder)
>>> mean, log_scale = model.prior(phone, coarse_pitch(f0))
>>> latent = model.flow(mean + noise * np.exp(log_scale) * PRIOR_SPREAD, speaker=0)
>>> audio = model.decode(latent, source, speaker=0)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.rvc.facts import DECODER, FLOW, PRIOR, SPEAKERS, RvcError, RvcFacts, read_facts

Array = NDArray[np.float32]

PRIOR_SPREAD = 0.66666
"""Standard deviation of the noise by which the prior is sampled."""


@dataclass(frozen=True)
class RvcModel:
    """Sessions that one thread at a time may use. T is any number of frames of 10 ms, at least 1."""

    facts: RvcFacts
    sessions: dict[str, Any]
    speakers: Array

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> RvcModel:
        """Opens the model of a folder that the import made; sessions use `threads`. Raises RvcError."""
        facts = read_facts(folder)
        names = (PRIOR, FLOW, DECODER)
        sessions = {name: _session(folder / name, threads) for name in names}
        return cls(facts, sessions, _speakers(folder / SPEAKERS, facts.speakers))

    def prior(self, phone: Array, coarse: NDArray[np.int64]) -> tuple[Array, Array]:
        """phone (T, content_channels), coarse (T,) bins -> mean and log-scale (L, T).

        Voices that take no F0 pass `coarse` over.
        """
        feeds: dict[str, Any] = {"phone": phone[None]}
        if self.facts.has_pitch:
            feeds["coarse"] = coarse[None]
        mean, log_scale = self.sessions[PRIOR].run(None, feeds)
        return mean[0], log_scale[0]

    def flow(self, latent: Array, speaker: int) -> Array:
        """A sample of the prior (L, T) -> the decoder's latent (L, T)."""
        feeds = {"latent": latent[None], "g": self.speakers[speaker][None, :, None]}
        return self.sessions[FLOW].run(None, feeds)[0][0]

    def decode(self, latent: Array, source: Array | None, speaker: int) -> Array:
        """latent (L, T), source (T * hop,) of `excitation` -> audio (T * hop,) at `facts.sample_rate`.

        Voices that take no F0 pass the source over; the others need it.
        """
        feeds: dict[str, Any] = {"latent": latent[None], "g": self.speakers[speaker][None, :, None]}
        if self.facts.has_pitch:
            assert source is not None
            feeds["source"] = source[None, None]
        return self.sessions[DECODER].run(None, feeds)[0][0, 0]


def _speakers(path: Path, count: int) -> Array:
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _unusable(path) from error
    if not (isinstance(found, np.ndarray) and found.dtype == np.float32 and found.shape[:-1] == (count,)):
        raise _unusable(path)
    return found


def _unusable(path: Path) -> RvcError:
    return RvcError(f"{path} is missing or damaged; import the RVC voice again.")


def _session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # Silence decays into denormals, which cost a hundred times as much as other numbers.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    if threads > 1:
        # Threads that spin between blocks take the time of the audio process.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no other common base
        raise _unusable(path) from error
