from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.plugins.health.patient import Patient, health_plugins


@pytest.fixture
async def patient() -> AsyncIterator[Patient]:
    plugins = await health_plugins()
    yield Patient(plugins)
    await plugins.stop()
