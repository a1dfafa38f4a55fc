"""What all tests share: properties are tried without a time limit, and on the same examples in every run of CI."""

import os

import pytest
from hypothesis import settings

from tests.browser import opened

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def browser():
    """A real browser, one for all tests; without one the tests are skipped."""
    found = opened()
    yield found
    found.quit()
