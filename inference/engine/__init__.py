"""The engine process: streams, rings, worker, telemetry, and the client that starts and steers it."""
