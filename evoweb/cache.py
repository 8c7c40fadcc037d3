"""The cache that several processes share, and what stands in for it while Redis is away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import ConnectionError, TimeoutError

logger = logging.getLogger(__name__)


def _else_locally(name: str) -> Callable[..., Any]:
    shared = getattr(RedisCache, name)

    def act(self: SharedCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return shared(self, *args, **kwargs)
        except (ConnectionError, TimeoutError) as fault:
            logger.warning("Redis is away, each process counts by itself: %r", fault)
            return getattr(caches["local"], name)(*args, **kwargs)

    return act


class SharedCache(RedisCache):
    """Redis, or this process's own memory while that cannot be reached: people can still sign in,
    and wrong passwords are still counted."""

    add = _else_locally("add")
    get = _else_locally("get")
    set = _else_locally("set")
    touch = _else_locally("touch")
    delete = _else_locally("delete")
    has_key = _else_locally("has_key")
    incr = _else_locally("incr")
    get_many = _else_locally("get_many")
    set_many = _else_locally("set_many")
    delete_many = _else_locally("delete_many")
