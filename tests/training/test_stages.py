"""Every training stage in its smoke size, end to end on a CPU: from clips to networks that convert."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.converter import HOP
from inference.networks.speaker import GE2E
from inference.neural.converter import NeuralConverter, frequency_warp
from inference.neural.models import load_networks
from inference.refine.perturbation import SpeakerPerturbation
from tests.training.test_corpus import tone, write_shard
from training import export, pack, teach, train_content, train_decoder, train_pitch, whisper
from training.config import load_config, network_sizes
from training.corpus import Corpus, build_cache
from training.data import TOKEN, Speech
from training.loop import cosine_rate, load
from training.perturb import degrade
from training.speaker import Res2NetSpeaker
from voices.builtin_neural import builtin_neural_voices
from voices.tuning import Tuning

torch.set_num_threads(1)


def random_whisper() -> whisper.Weights:
    """Weights of the right shapes, for tests that must not need the package."""
    rng = np.random.default_rng(0)

    def some(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.05, shape).astype(np.float32)

    weights = {
        "conv1/weight": some(384, 80, 3),
        "conv1/bias": some(384),
        "conv2/weight": some(384, 384, 3),
        "conv2/bias": some(384),
        "layer_norm/gamma": some(384),
        "layer_norm/beta": some(384),
        "position_encodings/encodings": some(1500, 384),
    }
    for layer in range(4):
        here = f"layer_{layer}/"
        for norm in ("self_attention/layer_norm", "ffn/layer_norm"):
            weights |= {f"{here}{norm}/gamma": some(384), f"{here}{norm}/beta": some(384)}
        for name, rows, columns in (
            ("self_attention/linear_0", 1152, 384),
            ("self_attention/linear_1", 384, 384),
            ("ffn/linear_0", 1536, 384),
            ("ffn/linear_1", 384, 1536),
        ):
            weights |= {f"{here}{name}/weight": some(rows, columns), f"{here}{name}/bias": some(rows)}
    return weights


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of three buzzing clips with labels that are true to them."""
    folder = tmp_path_factory.mktemp("stages")
    tones = (("a", 110, 4.5), ("b", 180, 3.0), ("c", 260, 1.0))
    clips = {name: tone(hz, seconds) for name, hz, seconds in tones}
    write_shard(folder / "shards", "one", clips)
    build_cache(folder / "shards", folder / "cache", workers=1)
    corpus = Corpus.open(folder / "cache")
    hertz = {"a": 110.0, "b": 180.0, "c": 260.0}
    f0 = [np.full(row.length // HOP, hertz[row.id], np.float32) for row in corpus.rows]
    np.save(folder / "cache" / "f0.npy", np.concatenate(f0))
    np.save(folder / "cache" / "reliable.npy", np.ones(sum(map(len, f0)), bool))
    np.savez(
        folder / "cache" / "labels.npz",
        ids=np.array([row.id for row in corpus.rows]),
        ge2e=np.full((3, 256), 1 / 16, np.float32),
        second=np.full((3, 512), 512**-0.5, np.float32),
        snr_db=np.array([40, 30, 20], np.float32),
    )
    return folder / "cache"


def arguments(cache: Path, out: Path, resume: bool = False) -> Namespace:
    return Namespace(
        cache=cache, out=out, smoke=True, resume=resume, resume_at=None, seconds=None, until=None, after=()
    )


SPEAKER = np.full((1, 256), 1 / 16, np.float32)
QUALITY = np.array([[0.75, 1.0]], np.float32)


class TorchStream:
    """The networks as they are trained, hop by hop: what any runtime has to equal."""

    def __init__(self, run: Path) -> None:
        self.content, self.pitch, self.decoder = export.trained(run, network_sizes(smoke=True))
        self.states = [network.init_state(1) for network in (self.content, self.pitch, self.decoder)]
        self.style = self.decoder.condition(torch.tensor(SPEAKER), torch.tensor(QUALITY))
        self.heard: list[torch.Tensor] = []
        self.units = torch.zeros(1, 1, self.content.config.units)

    def listen(self, audio: np.ndarray) -> np.ndarray:
        self.heard.append(torch.tensor(audio))
        prosody, self.states[1] = self.pitch(self.heard[-1], self.states[1])
        return prosody.numpy()

    def speak(
        self, prosody: np.ndarray, source: np.ndarray, style: torch.Tensor, warp: np.ndarray
    ) -> np.ndarray:
        fresh = len(self.heard) % 2 == 0
        if fresh:
            self.units, self.states[0] = self.content(torch.cat(self.heard[-2:], 1), self.states[0])
        frames = self.decoder.frames(self.units, torch.full((1, 1), float(fresh)), torch.tensor(prosody))
        audio, self.states[2] = self.decoder(
            frames, torch.tensor(source), style, self.states[2], torch.tensor(warp)
        )
        return audio.numpy()


@pytest.fixture(scope="module")
def untaught() -> Iterator[None]:
    """Random weights in place of those that must be downloaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teach, "load_encoder", random_whisper)
        patch.setattr(train_decoder, "load_ge2e", lambda: GE2E().requires_grad_(False).eval())
        patch.setattr(train_decoder, "load_second", lambda: Res2NetSpeaker().requires_grad_(False).eval())
        yield


@pytest.fixture(scope="module")
def run(cache: Path, untaught: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All stages, one after another, as the device runs them."""
    out = tmp_path_factory.mktemp("run")
    torch.manual_seed(1)
    teach.teach(cache, load_config(smoke=True)["teacher"], torch.device("cpu"))
    train_content.train(arguments(cache, out))
    train_pitch.train(arguments(cache, out))
    train_decoder.train(arguments(cache, out))
    return out


def test_the_teacher_gives_a_code_to_every_token_of_every_clip(run: Path, cache: Path) -> None:
    with np.load(cache / "codes.npz") as arrays:
        counts = np.diff(arrays["start"])
        assert arrays["codes"].max() < 8
        assert len(arrays["codes"]) == counts.sum()
    assert list(counts) == [-(-row.length // TOKEN) for row in Corpus.open(cache).rows]


@pytest.mark.parametrize("stage", ["content", "pitch", "decoder"])
def test_each_stage_logs_finite_losses_and_moves_its_average(run: Path, stage: str) -> None:
    lines = [json.loads(line) for line in (run / f"{stage}.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] >= 3
    assert all(np.isfinite(value) for line in lines for value in line.values())
    assert load(run / f"{stage}.pt", torch.device("cpu"))["step"] == lines[-1]["step"]


def test_a_stage_resumes_from_what_it_saved(run: Path, cache: Path, tmp_path: Path) -> None:
    state = load(run / "pitch.pt", torch.device("cpu"))
    torch.save(state, tmp_path / "pitch.pt")
    train_pitch.train(arguments(cache, tmp_path, resume=True))
    after = load(tmp_path / "pitch.pt", torch.device("cpu"))
    steps = [int(s["optimizer"]["state"][0]["step"]) for s in (state, after)]
    assert steps[1] == 2 * steps[0]


def test_packed_checkpoints_come_back_within_half_precision(run: Path, tmp_path: Path) -> None:
    pack.pack(run, tmp_path / "packed")
    pack.unpack(tmp_path / "packed", tmp_path / "run")
    for stage in ("content", "pitch", "decoder"):
        cpu, file = torch.device("cpu"), f"{stage}.pt"
        before, after = load(run / file, cpu), load(tmp_path / "run" / file, cpu)
        for name, value in before["average"].items():
            assert torch.allclose(after["average"][name], value, atol=2e-3, rtol=1e-3), name


def test_a_decoder_goes_on_from_its_average_where_the_live_weights_were_left_behind(
    run: Path, cache: Path, tmp_path: Path
) -> None:
    pack.pack(run, tmp_path / "packed")
    (tmp_path / "packed" / "decoder_live.pt").unlink()
    pack.unpack(tmp_path / "packed", tmp_path / "run")
    train_decoder.train(arguments(cache, tmp_path / "run", resume=True))
    lines = (tmp_path / "run" / "decoder.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["progress"] == 1.0


def test_an_unfinished_run_is_completed_by_what_ships(run: Path, tmp_path: Path) -> None:
    pack.pack(run, tmp_path / "base")
    (tmp_path / "half").mkdir()
    state = load(run / "content.pt", torch.device("cpu"))
    state["average"] = {name: value + 1 for name, value in state["average"].items()}
    torch.save(state, tmp_path / "half" / "content.pt")
    pack.assemble(tmp_path / "half", tmp_path / "base", tmp_path / "whole")
    before, after = (
        export.trained(folder, network_sizes(smoke=True)) for folder in (run, tmp_path / "whole")
    )
    moved = [(a - b).abs().max() for a, b in zip(after[0].parameters(), before[0].parameters(), strict=True)]
    assert min(moved) > 0.9
    for ours, theirs in zip(after[2].parameters(), before[2].parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-3, rtol=1e-3)


def test_exported_steps_speak_like_the_torch_networks(run: Path, tmp_path: Path) -> None:
    pack.pack(run, tmp_path / "packed")
    pack.unpack(tmp_path / "packed", tmp_path / "run")  # weights that half precision holds exactly
    export.export(tmp_path / "run", tmp_path / "models", "half", smoke=True)
    torch_stream, stream = TorchStream(tmp_path / "run"), load_networks(tmp_path / "models").stream()
    style = torch_stream.style
    folded = load_networks(tmp_path / "models").style(SPEAKER, QUALITY)
    rng = np.random.default_rng(5)
    warps = [frequency_warp(0.0), frequency_warp(3.7)]
    for hop in range(40):
        audio, source = 0.1 * rng.standard_normal((1, HOP)), rng.standard_normal((1, 2, HOP))
        audio, source = audio.astype(np.float32), source.astype(np.float32)
        prosody = stream.listen(audio).copy()
        np.testing.assert_allclose(prosody, torch_stream.listen(audio), rtol=1e-4, atol=1e-4)
        prosody[0, 0, 0] *= hop % 3 > 0
        warp = warps[hop // 20]
        spoken = stream.speak(prosody, source, folded, warp)
        wanted = torch_stream.speak(prosody, source, style, warp)
        np.testing.assert_allclose(spoken, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision", ["half", "int8"])
def test_exported_networks_convert(run: Path, tmp_path: Path, precision: str) -> None:
    export.export(run, tmp_path, precision, smoke=True)
    converter = NeuralConverter(builtin_neural_voices()[0], load_networks(tmp_path))
    x = tone(150, 0.5)
    hops = [converter.process(x[i : i + HOP], Tuning()).copy() for i in range(0, len(x) - HOP, HOP)]
    assert np.isfinite(np.concatenate(hops)).all()
    assert np.abs(np.concatenate(hops)).max() > 0


def test_crops_start_on_tokens_and_end_in_silence(cache: Path) -> None:
    speech = Speech(Corpus.open(cache), "train", load_config()["data"], torch.device("cpu"))
    crops = speech.crops(16, 5 * 24_000)
    assert (crops.start % TOKEN == 0).all()
    assert (crops.audio[:, -1000:] == 0).all()
    exact = speech.audio[: int(speech.length[0])].float() / 32768
    one = torch.zeros(1, dtype=torch.long)
    whole = speech.read(one, one, torch.ones(1), len(exact))
    assert torch.allclose(whole[0], exact)


def test_faster_crops_are_higher(cache: Path) -> None:
    speech = Speech(Corpus.open(cache), "train", load_config()["data"], torch.device("cpu"))
    one = torch.zeros(1, dtype=torch.long)
    y = speech.read(one, one, torch.tensor([1.25]), 24_000)[0]
    peak = torch.fft.rfft(y * torch.hann_window(24_000)).abs().argmax()
    assert int(peak) == pytest.approx(110 * 1.25, abs=2)


def test_pitch_labels_follow_the_speed(cache: Path) -> None:
    corpus = Corpus.open(cache)
    speech = Speech(corpus, "train", load_config()["data"], torch.device("cpu"))
    labels = train_pitch.PitchLabels(cache, corpus, speech)
    crops = speech.crops(8, 50 * HOP, torch.full((8,), 1.3))
    hz, trust = labels.of(crops, 50)
    true = torch.tensor([110.0, 180.0, 260.0])[crops.clip][:, None] * 1.3
    assert torch.allclose(hz[trust > 0], true.expand_as(hz)[trust > 0], rtol=1e-5)
    assert trust.mean() > 0.5


def test_perturbation_changes_the_speaker_and_only_when_asked() -> None:
    torch.manual_seed(0)
    perturb, x = SpeakerPerturbation(), 0.1 * torch.randn(2, 20 * HOP)
    plain, turned = perturb(x, 0.0), perturb(x, 1.0)
    encoder_power, _ = train_content.new_encoder(smoke=True).log_mel.power(x, torch.zeros(2, 360))
    assert torch.allclose(plain, encoder_power, rtol=0.02, atol=1e-6)
    assert not torch.allclose(turned, plain, rtol=0.2)
    assert torch.isfinite(degrade(x)).all()


def test_the_rate_warms_up_and_ends_low() -> None:
    rates = [cosine_rate(p, 0.1) for p in np.linspace(0, 1, 200)]
    assert rates[0] < 0.1
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates[-1] == pytest.approx(0.1, abs=1e-6)


def test_a_foreign_ctranslate2_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"\x05\x00\x00\x00rest")
    with pytest.raises(whisper.WhisperError, match="format 5"):
        whisper.read_ctranslate2(path, "encoder/")
