"""The database's roles: made once for the whole server, also by several that begin at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from access import roles
from tests.conftest import owner_connection

MANY = 4


@pytest.mark.django_db
def test_when_several_prepare_the_roles_at_once_then_none_takes_the_others_for_a_missing_right() -> None:
    name = str(connections["default"].settings_dict["NAME"])
    together = Barrier(MANY)

    def prepares(_: int) -> list[str]:
        connection = owner_connection(name)
        connection.autocommit = True
        try:
            together.wait(20)
            return [statement for _ in range(10) for statement in roles.prepare(connection)]
        finally:
            connection.close()

    with ThreadPoolExecutor(MANY) as pool:
        assert list(pool.map(prepares, range(MANY))) == [[]] * MANY
