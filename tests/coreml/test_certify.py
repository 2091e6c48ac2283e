"""Who may speak: parity and time decide, failures are rows, the certificate survives only where it holds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference import runtimes
from inference.coreml import apple, cache, machine
from inference.coreml.certify import (
    Candidate,
    Certificate,
    Key,
    Row,
    certificate_path,
    certify,
    recall,
    remember,
    table,
)
from inference.coreml.fixture import Fixture
from inference.coreml.package import FIXTURE, Package, ProgramFile
from inference.coreml.program import Memory
from inference.runtimes import (
    RuntimeKind,
    RuntimeUnavailableError,
    Wish,
    load_runtime,
    parse,
    use,
    wish,
    wished,
)
from tests.coreml.evaluator import read

pytestmark = pytest.mark.timeout(600)

KEY = Key("arm64", "macOS 15.6", "abc")
ONNX = [Row(network, "onnx", "cpu", p50_ms=4.0, accepted=True) for network in ("hop", "pitch")]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))
    monkeypatch.delenv(runtimes.VARIABLE, raising=False)
    return tmp_path


class Echo:
    """A runtime that says what the fixture says, with an error of `wrong` times its own size."""

    name, latency, failures = "echo", 0, 0

    def __init__(self, fixture: Fixture, wrong: float = 0.0) -> None:
        self.fixture, self.wrong, self.hop = fixture, wrong, 0

    def stream(self):
        """See Runtime."""
        return self

    def listen(self, audio):
        """See Stream."""
        return np.ones((1, 1, 3), np.float32)

    def speak(self, prosody, source, style, warp):
        """See Stream."""
        spoken = self.fixture.spoken[self.hop % len(self.fixture.audio)]
        self.hop += 1
        return spoken[None] * np.float32(1 + self.wrong)


@pytest.fixture(scope="module")
def fixture() -> Fixture:
    noise = np.random.default_rng(0).standard_normal
    return Fixture(
        *(noise(shape, np.float32) for shape in ((9, 240), (9, 2), (9, 3), (9, 2, 240), (9, 240))),
        style=noise(8, np.float32),
    )


def refuse():
    raise OSError("no such unit")


def test_only_what_is_right_is_accepted(fixture):
    candidates = [
        Candidate("hop", "onnx", "cpu", lambda: Echo(fixture, 0.5)),
        Candidate("hop", "good", "ne", lambda: Echo(fixture, 0.001), lambda: {"NeuralEngine": 3}),
        Candidate("hop", "wrong", "gpu", lambda: Echo(fixture, 0.5), refuse),
        Candidate("hop", "broken", "all", refuse),
    ]
    onnx, good, wrong, broken = certify(candidates, fixture, KEY, hops=20).rows
    assert onnx.accepted
    assert good.snr_db == pytest.approx(60, abs=0.1)
    assert good.placement == {"NeuralEngine": 3}
    assert wrong.reason == "differs too much: 6.0 dB, 20 needed"
    assert broken.reason == "OSError: no such unit"
    assert [row.accepted for row in (wrong, broken)] == [False, False]


def test_a_slow_unit_is_refused(fixture, monkeypatch):
    monkeypatch.setattr("inference.coreml.certify.MAX_P999_MS", 0.0)
    (row,) = certify([Candidate("hop", "good", "ne", lambda: Echo(fixture))], fixture, KEY, hops=20).rows
    assert row.reason.startswith("too slow: p99.9")


def test_the_fastest_accepted_is_chosen_and_a_unit_can_be_forced():
    rows = [
        Row("hop", "a", "ne", p50_ms=1.0, accepted=True),
        Row("hop", "a", "gpu", p50_ms=2.0, accepted=True),
        Row("hop", "a", "all", p50_ms=0.5, accepted=False),
    ]
    certificate = Certificate(KEY, (*ONNX, *rows))
    assert certificate.chosen("hop").unit == "ne"
    assert certificate.chosen("hop", "gpu").unit == "gpu"
    assert certificate.chosen("hop", "all").unit == "ne"
    assert certificate.chosen("pitch").program == "onnx"
    assert [line[0] for line in table(certificate)] == [" ", " ", "*", "*", " ", " "]


def test_a_certificate_holds_for_its_machine_system_and_networks_only():
    certificate = Certificate(KEY, tuple(ONNX))
    remember(certificate)
    assert recall(KEY) == certificate
    for part in ("machine", "system", "model", "programs"):
        assert recall(replace(KEY, **{part: "another"})) is None


def test_another_mac_and_other_programs_need_another_certificate(package, tmp_path, monkeypatch):
    """A home moves from Mac to Mac, all of them 'arm'; programs are exported anew of the same networks."""
    monkeypatch.setattr(machine, "find_package", lambda: package)
    monkeypatch.setattr(apple, "chip", lambda: "Apple M1, MacBookAir10,1")
    first = machine.key()
    assert "Apple M1" in first.machine
    monkeypatch.setattr(apple, "chip", lambda: "Apple M4, Mac16,12")
    assert machine.key() != first
    monkeypatch.setattr(apple, "chip", lambda: "Apple M1, MacBookAir10,1")
    assert machine.key() == first
    changed = replace(
        package, programs=(replace(package.programs[0], sha256="0" * 64), *package.programs[1:])
    )
    monkeypatch.setattr(machine, "find_package", lambda: changed)
    assert machine.key() != first


def test_the_page_about_core_ml_shows_the_networks_that_are_shipped():
    page = (Path(machine.__file__).parents[2] / "docs" / "coreml.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^\S+, Linux-\S+, networks (\S+)$", page, re.MULTILINE)
    assert machine.key().model.startswith(shown)
    assert f"manifest\n{shown}" in page


def test_a_mac_says_which_it_is(monkeypatch):
    facts = {b"machdep.cpu.brand_string": b"Apple M2 Pro", b"hw.model": b"Mac14,10"}

    class Library:
        """What of the C library is asked."""

        @staticmethod
        def sysctlbyname(name, room, size, new, length):
            if name not in facts:
                return -1
            room.value = facts[name]
            return 0

    monkeypatch.setattr(apple.ctypes, "CDLL", lambda name: Library)
    assert apple.chip("darwin") == "Apple M2 Pro, Mac14,10"
    del facts[b"hw.model"]
    assert apple.chip("darwin") == "Apple M2 Pro"
    assert apple.chip("linux") == ""


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 1}', '{"format": 9}', '{"format":1,"key":{},"rows":[]}']
)
def test_a_broken_certificate_is_none(text):
    certificate_path().write_text(text)
    assert recall() is None


def test_a_certificate_with_a_missing_figure_is_none():
    remember(Certificate(KEY, tuple(ONNX)))
    about = json.loads(certificate_path().read_text())
    about["rows"][0]["p50_ms"] = "fast"
    certificate_path().write_text(json.dumps(about))
    assert recall() is None


def test_a_program_is_compiled_once_per_content_and_system(tmp_path):
    program = ProgramFile("hop", "hop.mlpackage", 15, "half", "parts", "f" * 64, {})
    made = []

    def compile_(package: Path, target: Path) -> None:
        made.append(target)
        target.mkdir()

    first = cache.compiled(tmp_path, program, "macOS 15.6", compile_)
    assert cache.compiled(tmp_path, program, "macOS 15.6", compile_) == first
    other = cache.compiled(tmp_path, program, "macOS 16/0", compile_)
    assert len(made) == 2
    assert first != other
    assert list(cache.cache_folder().iterdir()) in ([first, other], [other, first])
    cache.tidy({first})
    assert list(cache.cache_folder().iterdir()) == [first]


def test_two_processes_may_compile_the_same_program(tmp_path):
    program = ProgramFile("hop", "hop.mlpackage", 15, "half", "parts", "f" * 64, {})
    faster = cache.compiled_path(program, "macOS 15.6")

    def compile_(package: Path, target: Path) -> None:
        for folder in (faster, target):
            folder.mkdir(parents=True)
            (folder / "model").write_text("compiled")

    assert cache.compiled(tmp_path, program, "macOS 15.6", compile_) == faster
    assert [path.name for path in cache.cache_folder().iterdir()] == [faster.name]


def test_each_system_gets_the_programs_it_can_run(package):
    files = lambda macos: {p.file for p in package.fitting("hop", macos)}  # noqa: E731
    assert files(16) == files(15) == {"hop-int8.mlpackage"}
    assert files(14) == files(13) == {"hop-macos13.mlpackage"}
    assert files(12) == set()


class Shop(machine.Workshop):
    """A Mac's workshop with the evaluator as its Core ML; one unit does not work."""

    def open_predictor(self, program, unit):
        """See Workshop."""
        if unit == "gpu":
            raise RuntimeError("no GPU here")
        return read(self.package.folder / program.file)

    def placement(self, program, unit):
        """See Workshop."""
        return {"CPU": 1}


