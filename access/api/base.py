"""What every API view shares: the viewer's transaction, the door, a record of the look."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpResponseBase
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from access.api.parsers import StorableJson
from access.api.permissions import viewer_of
from access.principal import acting
from access.viewer import Viewer


class ViewerViews(GenericViewSet[Any]):
    """Runs the handler inside `acting(viewer)`: authentication happens first, outside, because a token says who the viewer is.

    The answer is rendered inside, so that looks are committed before the body leaves. `lookup_field` is the public id.
    """

    own_transactions = True
    parser_classes = (StorableJson,)
    lookup_field = "public_id"
    # Set by a handler whose last word has to wait for the commit (drain after revoke).
    after_commit: Callable[[], Response] | None = None
    lookup_value_regex = "[a-z]{2}-[a-z0-9]{1,13}"

    @classmethod
    def as_view(cls, *args: Any, **kwargs: Any) -> Any:
        """Authentication of the API's own says who the viewer is, so the middleware need not ask the database before it."""
        view = super().as_view(*args, **kwargs)
        view.no_viewer = True  # type: ignore[attr-defined]
        return view

    @property
    def viewer(self) -> Viewer:
        return viewer_of(self.request)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.args, self.kwargs = args, kwargs
        wrapped = self.initialize_request(request, *args, **kwargs)
        self.request, self.headers = wrapped, self.default_response_headers
        try:
            self.initial(wrapped, *args, **kwargs)
        except Exception as error:  # DRF's own shape: its handler turns everything into an answer or raises again
            return self._finished(wrapped, self.handle_exception(error))
        with acting(viewer_of(wrapped)):
            try:
                handler = getattr(self, (wrapped.method or "").lower(), self.http_method_not_allowed)
                response = handler(wrapped, *args, **kwargs)
            except Exception as error:
                response = self.handle_exception(error)
                transaction.set_rollback(True)  # what was refused half-way leaves nothing behind
            answer = self._finished(wrapped, response)
        if self.after_commit is not None and response.status_code < 300:
            # What has to wait for the commit (drain after revoke) may say the last word.
            return self._finished(wrapped, self.after_commit())
        return answer

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Which methods there are (`Allow`), and nothing about any object: the schema says the rest."""
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _finished(self, request: Request, response: Any) -> HttpResponseBase:
        self.response = self.finalize_response(request, response, *self.args, **self.kwargs)
        if hasattr(self.response, "render"):
            self.response.render()
        if self.response.status_code == status.HTTP_404_NOT_FOUND:
            del self.response["Allow"]  # one 404 for all: also for an id that cannot be, which no view is asked about
        return self.response
