"""Pictures that people send, made safe: what they are is seen by their bytes, and what is kept is
drawn anew by a process of its own.

Knows neither Django nor anything of the chat.
"""
