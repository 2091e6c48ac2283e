"""The player's side of the pipe: mixer, resampler, ring and device stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from audio.devices import DeviceError, choose_rate, find_device, portaudio, refresh
from audio.resample import Resampler, make_resampler
from audio.ring import Ring
from audio.streams import Tap, output_callback
from inference.engine.shared import STREAM
from inference.replay_mixer import ArraySource, Mixer, Samples, Source
from inference.replay_player import (
    AHEAD_S,
    OPEN,
    PLAYING,
    POSITION,
    UNDERRUNS,
    Command,
    Load,
    Loop,
    Play,
    Seek,
    Select,
)

_MIX = 480
"""Samples mixed at a time: 20 ms at the takes' rate."""

_RING = 1 << 16
_IDLE_S = 3.0
"""Silence after which the device is closed: others may want it."""


class PlaybackError(ValueError):
    """Nothing can be played; the message is one sentence for the user."""


class FileSource:
    """A sound file read piece by piece, so that an hour costs no memory: the mean of its channels."""

    def __init__(self, path: Path) -> None:
        """Raises PlaybackError."""
        import soundfile

        try:
            self._file = soundfile.SoundFile(path)
        except (soundfile.LibsndfileError, OSError) as error:
            raise PlaybackError(f"{path.name} cannot be played; it is missing or damaged.") from error
        if self._file.frames < 1:
            raise PlaybackError(f"{path.name} holds no sound.")
        self.rate = int(self._file.samplerate)

    def __len__(self) -> int:
        return int(self._file.frames)

    def read(self, start: int, stop: int) -> Samples:
        """See `Source`; what a damaged file does not give is silence."""
        if self._file.tell() != start:
            self._file.seek(start)
        found = self._file.read(stop - start, dtype="float32", always_2d=True).mean(axis=1)
        return np.nan_to_num(np.pad(found, (0, stop - start - len(found))))


class Output:
    """Handles commands and keeps the ring filled; lives in the player's process, in one thread."""

    def __init__(self, status: Any) -> None:
        self._status = status
        self._mixer: Mixer | None = None
        self._rate = 0
        self._device: str | None = None
        self._stream: Any = None
        self._device_rate = 0
        self._ring = Ring.create(_RING)
        self._counters = np.zeros(1, STREAM)
        self._armed = np.zeros(1, np.int64)
        self._resampler: Resampler | None = None
        self._mix = np.zeros(_MIX, np.float32)
        self._idle_s = 0.0
        self._played = False

    @property
    def open(self) -> bool:
        """Whether the device is open."""
        return self._stream is not None

    def handle(self, command: Command) -> None:
        """Does what the window asks for. Raises PlaybackError."""
        match command:
            case Load():
                self._load(command)
            case _ if self._mixer is None:
                return
            case Select(index):
                self._mixer.select(index)
            case Loop(start_s, stop_s, repeats):
                self._mixer.set_loop(round(start_s * self._rate), round(stop_s * self._rate), repeats)
            case Seek(seconds):
                self._mixer.seek(round(seconds * self._rate))
            case Play(on):
                self._play(on)
        self._tell()

    def advance(self) -> None:
        """Mixes until `AHEAD_S` wait in the ring; closes the device after a while of silence."""
        if self._stream is None or self._mixer is None or self._resampler is None:
            return
        if not self._stream.active:
            raise PlaybackError("The playback device went away; choose another one in Devices.")
        while self._ring.fill < AHEAD_S * self._device_rate:
            self._mixer.fill(self._mix)
            self._ring.push(self._resampler.process(self._mix))
            self._idle_s = 0.0 if self._mixer.playing else self._idle_s + _MIX / self._rate
        self._armed[0] = 1
        self._tell()
        if self._idle_s > _IDLE_S:
            self.close()

    def close(self) -> None:
        """Closes the device; what is loaded stays."""
        if self._stream is not None:
            self._stream.abort(ignore_errors=True)
            self._stream.close(ignore_errors=True)
            self._stream = None
        if self._mixer is not None:
            self._mixer.pause()
        self._tell()

    def _load(self, command: Load) -> None:
        sources: list[Source] = [ArraySource(take) for take in command.takes]
        self._rate = command.rate
        if command.file is not None:
            opened = FileSource(command.file)
            sources, self._rate = [opened], opened.rate
        self._mixer = Mixer(sources, self._rate)
        if command.file is not None:
            self._mixer.set_loop(0, len(sources[0]), repeats=False)
        if command.device != self._device:
            self.close()
            self._device = command.device
        if self._stream is not None:
            self._resampler = make_resampler(self._rate, self._device_rate, _MIX)

    def _play(self, on: bool) -> None:
        assert self._mixer is not None
        if not on:
            self._mixer.pause()
            return
        if self._stream is None:
            self._open()
        self._mixer.play()
        self._idle_s = 0.0

    def _open(self) -> None:
        """Opens the device with a filled ring. Raises PlaybackError."""
        sd = portaudio()
        try:
            refresh()
            device = find_device(self._device, "output")
            self._device_rate = choose_rate(None, device)
            tap = Tap(self._ring, self._counters, self._armed)
            self._ring.skip(self._ring.fill)
            self._armed[0] = 0
            self._resampler = make_resampler(self._rate, self._device_rate, _MIX)
            self._stream = sd.OutputStream(
                device=device.index,
                samplerate=self._device_rate,
                channels=min(2, device.outputs),
                dtype="float32",
                latency="high",
                callback=output_callback(tap),
            )
            self._stream.start()
        except DeviceError as error:
            raise PlaybackError(str(error)) from error
        except sd.PortAudioError as error:
            raise PlaybackError(
                f"'{device.label}' cannot be opened for playback ({error}); "
                "choose other headphones in Compare, on the Live page."
            ) from error

    def _tell(self) -> None:
        """Writes the status; a position counts when it reaches the device."""
        status, mixer = self._status, self._mixer
        status[OPEN] = float(self._stream is not None)
        status[UNDERRUNS] = float(self._counters["underruns"][0])
        if mixer is None:
            return
        position = mixer.position / self._rate
        if self._stream is not None and mixer.playing:
            position -= self._ring.fill / self._device_rate
            if position < mixer.start / self._rate:
                position += (mixer.stop - mixer.start) / self._rate if mixer.repeats else 0.0
        status[POSITION] = max(position, 0.0)
        if self._played and not mixer.playing:
            status[PLAYING] = 0.0
        self._played = mixer.playing