def test_a_mac_certifies_and_then_speaks_through_core_ml(package: Package, networks_folder, monkeypatch):
    networks = machine.load_networks(networks_folder)
    monkeypatch.setattr(machine, "load_networks", lambda: networks)
    shop = Shop(package, 15)
    fixture = Fixture.load(package.folder / FIXTURE)
    short = replace(
        fixture, **{n: getattr(fixture, n)[:6] for n in ("audio", "melody", "prosody", "source", "spoken")}
    )
    candidates = shop.candidates()
    assert len(candidates) == 2 + 2 * len(apple.Unit)
    found = [c for c in candidates if c.unit in ("cpu", "gpu")]
    monkeypatch.setattr("inference.coreml.certify.MAX_P999_MS", 1e9)
    certificate = certify(found, short, KEY, hops=6)
    verdicts = {(row.network, row.program, row.unit): row.accepted for row in certificate.rows}
    assert verdicts["hop", "hop-int8.mlpackage", "cpu"]
    assert not verdicts["hop", "hop-int8.mlpackage", "gpu"]
    hop, pitch = (
        next(r for r in certificate.rows if r.network == n and r.accepted and r.program != "onnx")
        for n in ("hop", "pitch")
    )
    runtime = shop.runtime(hop, pitch)
    assert runtime.name == "Core ML (processor)"
    stream = runtime.stream()
    stream.listen(fixture.audio[:1])
    assert runtime.failures == 0
    runtime.failed(RuntimeError("enough"))


