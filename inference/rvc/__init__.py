"""Voices of RVC v1/v2: their import, and the models the studio runs. docs/rvc.md describes both."""
