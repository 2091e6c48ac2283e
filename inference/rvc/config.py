"""The config of a checkpoint, 18 numbers and lists from a stranger, and the configs there have been."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inference.networks.rvc.sizes import FRAME_RATE, RvcSizes
from inference.rvc.facts import RvcError
from inference.rvc.inert_pickle import in_short

_LENGTH = 18
_RATES = (32_000, 40_000, 48_000)
_CONTENT = (256, 768)
_HIDDEN, _CONDITIONING = 192, 256

Shapes = Mapping[str, tuple[int, ...]]


def sizes_of(config: Any, shapes: Shapes, name: str) -> RvcSizes:
    """The sizes of a voice from its config and the shapes of its weights; those win where both say it.

    `name` is the file's, for messages. Raises RvcError.
    """
    if not isinstance(config, list | tuple):
        raise RvcError(f"{name} has no config as RVC voices have; it is no voice of RVC v1 or v2.")
    if len(config) != _LENGTH:
        raise RvcError(
            f"{name} is a variant of RVC (its config has {len(config)} entries instead of {_LENGTH}, as "
            "DDPN and VoRAS voices have), which Menura cannot run."
        )
    speakers, channels = _matrix(shapes, "emb_g.weight", name)
    hidden, content = _matrix(shapes, "enc_p.emb_phone.weight", name)
    if config[9] != "1":
        raise RvcError(
            f"{name} has residual blocks of kind {in_short(config[9], 20)}; Menura knows kind 1 only."
        )
    if content not in _CONTENT:
        raise RvcError(f"{name} wants content features of {content} channels; RVC has 256 and 768.")
    try:
        sizes = RvcSizes(
            content=content,
            latent=_whole(config[2], 512),
            hidden=_whole(config[3], 1024),
            filter=_whole(config[4], 4096),
            heads=_whole(config[5], 16),
            layers=_whole(config[6], 24),
            kernel=_whole(config[7], 15),
            block_kernels=_wholes(config[10], 31),
            block_dilations=tuple(_wholes(row, 32) for row in _list(config[11])),
            rates=_wholes(config[12], 32),
            kernels=_wholes(config[14], 128),
            initial=_whole(config[13], 2048),
            speakers=speakers,
            conditioning=channels,
            sample_rate=_whole(config[17], 48_000),
            pitch="dec.m_source.l_linear.weight" in shapes,
        )
    except (ValueError, TypeError) as error:
        raise RvcError(f"{name} has a config that makes no sense ({error}); get it again.") from error
    _check(sizes, hidden, name)
    return sizes


def _check(sizes: RvcSizes, hidden: int, name: str) -> None:
    if sizes.sample_rate not in _RATES or sizes.hop * FRAME_RATE != sizes.sample_rate:
        raise RvcError(
            f"{name} speaks at {sizes.sample_rate} Hz with {sizes.hop} samples per frame; "
            "RVC voices have 32, 40 or 48 kHz and frames of 10 ms."
        )
    stages = zip(sizes.rates, sizes.kernels, strict=False)
    sound = (
        len(sizes.rates) == len(sizes.kernels)
        and len(sizes.block_kernels) == len(sizes.block_dilations)
        and all(kernel >= rate and (kernel - rate) % 2 == 0 for rate, kernel in stages)
        and all(kernel % 2 for kernel in sizes.block_kernels)
        and sizes.initial % (1 << len(sizes.rates)) == 0
        and sizes.latent % 2 == 0
        and sizes.hidden % sizes.heads == 0
        and sizes.hidden == hidden
    )
    if not sound:
        raise RvcError(f"{name} has a config that does not fit together; get it again.")


def config_of_training(shapes: Shapes, name: str) -> list[Any]:
    """The config of a checkpoint that training saved without one, if its sizes are released ones.

    Training keeps the posterior encoder, whose input tells the spectrum. Raises RvcError.
    """
    stages = sorted(key for key in shapes if key.startswith("dec.ups.") and key.endswith(".weight"))
    kernels = [shapes[key][-1] for key in stages if shapes[key]]
    spectrum, content = (
        (*shapes.get(key, ()), 0, 0)[1] for key in ("enc_q.pre.weight", "enc_p.emb_phone.weight")
    )
    for known in _RELEASED:
        if (content, spectrum, kernels) == (known[0], known[1], known[3]):
            return _released_config(*known[1:])
    raise RvcError(
        f"{name} is what RVC's training saves (a raw G file), of sizes that it was never released in; "
        "extract a small model from it in RVC and import that."
    )


def released_sizes() -> Iterator[RvcSizes]:
    """The sizes of all released voices, with and without F0, of one speaker."""
    for content, spectrum, rates, kernels, sample_rate in _RELEASED:
        config = _released_config(spectrum, rates, kernels, sample_rate)
        shapes: dict[str, tuple[int, ...]] = {
            "emb_g.weight": (1, _CONDITIONING),
            "enc_p.emb_phone.weight": (_HIDDEN, content),
        }
        yield sizes_of(config, shapes, "")
        yield sizes_of(config, {**shapes, "dec.m_source.l_linear.weight": (1, 1)}, "")


def _released_config(spectrum: int, rates: list[int], kernels: list[int], sample_rate: int) -> list[Any]:
    blocks: list[Any] = [[3, 7, 11], [[1, 3, 5]] * 3]
    head = [spectrum, 32, 192, _HIDDEN, 768, 2, 6, 3, 0, "1"]
    return [*head, *blocks, rates, 512, kernels, 1, _CONDITIONING, sample_rate]


_RELEASED: tuple[tuple[int, int, list[int], list[int], int], ...] = (
    (256, 513, [10, 4, 2, 2, 2], [16, 16, 4, 4, 4], 32_000),
    (768, 513, [10, 8, 2, 2], [20, 16, 4, 4], 32_000),
    (256, 1025, [10, 10, 2, 2], [16, 16, 4, 4], 40_000),
    (768, 1025, [10, 10, 2, 2], [16, 16, 4, 4], 40_000),
    (256, 1025, [10, 6, 2, 2, 2], [16, 16, 4, 4, 4], 48_000),
    (768, 1025, [12, 10, 2, 2], [24, 20, 4, 4], 48_000),
)
"""Content channels, spectrum, rates, kernels, sample rate."""


def _matrix(shapes: Shapes, key: str, name: str) -> tuple[int, int]:
    shape = shapes.get(key, ())
    if len(shape) != 2 or min(shape) < 1:
        raise RvcError(f"{name} is not an RVC voice: it has no '{key}'.")
    return shape[0], shape[1]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= 8:
        raise ValueError(f"{in_short(value, 40)} where a short list is due")
    return list(value)


def _wholes(value: Any, most: int) -> tuple[int, ...]:
    return tuple(_whole(item, most) for item in _list(value))


def _whole(value: Any, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"{in_short(value, 40)} where a number from 1 to {most} is due")
    return value
