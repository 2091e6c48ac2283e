"""The model-free converter: pitch, formants and voice quality by source-filter processing."""
