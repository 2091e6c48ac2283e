"""The page that makes a voice: who it is, their consent, recordings with advice, and the voice."""
