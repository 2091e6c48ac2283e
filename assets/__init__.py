"""Data the application ships: icons, theme, model weights, speech samples."""
