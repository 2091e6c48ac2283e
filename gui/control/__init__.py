"""Controllers the session is made of: each owns one part of what the user chooses. No widgets."""
