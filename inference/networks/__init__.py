"""The networks of the neural voice: one torch definition each for training, export and reference.

Every streaming network maps `(x, state) -> (y, state)` for any whole number of steps, so that running
a whole utterance and running it hop by hop are the same code. Importing this package or `excitation`
and `timing` does not import torch; the other modules do.
"""
