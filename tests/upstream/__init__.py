"""An upstream of our own: a real HTTP server that speaks the contract and misbehaves on request.

`python -m tests.upstream --port 0` starts it; `process.py` does so for tests and scripts it.
"""
