"""Block in, converted block out: converters, pitch, the processing chain, and the engine process."""
