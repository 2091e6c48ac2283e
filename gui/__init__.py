"""Everything Qt: the studio window, its panels and plots."""
