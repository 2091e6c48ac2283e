"""Files that look like an RVC voice and are not one, or one that Menura cannot run: told by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from inference.rvc.facts import RvcError
from inference.rvc.inert_pickle import in_short

_VOCODERS = {
    "dec.mrfs.": "the MRF HiFi-GAN vocoder",
    "dec.upsample_blocks.": "the RefineGAN vocoder",
    "dec.downsample_blocks.": "the RefineGAN vocoder",
    "dec.mel_conv.": "the RefineGAN vocoder",
}
_OWN_VOCODERS = ("hifi-gan", "hifigan", "hifi_gan", "nsf-hifigan", "default", "")
_OWN_CONTENT = ("contentvec", "contentvec_base", "hubert", "hubert_base", "")
_OTHERS = (
    (
        "encoder.layers.0.self_attn",
        "a content model, not a voice; `menura doctor` says where it goes",
    ),
    ("unet.encoder.", "the pitch model RMVPE, not a voice; `menura doctor` says where it goes"),
    ("discriminators.", "the discriminator (a D file) of RVC's training, not a voice; name the G file"),
    ("enc_p.ssl_proj.", "a voice of GPT-SoVITS, which Menura cannot run"),
    ("pre.weight", "a voice of so-vits-svc, which Menura cannot run"),
)
"""Beginnings of weights' names, and what they tell."""


def check_variant(content: dict[Any, Any], name: str) -> None:
    """Raises RvcError for what the checkpoint says it is, where that is no voice Menura runs."""
    weights = content.get("weight", content.get("model", content))
    keys = [key for key in weights if isinstance(key, str)] if isinstance(weights, dict) else []
    for prefix, what in _OTHERS:
        if _begins(keys, prefix):
            raise RvcError(f"{name} is {what}.")
    for prefix, vocoder in _VOCODERS.items():
        if _begins(keys, prefix):
            raise _foreign_vocoder(name, vocoder)
    vocoder = in_short(content.get("vocoder") or "", 40)
    if vocoder.lower() not in _OWN_VOCODERS:
        raise _foreign_vocoder(name, f"the vocoder {vocoder}")
    embedder = in_short(content.get("embedder_model") or "", 40)
    if embedder.lower() not in _OWN_CONTENT:
        raise RvcError(
            f"{name} was trained on the content model {embedder}; Menura has ContentVec, "
            "with which this voice would speak gibberish."
        )
    if not _begins(keys, "enc_p.") or not ("weight" in content or "model" in content):
        raise no_voice(name)


def no_voice(name: str) -> RvcError:
    """What to say of a file of torch's that holds something else."""
    return RvcError(f"{name} is not an RVC voice: it holds no weights of one.")


def _begins(keys: Iterable[str], prefix: str) -> bool:
    return any(key.startswith(prefix) for key in keys)


def _foreign_vocoder(name: str, vocoder: str) -> RvcError:
    return RvcError(f"{name} uses {vocoder}; Menura runs RVC voices with HiFi-GAN, the usual one, only.")
