"""The research lead between two runs: reads the history, decides what the next run does differently."""