def test_states_of_old_systems_are_fed_back():
    class Counter:
        def make_state(self):
            return None

        def predict(self, inputs, state):
            count = inputs["count_in"] + 1
            return {"parts": count, "count_out": count}

    memory = Memory(Counter(), {"count": (1,)})
    assert [float(memory.predict({}, "parts")[0]) for _ in range(3)] == [1, 2, 3]


def test_wishes_are_remembered_and_the_environment_overrides(monkeypatch):
    assert wished() == Wish()
    wish(Wish(RuntimeKind.COREML, "ne"))
    assert wished() == Wish(RuntimeKind.COREML, "ne")
    monkeypatch.setenv(runtimes.VARIABLE, "onnx")
    assert wished().runtime is RuntimeKind.ONNX
    runtimes.wish_path().write_text("{")
    assert wished() == Wish(RuntimeKind.ONNX)
    use("auto")
    assert wished().runtime is RuntimeKind.ONNX
    with pytest.raises(RuntimeUnavailableError, match="no runtime 'gpu'"):
        parse("gpu")


def test_core_ml_off_a_mac_is_one_sentence(monkeypatch):
    monkeypatch.setattr(apple, "macos", lambda: 0)
    with pytest.raises(RuntimeUnavailableError, match="needs macOS 13"):
        load_runtime(Wish(RuntimeKind.COREML))
    monkeypatch.setattr(apple, "macos", lambda: 15)
    with pytest.raises(RuntimeUnavailableError, match="menura export --format coreml"):
        load_runtime(Wish(RuntimeKind.COREML))
