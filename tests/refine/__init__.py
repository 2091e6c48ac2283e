"""Tests of inference/refine."""
