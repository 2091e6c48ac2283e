"""Labels: two pitch methods that agree where pitch is certain, and encoders with the right mechanics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.networks.speaker import GE2E, partials, resample_to_16k, slaney_mel
from inference.speech import PARTIAL
from training.corpus import Clip, Corpus
from training.labels import Labels, snr_db
from training.pitch_labels import HOP, RATE, label_f0, yin_f0
from training.speaker import WEIGHTS, Res2NetSpeaker, load_ge2e

needs_weights = pytest.mark.skipif(not (WEIGHTS / "ge2e.npz").exists(), reason="encoder weights not unpacked")


def buzz(f0: np.ndarray) -> np.ndarray:
    """Twelve harmonics of a track in Hz, one value a sample: (n,) float32."""
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 13))).astype(np.float32)


@pytest.mark.parametrize("hertz", [60, 90, 140, 250, 420])
def test_yin_knows_a_steady_pitch(hertz: float) -> None:
    f0 = yin_f0(buzz(np.full(RATE, hertz)))
    assert f0[10:-10] == pytest.approx(hertz, rel=0.01)


def test_yin_finds_no_pitch_in_noise_or_silence() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert np.mean(yin_f0(noise) > 0) < 0.02
    assert not yin_f0(np.zeros(RATE, np.float32)).any()


def test_both_methods_follow_a_glide_on_the_same_frames() -> None:
    pytest.importorskip("swift_f0")
    t = np.arange(2 * RATE) / RATE
    track = 110 * 2 ** (0.6 * t)
    x = buzz(track)
    f0, sure = label_f0(x)
    centre = np.arange(len(f0)) * HOP + HOP // 2
    inner = slice(15, -15)
    assert sure[inner].mean() > 0.97
    # A shift by one frame would be 0.42 %.
    assert np.median(f0[inner] / track[centre][inner]) == pytest.approx(1, abs=0.002)


@pytest.mark.parametrize("samples", [0, 100, HOP, 5 * HOP + 17])
def test_a_clip_has_one_label_per_whole_hop(samples: int) -> None:
    pytest.importorskip("swift_f0")
    f0, sure = label_f0(np.zeros(samples, np.float32))
    assert f0.shape == sure.shape == (samples // HOP,)


def make_labels(folder: Path, lengths: list[int]) -> tuple[Corpus, Labels]:
    """Two clips of one speaker, then one unlabelled clip, with recognisable numbers."""
    starts = np.cumsum([0, *lengths])
    rows = [
        Clip(
            f"c{i}",
            "some",
            "ann" if i < 2 else None,
            "train",
            int(starts[i]),
            n,
            None,
            "CC0-1.0",
            "en",
            12000,
        )
        for i, n in enumerate(lengths)
    ]
    frames = sum(n // HOP for n in lengths)
    np.save(folder / "f0.npy", np.arange(frames, dtype=np.float32))
    np.save(folder / "reliable.npy", np.ones(frames, bool))
    embeddings = np.eye(3, 256, dtype=np.float32)
    ids = np.array([row.id for row in rows])
    np.savez(folder / "labels.npz", ids=ids, ge2e=embeddings, second=embeddings, snr_db=np.full(3, 30.0))
    corpus = Corpus(rows, np.zeros(starts[-1], np.int16), folder)
    return corpus, Labels.open(folder, corpus)


def test_labels_are_found_by_clip(tmp_path: Path) -> None:
    corpus, labels = make_labels(tmp_path, [2 * HOP + 5, 3 * HOP, HOP])
    np.testing.assert_array_equal(labels.f0(corpus.rows[1]), [2, 3, 4])
    np.testing.assert_array_equal(labels.f0(corpus.rows[2]), [5])
    np.testing.assert_allclose(labels.speaker_ge2e(corpus.rows[0])[:3], [2**-0.5, 2**-0.5, 0], atol=1e-6)
    np.testing.assert_allclose(labels.speaker_ge2e(corpus.rows[2])[:3], [0, 0, 1])
    np.testing.assert_allclose(labels.quality(corpus.rows[0]), [0.5, 1.0])


def test_labels_of_another_index_are_refused(tmp_path: Path) -> None:
    corpus, _ = make_labels(tmp_path, [HOP, HOP, HOP])
    other = Corpus(corpus.rows[:2], np.zeros(2 * HOP, np.int16), tmp_path)
    with pytest.raises(ValueError, match="another index"):
        Labels.open(tmp_path, other)


def test_snr_tells_clean_from_noisy() -> None:
    rng = np.random.default_rng(0)
    speech = buzz(np.full(RATE, 120.0)) * (np.sin(2 * np.pi * 3 * np.arange(RATE) / RATE) > 0)
    clean = speech + 1e-4 * rng.standard_normal(RATE)
    noisy = speech + 2e-2 * rng.standard_normal(RATE)
    assert snr_db(clean.astype(np.float32)) > snr_db(noisy.astype(np.float32)) + 20


def test_resampling_keeps_time_and_level() -> None:
    t24, t16 = np.arange(RATE) / RATE, np.arange(16_000) / 16_000
    tone = np.sin(2 * np.pi * 1234.5 * t24).astype(np.float32)
    y = resample_to_16k(torch.from_numpy(tone)[None])[0].numpy()
    assert len(y) == 16_000
    np.testing.assert_allclose(y[200:-200], np.sin(2 * np.pi * 1234.5 * t16)[200:-200], atol=2e-3)
    above = np.sin(2 * np.pi * 9500 * t24).astype(np.float32)
    assert np.abs(resample_to_16k(torch.from_numpy(above)[None])[0].numpy()[200:-200]).max() < 1e-3


@pytest.mark.parametrize(("encoder", "size"), [(GE2E, 256), (Res2NetSpeaker, 512)])
def test_encoders_are_batched_and_differentiable(encoder: type, size: int) -> None:
    torch.manual_seed(0)
    model = encoder().eval().requires_grad_(False)
    wave = 0.1 * torch.randn(2, 24_000)
    single = model(wave[1:])
    torch.testing.assert_close(model(wave)[1:], single, atol=1e-5, rtol=1e-4)
    assert single.shape == (1, size)
    torch.testing.assert_close(single.norm(), torch.tensor(1.0))
    wave.requires_grad_(True)
    (model(wave)[0] * torch.arange(size)).sum().backward()
    assert wave.grad is not None
    assert wave.grad[0].abs().sum() > 0
    assert wave.grad[1].abs().sum() == 0


def test_mel_filters_are_slaney_s() -> None:
    mel = slaney_mel(40)
    bins = np.arange(201) * 40.0
    # Linear below 1 kHz, where neighbouring bands are equally far apart; areas are all 1.
    peaks = bins[mel.argmax(axis=1)]
    assert set(np.diff(peaks[:8])) <= {40.0, 80.0}  # 73 Hz on a grid of 40
    np.testing.assert_allclose(mel[20:].sum(axis=1) * 40, 1, atol=0.05)


@needs_weights
def test_the_shipped_encoder_is_the_trained_one() -> None:
    import onnxruntime

    wave = 0.1 * torch.randn(50_000, generator=torch.Generator().manual_seed(0))
    parts = partials(wave)
    assert parts.shape[1] == PARTIAL
    path = Path(__file__).parents[2] / "assets" / "models" / "speaker.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (shipped,) = session.run(None, {"partials": parts.numpy()})
    cosine = (shipped * load_ge2e()(parts).numpy()).sum(axis=1)
    assert cosine.min() > 0.9999
