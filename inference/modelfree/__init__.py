"""The model-free converter: pitch and formant shift of speech without a network."""
