"""Real processes, people and sockets, while chance kills, freezes and restarts them: afterwards
everything that was promised has to hold. `python -m tests.chaos --runs 200 --seed 1`."""
