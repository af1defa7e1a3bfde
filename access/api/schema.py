"""What OpenAPI says of every operation: the two ways to sign in, and the errors, which all have one form."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

ERRORS = {
    "400": "Something sent is not right; `errors` names the fields",
    "401": "Not signed in, or the token is unknown, over or stopped",
    "403": "You may not do this; `detail` says who may",
    "404": "Not there, or not yours: the same answer",
    "406": "We answer in JSON",
    "409": "Somebody was first, or it is over already",
    "413": "More than one request may carry",
    "415": "We read JSON",
    "429": "Too many calls; `Retry-After` says when to go on",
    "503": "The database does not answer now; `Retry-After` says when to try again",
}
OF_CHANGES_ALONE = {"409", "413", "415"}


class Problem(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(required=False, help_text="For people")
    errors = serializers.DictField(required=False, help_text="What is not right, by field")  # type: ignore[assignment]


class ApiSchema(AutoSchema):
    """Adds to each operation the errors that every operation may answer with."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code, words in ERRORS.items():
            if code not in bodies and (self.method != "GET" or code not in OF_CHANGES_ALONE):
                made: Any = self._get_response_for_code
                body = made(Problem, code, ["application/problem+json"], direction)
                bodies[code] = body | {"description": words}
        return bodies


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "access.api.authentication.ServiceAccountToken"
    name = "serviceAccount"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "`sct_<keyid>_<secret>`, made under Settings, API keys",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "access.api.authentication.Session"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A browser's session; changes need X-CSRFToken",
        }
