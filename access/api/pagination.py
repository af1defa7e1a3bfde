from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
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

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any] | None:
        """A cursor that we did not make leads nowhere: 404 without a word about what was wrong with it."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError, TypeError) as error:
            if request.query_params.get(self.cursor_query_param) is None:
                raise
            raise NotFound(self.invalid_cursor_message) from error

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data})
