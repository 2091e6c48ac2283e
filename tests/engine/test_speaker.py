"""Who speaks stays known over a voice change, in bypass, over restarts; a phrase is somebody else's."""

from __future__ import annotations

import multiprocessing as mp
from types import SimpleNamespace

import numpy as np
import pytest

from inference.chain import Chain
from inference.converter import MODEL_RATE, Block
from inference.engine import worker
from inference.engine.internal import Attach, Attached, Lost, Opened, StreamInfo
from inference.engine.messages import EngineParams, Mode, Start, StreamConfig, StreamsOpened
from inference.engine.phrase import PhrasePlayer, PhraseSource
from inference.engine.shared import SharedBlock
from inference.engine.supervisor import Supervisor
from inference.modelfree.converter import ModelFreeConverter
from inference.neural.converter import NeuralConverter
from tests.tools.vowels import vowel
from voices.builtin_neural import builtin_neural_voices
from voices.voice import Recipe

INFO = StreamInfo(48_000, 48_000, 0, True, 0.0, 0.0)
STREAMS = StreamsOpened("microphone", "cable", None, 48_000, 240, True)


@pytest.fixture
def shared() -> SharedBlock:
    return SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="speaker"))


def speak(chain: Chain, hz: float, seconds: float, mode: Mode = Mode.CONVERTED) -> None:
    """Somebody says a vowel into the microphone."""
    x = (0.3 * vowel(hz, seconds)).astype(np.float32)
    for block in x[: len(x) // chain.block * chain.block].reshape(-1, chain.block):
        chain.process(block, EngineParams(mode=mode))


@pytest.mark.parametrize("mode", [Mode.CONVERTED, Mode.BYPASS, Mode.MUTE])
def test_another_voice_is_told_who_speaks(mode: Mode) -> None:
    chain = Chain(MODEL_RATE, MODEL_RATE, ModelFreeConverter(Recipe()))
    speak(chain, 110.0, 3.5, mode)
    assert chain.speaker_hz == pytest.approx(110.0, rel=0.03)
    voice = builtin_neural_voices()[0]
    arriving = NeuralConverter(voice)
    arriving.warm_up()
    chain.swap(arriving)
    speak(chain, 110.0 * 2 ** (6 / 12), 0.15, mode)
    assert chain.converter is arriving
    assert chain.speaker_hz == pytest.approx(110.0, rel=0.06)
    # Six semitones above the speaker's middle are six above the voice's.
    shift = 12 * np.log2(arriving.pitch.output_hz / arriving.pitch.input_hz)
    assert shift == pytest.approx(12 * np.log2(voice.f0_median_hz / 110.0), abs=1.0)


def test_what_another_session_left_is_where_a_session_begins() -> None:
    chain = Chain(MODEL_RATE, MODEL_RATE, ModelFreeConverter(Recipe()))
    assert chain.speaker_hz == 0.0
    chain.begin(140.0)
    assert chain.speaker_hz == pytest.approx(140.0)
    chain.begin()
    assert chain.speaker_hz == 0.0


def test_a_phrase_goes_by_its_own_speaker_and_leaves_ours_alone() -> None:
    guest: list[float | None] = [None]

    def source(hop: Block) -> float | None:
        return guest[0]

    first, second = ModelFreeConverter(Recipe()), ModelFreeConverter(Recipe())
    chain = Chain(MODEL_RATE, MODEL_RATE, first, source=source)
    speak(chain, 110.0, 3.5)
    guest[0] = 300.0
    speak(chain, 320.0, 1.0)
    assert first.speaker.hz == pytest.approx(300.0)
    assert chain.speaker_hz == pytest.approx(110.0, rel=0.03)
    chain.swap(second)
    speak(chain, 320.0, 0.5)
    assert second.speaker.hz == pytest.approx(300.0)
    guest[0] = None
    speak(chain, 110.0, 0.1)
    assert second.speaker.hz == chain.speaker_hz == pytest.approx(110.0, rel=0.03)


def test_the_phrase_tells_who_says_it(shared: SharedBlock) -> None:
    player, source, hop = PhrasePlayer(shared), PhraseSource(shared), np.zeros(240, np.float32)
    assert source.replace(hop) is None
    player.play(np.full(480, 0.1, np.float32), 170.0)
    assert [source.replace(hop) for _ in range(3)] == [170.0, 170.0, None]


def test_a_worker_begins_with_the_speaker_it_is_told(shared: SharedBlock) -> None:
    ours, theirs = mp.Pipe()
    shared["telemetry"]["speaker_hz"] = 99.0
    made = worker._Worker(shared, theirs)
    made._obey(Attach(INFO, 130.0))
    while made._inbox:
        made._accept(made._inbox.popleft())
    assert [ours.recv() for _ in range(2)][-1] == Attached()
    assert shared["telemetry"]["speaker_hz"][0] == pytest.approx(130.0)


def test_a_worker_that_takes_anothers_place_is_told_what_that_one_learnt(shared: SharedBlock) -> None:
    ours, theirs = mp.Pipe()
    sent: list[object] = []
    supervisor = Supervisor(shared, theirs, lambda event: None)
    supervisor._worker = SimpleNamespace(send=sent.append)
    supervisor._obey(Start(StreamConfig(speakers={STREAMS.input_device: 180.0, "another": 99.0})))
    supervisor._hear(Opened(STREAMS, INFO))
    assert sent[-1] == Attach(INFO, 180.0)
    shared["telemetry"]["speaker_hz"] = 99.0  # of a session before
    supervisor._follow_speaker()
    supervisor._hear(Attached())
    shared["telemetry"]["speaker_hz"] = 140.0
    supervisor._follow_speaker()
    supervisor._standby = SimpleNamespace(take=lambda _: supervisor._worker)  # type: ignore[assignment]
    supervisor._start_worker()
    assert sent[-1] == Attach(INFO, 140.0)
    ours.close()


def test_a_microphone_that_stands_in_begins_with_who_speaks_there(shared: SharedBlock) -> None:
    ours, theirs = mp.Pipe()
    sent: list[object] = []
    supervisor = Supervisor(shared, theirs, lambda event: None)
    supervisor._worker = SimpleNamespace(send=sent.append)  # type: ignore[assignment]
    speakers = {"microphone": 120.0, "broken": 230.0}
    supervisor._obey(Start(StreamConfig("microphone", speakers={})))
    supervisor._hear(Opened(STREAMS, INFO))
    supervisor._obey(Start(StreamConfig("broken", speakers=speakers)))
    supervisor._hear(Lost("It is not there."))
    supervisor._hear(Opened(STREAMS, INFO))
    assert sent[-1] == Attach(INFO, 120.0)
    ours.close()
