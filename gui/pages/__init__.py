"""The window's pages: one file or small package each, listed in `registry.PAGES`."""
