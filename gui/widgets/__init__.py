"""Dumb widgets: setters in, signals out; none knows the engine or the settings."""
