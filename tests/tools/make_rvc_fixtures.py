"""Makes tests/rvc/fixtures: what transformers' HubertModel computes, and files that FAISS wrote.

    python -m tests.tools.make_rvc_fixtures

Needs transformers and faiss-cpu, which nothing else of Menura does: take a throw-away environment. Made with
transformers 5.23.0 and faiss-cpu 1.15.1.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import faiss
import numpy as np
import torch
from transformers import HubertConfig as TheirConfig
from transformers import HubertModel

from inference.networks.hubert import Hubert, HubertConfig
from inference.rvc.content_files import source_name
from tests.rvc.hubert_weights import SMALL, random_audio, random_weights

FIXTURES = Path(__file__).parents[1] / "rvc" / "fixtures"


def hubert(config: HubertConfig, samples: int) -> dict[str, np.ndarray]:
    """`units` (T, 256) and `hidden` (T, dim) of random weights on random audio, by transformers."""
    c = asdict(config)
    theirs = HubertModel(
        TheirConfig(
            hidden_size=c["dim"],
            num_hidden_layers=c["layers"],
            num_attention_heads=c["heads"],
            intermediate_size=c["ffn"],
            conv_dim=(c["conv_dim"],) * 7,
            num_conv_pos_embeddings=c["pos_kernel"],
            num_conv_pos_embedding_groups=c["pos_groups"],
        )
    ).eval()
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in Hubert(config).state_dict().items()}
    weights = {name: torch.tensor(value) for name, value in random_weights(shapes).items()}
    renamed = {source_name(name, "transformers"): value for name, value in weights.items()}
    position = renamed.pop("encoder.pos_conv_embed.conv.weight")
    norm = "encoder.pos_conv_embed.conv.parametrizations.weight.original"
    renamed |= {f"{norm}0": position.norm(dim=(0, 1), keepdim=True), f"{norm}1": 3.0 * position}
    projection = [renamed.pop(f"final_proj.{kind}") for kind in ("weight", "bias")]
    missing, unexpected = theirs.load_state_dict(renamed, strict=False)
    assert missing == ["masked_spec_embed"], missing
    assert not unexpected, unexpected
    with torch.no_grad():
        found = theirs(torch.tensor(random_audio(samples))[None], output_hidden_states=True)
        units = torch.nn.functional.linear(found.hidden_states[config.tap], *projection)
    return {"units": units[0].numpy(), "hidden": found.last_hidden_state[0].numpy()}


def indexes() -> None:
    """Small indexes of both kinds that are read, and of kinds that are not, and what FAISS finds in one."""
    vectors = np.random.default_rng(9).standard_normal((200, 8)).astype(np.float32)
    for name, kind, metric in (
        ("ivf", "IVF5,Flat", faiss.METRIC_L2),
        ("flat", "Flat", faiss.METRIC_L2),
        ("product", "IVF5,Flat", faiss.METRIC_INNER_PRODUCT),
        ("coded", "IVF5,SQ8", faiss.METRIC_L2),
    ):
        index = faiss.index_factory(8, kind, metric)
        index.train(vectors)
        if name == "ivf":
            faiss.write_index(index, str(FIXTURES / "trained.index"))
        index.add(vectors)
        faiss.write_index(index, str(FIXTURES / f"{name}.index"))
    exact = faiss.IndexFlatL2(8)
    exact.add(vectors)
    queries = vectors[:5] + 0.3
    distance, nearest = exact.search(queries, 8)
    np.savez(FIXTURES / "faiss.npz", vectors=vectors, queries=queries, distance=distance, nearest=nearest)


def main() -> None:
    """Writes all of it."""
    FIXTURES.mkdir(exist_ok=True)
    np.savez(FIXTURES / "hubert-small.npz", **hubert(SMALL, 6000))
    np.savez(FIXTURES / "hubert-base.npz", **hubert(HubertConfig(), 3200))
    indexes()


if __name__ == "__main__":
    main()
