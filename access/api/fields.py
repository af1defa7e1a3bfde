"""Pieces of serializers: public ids instead of keys, categories, the words of a site that may have gone out of sight."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from access.models import SHAREABLE, Site
from access.viewer import Viewer

CATEGORY_CHOICES = [(c.value, c.label) for c in SHAREABLE]


class Viewed(serializers.Serializer[Any]):
    """A serializer that knows its viewer. What is sent to it holds known names alone: a misspelt one must not be passed over."""

    @property
    def viewer(self) -> Viewer:
        viewer: Viewer = self.context["viewer"]
        return viewer

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError({name: ["There is no such field"] for name in unknown[:20]})
        return super().to_internal_value(data)


class Categories(serializers.ListField):
    """One or more of the five kinds of data, in any order, each once."""

    child = serializers.ChoiceField(choices=CATEGORY_CHOICES)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=1, max_length=5, **kwargs)


@extend_schema_field(OpenApiTypes.STR)
class VisibleSite(serializers.Field[Any, Any, Any, Any]):
    """A site by its public id, looked for through the door: another customer's is as unknown as one that never was."""

    default_error_messages = {"unknown": "No site of yours has this id"}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("unknown")
        viewer: Viewer = self.context["viewer"]
        site = Site.objects.visible_to(viewer).filter(public_id=data, closed_at=None).first()
        if site is None:
            self.fail("unknown")
        return site

    def to_representation(self, value: Site) -> str:
        return value.public_id


def site_names(viewer: Viewer, ids: set[Any]) -> dict[Any, Site]:
    """Sites of these keys that the viewer may name now; an ended grant's site is not among a partner's."""
    return {s.pk: s for s in Site.objects.visible_to(viewer).filter(pk__in=ids)}
