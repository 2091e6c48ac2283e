"""The window's panels: each shows one part of the session and hands the user's wishes to it."""
