"""Core ML: the networks as programs for the Neural Engine: export, certification, runtime."""
