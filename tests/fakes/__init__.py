"""Stand-ins for the machine's parts."""
