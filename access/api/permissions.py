from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from access.viewer import NOBODY, Viewer


def viewer_of(request: Request) -> Viewer:
    viewer: Viewer = getattr(request._request, "viewer", NOBODY)
    return viewer


class IsViewer(BasePermission):
    """Somebody who acts for an organization; a read-only token changes nothing."""

    message = ""

    def has_permission(self, request: Request, view: Any) -> bool:
        viewer = viewer_of(request)
        if viewer.kind not in {"customer", "partner"}:
            self.message = "You act for no company here"
            return False
        self.message = "This token may read but not change anything"
        return request.method in SAFE_METHODS or viewer.may_write
