"""Samples in and out: devices, streams, rings, resampling, clocks, levels, files. Knows nothing of voices."""
