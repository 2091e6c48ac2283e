"""RVC voices into the library: from Python, the command line and a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.rvc import convert as conversion
from inference.rvc.facts import VECTORS, RvcError
from inference.rvc.importing import Event, Failed, RvcImport, Wish, Working, import_voice
from inference.rvc.model import RvcModel
from tests.conftest import Outcome
from tests.rvc.golden import voice_file
from voices.archive import ArchiveError, Consent
from voices.library import Library, LibraryError
from voices.manifest import from_json, to_json
from voices.models import model_folder
from voices.voice import Voice, VoiceKind

ADA = Consent("Ada Nowak", "2026-11-22", "v1-40k.pth")
NAME = "v1-40k"


@pytest.fixture
def library(tmp_path: Path, templates: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Library:
    """An empty library at home; the golden voice's graphs are at hand as released ones are."""
    monkeypatch.setenv("MENURA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(conversion, "shipped_folder", lambda: templates(NAME))
    return Library.open()


def add(library: Library, **more: object) -> Voice:
    wish = Wish(voice_file(NAME), ADA, **more)  # type: ignore[arg-type]
    return import_voice(wish, library, lambda what, share: None)[0]


def index_file(folder: Path, vectors: np.ndarray) -> Path:
    """A FAISS file 'Flat' with these vectors."""
    count, dim = vectors.shape
    head = b"IxF2" + np.array([dim], "<i4").tobytes() + np.array([count, 0, 0], "<i8").tobytes()
    path = folder / "added.index"
    body = np.array([vectors.size], "<u8").tobytes() + vectors.astype("<f4").tobytes()
    path.write_bytes(head + b"\1" + np.array([1], "<i4").tobytes() + body)
    return path


def old(path: Path) -> None:
    """Makes a folder look as if it had been there for two hours."""
    moment = time.time() - 7200
    os.utime(path, (moment, moment))


def test_an_imported_voice_is_in_the_library_and_its_model_runs(library: Library) -> None:
    voice = add(library, speaker=2)
    assert voice in Library.open().voices()
    assert (voice.kind, voice.name, voice.speaker) == (VoiceKind.RVC, NAME, 2)
    assert voice.description == "RVC v1, 40 kHz"
    assert library.manifest(voice.id).consent == ADA
    assert RvcModel.load(model_folder(voice.model)).facts.sha256 == voice.model


def test_a_second_import_is_a_second_voice_on_the_same_model(library: Library) -> None:
    first, second = add(library), add(library, speaker=1)
    assert (first.model, first.name, second.name) == (second.model, NAME, f"{NAME} 2")


def test_the_index_becomes_vectors_and_stays_when_imported_again(library: Library, tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).standard_normal((30, 256)).astype(np.float32)
    voice = add(library, index=index_file(tmp_path, vectors))
    add(library)
    np.testing.assert_allclose(np.load(model_folder(voice.model) / VECTORS), vectors, atol=2e-3)


def test_the_index_of_another_voice_is_refused(library: Library, tmp_path: Path) -> None:
    with pytest.raises(RvcError, match="of another voice"):
        add(library, index=index_file(tmp_path, np.zeros((3, 768))))
    assert not [v for v in library.voices() if v.kind is VoiceKind.RVC]


def test_consent_and_speaker_are_checked(library: Library) -> None:
    with pytest.raises(RvcError, match="consent"):
        import_voice(Wish(voice_file(NAME), Consent("", "")), library, lambda what, share: None)
    with pytest.raises(RvcError, match="4 speakers, 0 to 3"):
        add(library, speaker=4)


def test_removed_and_brought_back_it_still_has_its_model(library: Library) -> None:
    voice = add(library)
    removed = library.remove(voice.id)
    old(library.models / voice.model)
    library.empty_trash(older_than_days=1)
    assert library.restore(removed).model == voice.model
    assert RvcModel.load(model_folder(voice.model))


def test_a_model_goes_with_the_last_voice_that_names_it(library: Library) -> None:
    first, second = add(library), add(library)
    old(library.models / first.model)
    library.remove(first.id)
    library.empty_trash()
    assert (library.models / first.model).is_dir()
    library.remove(second.id)
    library.empty_trash()
    assert not (library.models / first.model).exists()


def test_an_import_that_has_just_made_a_model_does_not_lose_it(library: Library) -> None:
    young = library.models / ("0" * 64)
    young.mkdir(parents=True)
    library.empty_trash()
    assert young.is_dir()
    old(young)
    library.empty_trash()
    assert not young.exists()


def test_rename_keeps_the_model_and_export_says_what_to_share(library: Library, tmp_path: Path) -> None:
    voice = library.rename(add(library).id, "Somebody")
    assert voice.model
    with pytest.raises(LibraryError, match=r"share the \.pth file"):
        library.export_file(voice.id, tmp_path / "x.menura")
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    other = Library.open(alone)
    with pytest.raises(LibraryError, match=r"import its \.pth"):
        other.import_file(library.path / f"{voice.id}.menura")


@pytest.mark.parametrize(
    "damage", [{"model": "../../etc"}, {"model": ""}, {"speaker": -1}, {"consent": None}]
)
def test_damaged_manifests_are_refused(damage: dict[str, object], library: Library) -> None:
    content = to_json(library.manifest(add(library).id))
    with pytest.raises(ArchiveError):
        from_json({**content, **damage}, "x")


def test_what_fails_half_way_leaves_nothing(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(conversion.shutil, "copyfile", full)
    with pytest.raises(RvcError, match="No space left on device"):
        add(library)
    assert list(library.models.iterdir()) == []


def test_command_line(
    run: Callable[..., Outcome], templates: Callable[[str], Path], library: Library
) -> None:
    file = voice_file(NAME)
    assert "consent" in run("voices", "import", file).err
    told = run("voices", "import", file, "--consent", "Ada, 2026-11-22", "--name", "Ada", "--speaker", "3")
    assert told.out.startswith("ada: 'Ada', RVC v1, 40 kHz, speaker 3 of 4, in ")
    assert "`menura voices pitch ada HZ`" in told.out
    told = run("voices", "import", file, "--consent", "Bo, 2026-11-22", "--name", "Bo", "--pitch", "140")
    assert "voices pitch" not in told.out
    assert library.refresh()
    assert library.find("Bo").f0_median_hz == 140.0
    both = ["--consent", "A, 2026", "--pitch", "140", "--like", "x.wav"]
    for wrong in (
        both,
        ["--consent", "Ada, 2026-11-22", "--speaker", "9"],
        ["none.index", "--consent", "A, 2026"],
    ):
        assert run("voices", "import", file, *wrong).is_one_line()
    assert run("voices", "import", file.with_suffix(".npz")).is_one_line()
    assert "ONNX files are in" in run("export", "--format", "coreml", "--voice", "ada").err
    assert "no RVC voice" in run("export", "--format", "coreml", "--voice", "deep", "out").err


def events(job: RvcImport) -> Iterator[Event]:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        for event in job.poll():
            yield event
            if not isinstance(event, Working):
                return
        time.sleep(0.02)


def test_a_process_of_its_own_tells_and_can_be_cancelled(library: Library, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"PK\3\4 and no more")
    failing, cancelled = (
        RvcImport(Wish(bad, ADA), library.path),
        RvcImport(Wish(voice_file(NAME), ADA), library.path),
    )
    cancelled.cancel()
    assert list(events(failing))[-1] == Failed("bad.pth is damaged or cut off; get it again.")
    assert list(events(cancelled)) == [Failed("")]
    assert not library.models.exists() or list(library.models.iterdir()) == []


def test_a_voice_made_in_a_process_of_its_own_without_torch(library: Library, tmp_path: Path) -> None:
    """Runs the import of a stranger's file where torch cannot be imported, as in an installed studio."""
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "import inference.rvc.convert as made\n"
        "from inference.rvc.importing import *\n"
        "made.shipped_folder = lambda: Path(sys.argv[2])\n"
        "wish = Wish(Path(sys.argv[1]), Consent('Ada', '2026'))\n"
        "print(import_voice(wish, Library.open(), lambda *a: None)[0].id)\n"
    )
    templates = conversion.shipped_folder()
    done = subprocess.run(
        [sys.executable, "-c", script, str(voice_file(NAME)), str(templates)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, NAME), done.stderr
