"""How good a recording is for learning a voice from: one card per clip, with what to do about each flaw."""

from inference.quality.card import Grade, Line, Quality
from inference.quality.examine import examine

__all__ = ["Grade", "Line", "Quality", "examine"]
