from collections.abc import Sequence
from typing import Any

from rest_framework.pagination import CursorPagination
from rest_framework.response import Response


class Cursor(CursorPagination):
    """`{"next", "previous", "results"}`: no totals, which would tell how much there is that one does not see."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering: str | Sequence[str] = "-pk"  # type: ignore[assignment]

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> tuple[str, ...]:
        chosen = getattr(view, "ordering", None) or self.ordering
        return (chosen,) if isinstance(chosen, str) else tuple(chosen)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data})
