"""What is said: Whisper's encoder made causal, down to 64 numbers per 20 ms."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.networks.config import ContentConfig
from inference.networks.layers import CausalConv
from inference.networks.spectral import LogMel
from inference.networks.transforms import position_rows

State = dict[str, Tensor]
Cache = tuple[Tensor, Tensor]


class CausalAttention(nn.Module):
    """One pre-norm transformer layer whose queries see the last `window` tokens, themselves included."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.norm_ffn = nn.LayerNorm(dim)
        self.ffn1 = nn.Linear(dim, 4 * dim)
        self.ffn2 = nn.Linear(4 * dim, dim)

    def split(self, x: Tensor) -> Tensor:
        """(B, T, dim) -> (B, heads, T, dim / heads)."""
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x: Tensor, cache: Cache, bias: Tensor) -> tuple[Tensor, Cache]:
        """x (B, T, dim), cache of keys and values (B, heads, past, dim / heads), bias (B, 1, T, past + T).

        Returns (B, T, dim) and the next cache.
        """
        query, key, value = (self.split(part) for part in self.qkv(self.norm(x)).chunk(3, dim=-1))
        keys = torch.cat([cache[0], key], dim=2)
        values = torch.cat([cache[1], value], dim=2)
        weight = torch.softmax(query @ keys.transpose(2, 3) * key.shape[-1] ** -0.5 + bias, dim=-1)
        x = x + self.out((weight @ values).transpose(1, 2).reshape(x.shape))
        x = x + self.ffn2(F.gelu(self.ffn1(self.norm_ffn(x))))
        kept = cache[0].shape[2]
        return x, (keys[:, :, -kept:], values[:, :, -kept:]) if kept else cache


class ContentEncoder(nn.Module):
    """Audio -> soft units that say what is said and, as far as training got, not who says it.

    Steps are tokens of 480 samples. State: `audio` (B, 360), `mel` (B, 2, mels), `conv` (B, 1, dim),
    `keys_N` and `values_N` of layer N (B, heads, window - 1, dim / heads), `filled` (B, window - 1) ones
    where those hold tokens, `position` (1,) token count modulo the period.

    >>> units, state = encoder(audio, encoder.init_state(1))    # (1, T * 480) -> (1, T, 64)
    """

    positions: Tensor

    def __init__(self, config: ContentConfig) -> None:
        super().__init__()
        self.config = config
        self.log_mel = LogMel(config.mels)
        self.conv1 = CausalConv(config.mels, config.dim, 3)
        self.conv2 = CausalConv(config.dim, config.dim, 3, stride=2)
        self.layers = nn.ModuleList(CausalAttention(config.dim, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)
        self.units = nn.Linear(config.dim, config.units)
        rows = torch.tensor(position_rows(config.periods, config.dim), dtype=torch.float32)
        self.register_buffer("positions", rows, persistent=False)

    def init_state(self, batch: int = 1) -> State:
        """A start without past; the shapes are in the class docstring."""
        c = self.config
        return {
            "audio": self.log_mel.init_state(batch),
            "mel": self.conv1.init_state(batch),
            "conv": self.conv2.init_state(batch),
            **{name: torch.zeros(batch, c.heads, c.window - 1, c.dim // c.heads) for name in self.caches()},
            "filled": torch.zeros(batch, c.window - 1),
            "position": torch.zeros(1),
        }

    def caches(self) -> list[str]:
        """Names of the layers' states: keys and values of each in turn."""
        return [f"{kind}_{layer}" for layer in range(self.config.layers) for kind in ("keys", "values")]

    def attention_bias(self, filled: Tensor, count: int) -> Tensor:
        """(B, 1, T, past + T): 0 where a query may look, -10,000 elsewhere."""
        past = filled.shape[1]
        query = torch.arange(count, device=filled.device)[:, None]
        key = torch.arange(past + count, device=filled.device)[None, :]
        band = ((key >= query) & (key <= query + past)).to(filled.dtype)
        known = F.pad(filled, (0, count), value=1.0)
        return (band * known[:, None, :] - 1.0).unsqueeze(1) * 10_000.0

    def encode(self, mel: Tensor, state: State) -> tuple[Tensor, State]:
        """mel (B, 2T, mels) -> units (B, T, units) and the next state (without `audio`)."""
        h, mel_state = self.conv1.stream(mel, state["mel"])
        h, conv_state = self.conv2.stream(F.gelu(h), state["conv"])
        h = F.gelu(h)
        count = h.shape[1]
        index = state["position"] + torch.arange(count, device=h.device)
        index = index - self.config.periods * torch.floor(index / self.config.periods)
        h = h + self.positions[index.long()]
        bias = self.attention_bias(state["filled"], count).to(h.dtype)
        caches = {}
        for n, layer in enumerate(self.layers):
            cache = (state[f"keys_{n}"].to(h.dtype), state[f"values_{n}"].to(h.dtype))
            h, (caches[f"keys_{n}"], caches[f"values_{n}"]) = layer(h, cache, bias)
        units = F.layer_norm(self.units(self.norm(h)), (self.config.units,))
        moved = state["position"] + count
        filled = F.pad(state["filled"], (0, count), value=1.0)
        return units, {
            "mel": mel_state,
            "conv": conv_state,
            **caches,
            "filled": filled[:, count:],
            "position": moved - self.config.periods * torch.floor(moved / self.config.periods),
        }

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """x (B, T * 480) in [-1, 1] -> units (B, T, units) of unit variance, and the next state."""
        mel, audio = self.log_mel(x, state["audio"])
        units, after = self.encode(mel, state)
        return units, {"audio": audio, **after}
