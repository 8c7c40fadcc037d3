"""What the families of models take, as one table. A model that no row knows gets the plain shape.

*Ignored* parameters are sent when somebody set them, *refused* ones never: those are answered 400.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    models: str  # a pattern that the whole id matches, whatever its case
    window: int | None = None  # tokens of prompt and answer together; None where nothing is known
    limit_field: str = "max_tokens"
    max_output: int | None = None
    default_output: int | None = None  # the limit that holds where none is sent
    # Thinking is billed and may never be seen. Gemini's largest budget, where nothing is known.
    max_thinking: int = 32_768
    temperature: tuple[float, float] = (0.0, 2.0)
    temperature_decimals: int | None = None
    top_p: tuple[float, float] = (0.0, 1.0)
    ignored: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    images: bool | None = None  # None where nothing is known
    # What one may count for at the most, at the size in which evoweb sends them.
    image_tokens: int = 4_096
    thinks: bool | None = None  # before it answers; None where nothing is known
    only_text: bool = False  # content must be one string, not parts
    # Wants the thinking of its earlier answers back, unchanged, and may refuse a history without.
    returns_thinking: bool = False

    def most_output(self, max_tokens: int | None) -> int | None:
        """How many tokens an answer can have that was asked for with this limit, or without one."""
        limits = (max_tokens or self.default_output, self.max_output)
        return min((limit for limit in limits if limit is not None), default=None)


_SAMPLING = frozenset({"temperature", "top_p"})
_TOP_K = frozenset({"top_k"})

FAMILIES: tuple[Family, ...] = (
    Family(
        name="gemini-2",
        models=r"gemini-2.*",
        window=1_048_576,
        max_output=65_536,
        ignored=_TOP_K,
        images=True,
        image_tokens=4_128,
        thinks=True,
    ),
    Family(
        name="gemini",
        models=r"gemini-.*",
        window=1_048_576,
        max_output=65_536,
        ignored=_SAMPLING | _TOP_K,
        images=True,
        image_tokens=1_120,
        thinks=True,
    ),
    Family(
        name="gpt-5.6",
        models=r"gpt-5\.6.*",
        window=1_050_000,
        limit_field="max_completion_tokens",
        refused=_SAMPLING | _TOP_K,
        images=True,
        image_tokens=2_500,
        thinks=True,
    ),
    Family(
        name="gpt-5.4",
        models=r"gpt-5\.4.*",
        window=128_000,
        limit_field="max_completion_tokens",
        refused=_TOP_K,
        images=True,
        image_tokens=2_500,
        thinks=True,
    ),
    Family(
        name="gpt-5",
        models=r"gpt-5\.[125].*",
        window=400_000,
        limit_field="max_completion_tokens",
        refused=_TOP_K,
        images=True,
        image_tokens=2_500,
        thinks=True,
    ),
    Family(
        name="gpt",
        models=r"gpt-.*",
        limit_field="max_completion_tokens",
        refused=_TOP_K,
        images=True,
        image_tokens=2_500,
    ),
    Family(
        name="auto",
        models=r"evolink/auto",
        images=False,
        only_text=True,
    ),
    Family(
        name="deepseek-vision",
        models=r"deepseek-.*vision.*",
        window=1_000_000,
        max_output=384_000,
        max_thinking=384_000,
        ignored=_TOP_K,
        images=True,
        returns_thinking=True,
        thinks=True,
    ),
    Family(
        name="deepseek",
        models=r"deepseek-.*",
        window=1_000_000,
        max_output=384_000,
        max_thinking=384_000,
        ignored=_TOP_K,
        images=False,
        returns_thinking=True,
        thinks=True,
    ),
    Family(
        name="kimi",
        models=r"kimi-.*",
        limit_field="max_completion_tokens",
        max_output=1_048_576,
        default_output=131_072,
        max_thinking=1_048_576,
        images=True,
        returns_thinking=True,
        thinks=True,
    ),
    Family(
        name="glm",
        models=r"glm-.*",
        temperature=(0.0, 1.0),
        temperature_decimals=2,
        top_p=(0.01, 1.0),
        images=None,
        thinks=True,
    ),
    Family(
        name="minimax-m2.5",
        models=r"minimax-m2\.5.*",
        max_output=2_048,
    ),
    Family(
        name="minimax",
        models=r"minimax-.*",
        max_output=524_288,
        images=True,
        thinks=True,
    ),
    Family(name="qwen", models=r"qwen.*", images=True),
    Family(
        name="doubao",
        models=r"doubao-.*",
        limit_field="max_completion_tokens",
        max_output=65_536,
        default_output=4_096,
        images=True,
        thinks=True,
    ),
    Family(name="grok", models=r"grok-.*", window=500_000, images=False, thinks=True),
    Family(name="claude", models=r"claude-.*", image_tokens=1_600),
    # The demonstration's.
    Family(name="smollm", models=r"smollm.*", images=False, thinks=False),
)

# What a model, in small letters, is called elsewhere at the same gateway.
OTHER_NAMES = {"gemini-3.0-pro": "gemini-3-pro-preview"}

PLAIN = Family(name="plain", models=r".*")

_PATTERNS = tuple((re.compile(family.models, re.IGNORECASE), family) for family in FAMILIES)


def family_of(model: str) -> Family:
    return next((family for pattern, family in _PATTERNS if pattern.fullmatch(model)), PLAIN)
