"""A voice learnt again from its reference clips: what an archive of another speaker model needs."""

from __future__ import annotations

from dataclasses import replace

from inference.enrolment import EnrolmentError, enroll
from voices.archive import VoiceArchive
from voices.encoder import shipped_encoder


def relearn(archive: VoiceArchive) -> VoiceArchive:
    """The same voice with the embedding and pitch range that enrolment finds in its clips now.

    A refinement is dropped: it was a change of the style of the embedding before.

    Raises EnrolmentError for a voice without clips, ClipError for clips that do not decode.
    """
    if not archive.clips:
        raise EnrolmentError(f"'{archive.voice.name}' holds no recordings to learn from; ask for it anew.")
    found = enroll([(clip.samples(), clip.rate) for clip in archive.clips], trusted=True)
    voice = replace(
        archive.voice,
        embedding=found.embedding,
        f0_median_hz=found.f0_median_hz,
        f0_low_hz=found.f0_low_hz,
        f0_high_hz=found.f0_high_hz,
        refinement=None,
    )
    return replace(archive, voice=voice, encoder=shipped_encoder())
