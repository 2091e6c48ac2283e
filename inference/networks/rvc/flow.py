"""The normalising flow, run backwards: a sample of the prior -> the decoder's latent."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inference.networks.rvc.sizes import RvcSizes

COUPLINGS = 4
_LAYERS, _KERNEL = 3, 5


class WaveNet(nn.Module):
    """Gated convolutions with residual and skip paths, conditioned on the speaker (arXiv 1609.03499)."""

    def __init__(self, hidden: int, conditioning: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.in_layers = nn.ModuleList(
            nn.Conv1d(hidden, 2 * hidden, _KERNEL, padding=_KERNEL // 2) for _ in range(_LAYERS)
        )
        widths = [2 * hidden] * (_LAYERS - 1) + [hidden]
        self.res_skip_layers = nn.ModuleList(nn.Conv1d(hidden, width, 1) for width in widths)
        self.cond_layer = nn.Conv1d(conditioning, 2 * hidden * _LAYERS, 1)

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        """x (B, H, T), g (B, G, 1) -> (B, H, T), the sum of the skip paths."""
        conditions = self.cond_layer(g).chunk(_LAYERS, 1)
        skipped: Tensor | None = None
        for inwards, outwards, condition in zip(
            self.in_layers, self.res_skip_layers, conditions, strict=True
        ):
            tanh, gate = (inwards(x) + condition).chunk(2, 1)
            out = outwards(torch.tanh(tanh) * torch.sigmoid(gate))
            skip = out[:, -self.hidden :]
            skipped = skip if skipped is None else skipped + skip
            x = x + out[:, : self.hidden]
        assert skipped is not None
        return skipped


class Coupling(nn.Module):
    """Shifts one half of the channels by a function of the other half."""

    def __init__(self, sizes: RvcSizes) -> None:
        super().__init__()
        half = sizes.latent // 2
        self.pre = nn.Conv1d(half, sizes.hidden, 1)
        self.enc = WaveNet(sizes.hidden, sizes.conditioning)
        self.post = nn.Conv1d(sizes.hidden, half, 1)

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        """x (B, L, T), g (B, G, 1) -> (B, L, T): the inverse of what was trained."""
        kept, moved = x.chunk(2, 1)
        return torch.cat([kept, moved - self.post(self.enc(self.pre(kept), g))], 1)


class Flow(nn.Module):
    """Four couplings; in checkpoints they are the even entries, the odd ones flip the channels."""

    def __init__(self, sizes: RvcSizes) -> None:
        super().__init__()
        self.flows = nn.ModuleDict({str(2 * i): Coupling(sizes) for i in range(COUPLINGS)})

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        """x (B, L, T), g (B, G, 1) -> (B, L, T)."""
        for index in reversed(range(COUPLINGS)):
            x = self.flows[str(2 * index)](torch.flip(x, [1]), g)
        return x
