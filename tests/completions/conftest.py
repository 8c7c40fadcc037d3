from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from hypothesis import settings

from chat.completions.client import CompletionClient
from chat.completions.transport import make_transport, stock_transport
from tests.upstream.process import Upstream

IMPATIENT_SECONDS = 1.0

# A busy machine is no failure.
settings.register_profile("evoweb", deadline=None)
settings.load_profile("evoweb")


@pytest.fixture(params=[make_transport, stock_transport], ids=["aiohttp", "stock"])
def transport(request: pytest.FixtureRequest) -> Callable[[], httpx.AsyncBaseTransport]:
    """Every story about faults is told over both transports: changing it must change nothing."""
    factory: Callable[[], httpx.AsyncBaseTransport] = request.param
    return factory


@pytest.fixture
async def client(
    upstream: Upstream, transport: Callable[[], httpx.AsyncBaseTransport]
) -> AsyncIterator[CompletionClient]:
    """As patient as in use: it does not give up by itself while a test looks at it."""
    async with CompletionClient(upstream.base_url, upstream.key, transport=transport) as client:
        yield client


@pytest.fixture
async def impatient(
    upstream: Upstream, transport: Callable[[], httpx.AsyncBaseTransport]
) -> AsyncIterator[CompletionClient]:
    async with CompletionClient(
        upstream.base_url, upstream.key, read_timeout=IMPATIENT_SECONDS, transport=transport
    ) as client:
        yield client
