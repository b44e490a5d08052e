"""What holds for all tests: no property fails because the machine is slow."""

from hypothesis import HealthCheck, settings

# The examples' time is the machine's matter: `timeout` in pyproject.toml ends a test that hangs.
settings.register_profile("evalkube", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("evalkube")
