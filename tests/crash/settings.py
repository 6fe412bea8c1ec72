"""The product's settings, with a worker that can be told to die at a named point."""

from aura.settings import *  # noqa: F403 - everything of the product's
from aura.settings import INSTALLED_APPS as OF_PRODUCT

INSTALLED_APPS = [*OF_PRODUCT, "tests.crash.armed.Crash"]
