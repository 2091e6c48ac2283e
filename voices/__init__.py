"""What a voice is, and where voices are kept."""
