#!/usr/bin/env python3
"""SmartCare's command line. Makes the environment first where it is missing, so Python alone is enough to start."""

import importlib.util
import os
import sys
from types import ModuleType

HERE = os.path.dirname(os.path.abspath(__file__))
# These bring embedded servers with them unless DATABASE_URL and REDIS_URL name others.
WITH_SERVERS = ("demo", "stack", "bench")


def load_bootstrap() -> ModuleType:
    """By file path: `import smartcare.bootstrap` is fine today, but would run whatever the package imports tomorrow."""
    spec = importlib.util.spec_from_file_location("bootstrap", os.path.join(HERE, "smartcare", "bootstrap.py"))
    if spec is None or spec.loader is None:
        raise ImportError("smartcare/bootstrap.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartcare.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    purpose = "test" if command == "test" else "demo" if command in WITH_SERVERS else "run"
    load_bootstrap().ensure(purpose)
    if command == "test":
        import pytest

        os.chdir(HERE)  # not for the others: their file arguments are relative to where the caller stands
        sys.exit(pytest.main(sys.argv[2:]))
    if command in WITH_SERVERS:
        from smartcare import launch  # starts the servers, then Django with their addresses

        sys.exit(launch.main(sys.argv[1:]))
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # an operator needs the sentence, not where our code noticed
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"smartcare: {error}")


if __name__ == "__main__":
    main()
