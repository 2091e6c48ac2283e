"""The networks of an RVC v1/v2 voice, in torch: what its import converts to ONNX.

Written from the specification in ../shared/specs/rvc-voices.md. Parameter names are those of released
checkpoints, so that a checkpoint with its weight norm folded is a state dict of `voice.RvcNetworks`.
Letters in shapes: B = 1, T frames of 10 ms, C content channels, H hidden, L latent, G conditioning.
`sizes` does not import torch; the other modules do.
"""
