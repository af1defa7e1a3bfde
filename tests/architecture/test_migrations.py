"""The models and the migrations say the same."""

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_when_models_and_migrations_are_compared_then_no_change_is_left_over():
    call_command("makemigrations", check=True, dry_run=True, verbosity=1)
