"""The networks: a stream equals one pass, nothing hears the future, delays are what is declared."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.networks.config import FULL, SMOKE, NetworkConfig
from inference.networks.content import ContentEncoder
from inference.networks.decoder import Decoder
from inference.networks.excitation import pulse_train
from inference.networks.pitch import PitchTracker
from inference.networks.spectral import LogMel, Synthesis, frames_of, mel_filterbank
from inference.networks.timing import FRAME, FRAME_HOP, HOP, LATENCY, TOKEN_LOOK_AHEAD
from inference.networks.transforms import position_rows

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(7)
    with torch.no_grad():
        yield


def streamed(network, x: Tensor, unit: int, block: int) -> Tensor:
    """Runs x through the network in blocks of `block` steps of `unit` samples; the last may be shorter."""
    state, pieces = network.init_state(1), []
    for at in range(0, x.shape[1], unit * block):
        y, state = network(x[:, at : at + unit * block], state)
        pieces.append(y)
    return torch.cat(pieces, dim=1)


@pytest.mark.parametrize("block", [1, 2, 3, 7, 30])
def test_content_streams_as_it_runs_at_once(block):
    encoder = ContentEncoder(SMOKE.content).eval()
    x = 0.1 * torch.randn(1, 2 * HOP * 45)
    whole, _ = encoder(x, encoder.init_state(1))
    assert torch.allclose(streamed(encoder, x, 2 * HOP, block), whole, atol=1e-5)


def test_the_shipped_size_of_content_streams_past_its_window():
    encoder = ContentEncoder(FULL.content).eval()
    x = 0.1 * torch.randn(1, 2 * HOP * 150)
    whole, _ = encoder(x, encoder.init_state(1))
    assert torch.allclose(streamed(encoder, x, 2 * HOP, 25), whole, atol=1e-5)


@pytest.mark.parametrize("block", [1, 2, 5, 16])
def test_pitch_streams_as_it_runs_at_once(block):
    tracker = PitchTracker(SMOKE.pitch).eval()
    x = 0.1 * torch.randn(1, HOP * 40)
    whole, _ = tracker(x, tracker.init_state(1))
    assert torch.allclose(streamed(tracker, x, HOP, block), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sizes", [SMOKE, FULL], ids=["smoke", "full"])
@pytest.mark.parametrize("block", [1, 2, 5])
def test_decoder_streams_as_it_runs_at_once(sizes: NetworkConfig, block):
    decoder = Decoder(sizes.decoder).eval()
    frames, source = torch.randn(1, 20, decoder.inputs), torch.randn(1, 2, 20 * HOP)
    style = decoder.condition(torch.randn(1, 256) / 16, torch.rand(1, 2))
    whole, _ = decoder(frames, source, style, decoder.init_state(1))
    state, pieces = decoder.init_state(1), []
    for at in range(0, 20, block):
        part = source[:, :, at * HOP : (at + block) * HOP]
        y, state = decoder(frames[:, at : at + block], part, style, state)
        pieces.append(y)
    assert torch.allclose(torch.cat(pieces, 1), whole, atol=1e-5)


@pytest.mark.parametrize("kind", ["content", "pitch"])
def test_nothing_hears_the_future(kind):
    network = ContentEncoder(SMOKE.content).eval() if kind == "content" else PitchTracker(SMOKE.pitch).eval()
    step = 2 * HOP if kind == "content" else HOP
    x = 0.1 * torch.randn(1, step * 12)
    other = x.clone()
    other[:, 8 * step :] = torch.randn(1, 4 * step)
    a, _ = network(x, network.init_state(1))
    b, _ = network(other, network.init_state(1))
    assert torch.equal(a[:, :8], b[:, :8])
    assert not torch.allclose(a[:, 8:], b[:, 8:])


def test_positions_come_round():
    table = torch.tensor(position_rows(1500, 384))
    half = table.shape[1] // 2
    turn = torch.atan2(table[1, :half], table[1, half:]).double() * 1500 / (2 * np.pi)
    assert torch.allclose(turn, torch.round(turn), atol=1e-3)
    assert turn.max() > 200


def test_the_clock_of_the_content_encoder_wraps():
    encoder = ContentEncoder(SMOKE.content).eval()
    state = encoder.init_state(1)
    state["position"] += SMOKE.content.periods - 1
    _, after = encoder(torch.zeros(1, 3 * 2 * HOP), state)
    assert after["position"].item() == 2


def test_synthesis_returns_its_source_later_by_the_overlap():
    synthesis = Synthesis()
    x = torch.randn(1, 2, 12 * HOP)
    past, tail = synthesis.init_state(1)
    spectra, _ = synthesis.analyse(x, past)
    y, _ = synthesis.overlap_add(spectra[:, 0], tail)
    delay = FRAME - FRAME_HOP
    assert torch.allclose(y[0, delay:], x[0, 0, :-delay], atol=1e-5)
    look_ahead = LATENCY - delay
    assert look_ahead == 480
    assert 2 * HOP < TOKEN_LOOK_AHEAD < LATENCY <= 960


def test_log_mel_of_a_tone_peaks_in_its_band():
    mel = LogMel(80)
    t = torch.arange(HOP * 20) / 24_000
    spectrum, _ = mel(0.5 * torch.sin(2 * torch.pi * 1000.0 * t)[None], mel.init_state(1))
    centre = (mel.bank * (torch.arange(201) * 40.0)[:, None]).sum(0) / mel.bank.sum(0).clamp(min=1e-9)
    assert abs(float(centre[spectrum[0, 10].argmax()]) - 1000.0) < 60


def test_mel_filters_have_unit_area():
    bank = mel_filterbank(80, 2001, 4.0)
    assert torch.allclose(bank.sum(0) * 4.0, torch.ones(80), atol=0.02)


@pytest.mark.parametrize(
    ("size", "hop", "count"), [(600, 240, 1), (600, 240, 2), (480, 120, 9), (1440, 240, 5)]
)
def test_frames_are_the_slices_they_should_be(size, hop, count):
    x = torch.randn(2, size + (count - 1) * hop)
    wanted = torch.stack([x[:, i * hop : i * hop + size] for i in range(count)], 1)
    assert torch.equal(frames_of(x, size, hop), wanted)


@pytest.mark.parametrize("block", [1, 4])
def test_pulses_stream_and_agree_between_numpy_and_torch(block):
    f0 = np.concatenate([np.zeros(5), np.linspace(70, 400, 30), np.zeros(5), np.full(10, 900.0)])[None]
    zero = np.zeros((1, 1))
    whole, _ = pulse_train(f0, zero, zero, np)
    theirs, _ = pulse_train(torch.tensor(f0), torch.zeros(1, 1).double(), torch.zeros(1, 1).double(), torch)
    np.testing.assert_allclose(theirs.numpy(), whole, atol=1e-5)
    phase, last, pieces = zero, zero, []
    for at in range(0, f0.shape[1], block):
        y, phase = pulse_train(f0[:, at : at + block], last, phase, np)
        last = f0[:, at + block - 1 : at + block]
        pieces.append(y)
    np.testing.assert_allclose(np.concatenate(pieces, 1)[:, : whole.shape[1]], whole, atol=1e-5)


def test_pulses_have_unit_power_the_right_pitch_and_silence_where_unvoiced():
    f0 = np.concatenate([np.full(50, 150.0), np.zeros(10)])[None]
    y, _ = pulse_train(f0, np.zeros((1, 1)), np.zeros((1, 1)), np)
    voiced = y[0, 2 * HOP : 48 * HOP]
    assert np.mean(voiced**2) == pytest.approx(1.0, rel=0.05)
    spectrum = np.abs(np.fft.rfft(voiced * np.hanning(len(voiced))))
    assert np.argmax(spectrum[: len(spectrum) // 60]) * 24_000 / len(voiced) == pytest.approx(150, abs=3)
    assert np.all(y[0, 51 * HOP :] == 0)


def test_the_tracker_reads_its_classes_as_hertz():
    tracker = PitchTracker(SMOKE.pitch)
    logits = torch.full((1, 1, SMOKE.pitch.bins + 1), -20.0)
    logits[0, 0, 100], logits[0, 0, 101], logits[0, 0, -1] = 5.0, 5.0, 3.0
    hz, voicing = tracker.decode(logits)
    assert float(hz) == pytest.approx(46.0 * 2 ** (100.5 * 20 / 1200), rel=1e-4)
    assert float(voicing) > 0.9


def test_everything_together_is_under_twenty_million():
    networks = ContentEncoder(FULL.content), PitchTracker(FULL.pitch), Decoder(FULL.decoder)
    assert sum(p.numel() for n in networks for p in n.parameters()) < 20_000_000
    assert NetworkConfig.from_dict(FULL.as_dict()) == FULL
