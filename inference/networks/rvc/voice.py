"""All networks of a voice under the names of its checkpoint, and the three programs cut from them."""

from __future__ import annotations

from torch import Tensor, nn

from inference.networks.rvc.decoder import Generator
from inference.networks.rvc.encoder import TextEncoder
from inference.networks.rvc.flow import Flow
from inference.networks.rvc.sizes import RvcSizes

SPEAKERS = "emb_g.weight"
"""The one weight in no program: the conditioning of each speaker, (speakers, G)."""


class Prior(nn.Module):
    """phone (1, T, C) and, in voices that take F0, coarse (1, T) int64 -> mean, log_scale (1, L, T)."""

    def __init__(self, sizes: RvcSizes) -> None:
        super().__init__()
        self.enc_p = TextEncoder(sizes)

    def forward(self, phone: Tensor, coarse: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As the class says."""
        return self.enc_p(phone, coarse)


class LatentFlow(nn.Module):
    """latent (1, L, T), a sample of the prior, and g (1, G, 1) -> the decoder's latent (1, L, T)."""

    def __init__(self, sizes: RvcSizes) -> None:
        super().__init__()
        self.flow = Flow(sizes)

    def forward(self, latent: Tensor, g: Tensor) -> Tensor:
        """As the class says."""
        return self.flow(latent, g)


class Decoder(nn.Module):
    """latent (1, L, T), g (1, G, 1) and, in voices that take F0, source (1, 1, T * hop) -> audio.

    The source is the bare excitation: the voice's own scaling and tanh are inside. Audio: (1, 1, T * hop).
    """

    def __init__(self, sizes: RvcSizes) -> None:
        super().__init__()
        self.dec = Generator(sizes)

    def forward(self, latent: Tensor, g: Tensor, source: Tensor | None = None) -> Tensor:
        """As the class says."""
        return self.dec(latent, source, g)
