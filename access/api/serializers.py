"""What the API says of consent. Output is written by hand, field by field: what is not named here cannot leave."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from access import sentences
from access.api.fields import Categories, Viewed, VisibleSite
from access.models import (
    CUSTOMER_ROLES,
    PARTNER_ROLES,
    AccessRequest,
    AuditEntry,
    Category,
    Grant,
    Membership,
    Organization,
    Scope,
    ServiceAccount,
    Site,
    ViewingEntry,
)
from access.timezones import ZONES


class SiteOut(Viewed):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    city = serializers.CharField()
    timezone = serializers.CharField()
    customer = serializers.CharField(source="customer.public_id")
    customer_name = serializers.CharField(source="customer.name")
    created_at = serializers.SerializerMethodField()
    closed_at = serializers.SerializerMethodField()

    def get_created_at(self, site: Site) -> str | None:
        return site.created_at.isoformat() if self.viewer.is_customer else None

    def get_closed_at(self, site: Site) -> str | None:
        return site.closed_at.isoformat() if self.viewer.is_customer and site.closed_at else None


class SiteIn(Viewed):
    name = serializers.CharField(max_length=120)
    city = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    timezone = serializers.ChoiceField(choices=ZONES, required=False)


class SiteChange(Viewed):
    name = serializers.CharField(max_length=120, required=False)
    city = serializers.CharField(max_length=80, required=False, allow_blank=True)
    timezone = serializers.ChoiceField(choices=ZONES, required=False)


class PartnerOut(Viewed):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    city = serializers.CharField()
    website = serializers.CharField()
    profile = serializers.CharField()
    verified = serializers.SerializerMethodField()

    def get_verified(self, partner: Organization) -> bool:
        return partner.verified_at is not None


class PartnerIn(Viewed):
    email = serializers.EmailField()


class GrantOut(Viewed):
    """A grant as its reader may know it: the partner of an ended one keeps kinds and dates, and no longer reads which site."""

    id = serializers.CharField(source="public_id")
    partner = serializers.CharField(source="partner.public_id")
    partner_name = serializers.CharField(source="partner.name")
    customer = serializers.CharField(source="customer.public_id")
    customer_name = serializers.CharField(source="customer.name")
    site = serializers.SerializerMethodField()
    site_name = serializers.SerializerMethodField()
    categories = serializers.SerializerMethodField()
    forward_alerts = serializers.BooleanField()
    purpose = serializers.CharField()
    sentence = serializers.SerializerMethodField()
    live = serializers.SerializerMethodField()
    granted_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    drained_at = serializers.DateTimeField(allow_null=True)
    given_back = serializers.BooleanField()

    def _site(self, grant: Grant) -> Site | None:
        known: dict[Any, Site] = self.context.get("sites", {})
        return known.get(grant.site_id)

    def get_site(self, grant: Grant) -> str | None:
        site = self._site(grant)
        return site.public_id if site else None

    def get_site_name(self, grant: Grant) -> str | None:
        site = self._site(grant)
        return site.name if site else None

    def get_categories(self, grant: Grant) -> list[str]:
        return [c.value for c in grant.ordered_categories]

    def get_live(self, grant: Grant) -> bool:
        return grant.revoked_at is None and grant.expires_at > timezone.now()

    def get_sentence(self, grant: Grant) -> str | None:
        site = self._site(grant)
        if site is None or not self.get_live(grant):
            return None
        grant.site = site
        return sentences.of_grant(grant)


class GrantIn(Viewed):
    partner = serializers.CharField()
    site = VisibleSite()
    categories = Categories()
    forward_alerts = serializers.BooleanField(default=False)
    days = serializers.IntegerField(min_value=1, max_value=366)
    purpose = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class GrantChange(Viewed):
    categories = Categories(required=False)
    forward_alerts = serializers.BooleanField(required=False)
    days = serializers.IntegerField(min_value=1, max_value=366, required=False)
    purpose = serializers.CharField(max_length=300, required=False, allow_blank=True)


class ReceiptOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    drained_at = serializers.DateTimeField(allow_null=True)
    cancelled_deliveries = serializers.IntegerField()


class RequestOut(Viewed):
    id = serializers.CharField(source="public_id")
    partner = serializers.CharField(source="partner.public_id")
    partner_name = serializers.CharField(source="partner.name")
    customer_name = serializers.SerializerMethodField()
    sites = serializers.SerializerMethodField()
    categories = serializers.SerializerMethodField()
    forward_alerts = serializers.BooleanField()
    days = serializers.IntegerField()
    reason = serializers.CharField()
    state = serializers.CharField()
    asked_at = serializers.DateTimeField()
    lapses_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)
    pause_until = serializers.DateTimeField(allow_null=True)

    def get_customer_name(self, row: AccessRequest) -> str:
        return row.customer_name

    def get_sites(self, row: AccessRequest) -> list[str]:
        known: dict[Any, Site] = self.context.get("sites", {})
        return [known[pk].public_id for pk in row.sites if pk in known]

    def get_categories(self, row: AccessRequest) -> list[str]:
        return [c.value for c in row.ordered_categories]


class RequestIn(Viewed):
    customer_name = serializers.CharField(max_length=120)
    sites = serializers.ListField(child=serializers.CharField(), required=False, default=list, max_length=100)
    categories = Categories()
    forward_alerts = serializers.BooleanField(default=False)
    days = serializers.IntegerField(min_value=1, max_value=366)
    reason = serializers.CharField(min_length=20, max_length=1000)


class AnswerIn(Viewed):
    """An answer takes away or shortens: everything left out stays as asked."""

    categories = Categories(required=False)
    sites = serializers.ListField(child=serializers.CharField(), required=False, max_length=100)
    days = serializers.IntegerField(min_value=1, max_value=366, required=False)
    forward_alerts = serializers.BooleanField(required=False)
    purpose = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class LookOut(Viewed):
    """A look. A partner reads its own: objects are named while that kind is shared there, afterwards site, kind and time."""

    at = serializers.DateTimeField()
    person = serializers.SerializerMethodField()
    organization = serializers.CharField(source="looker_name")
    way = serializers.CharField()
    category = serializers.CharField()
    site = serializers.SerializerMethodField()
    object = serializers.SerializerMethodField()
    objects = serializers.SerializerMethodField()
    count = serializers.IntegerField()
    grant = serializers.SerializerMethodField()
    outcome = serializers.CharField()

    def _named(self, entry: ViewingEntry) -> bool:
        return entry.pk in self.context["named"]

    def get_person(self, entry: ViewingEntry) -> str:
        return entry.person_name or f"A person of {entry.looker_name}"

    def get_site(self, entry: ViewingEntry) -> str | None:
        site = self.context.get("sites", {}).get(entry.site_id)
        return site.public_id if site else None

    def get_object(self, entry: ViewingEntry) -> str | None:
        return entry.object_words if self._named(entry) else None

    def get_objects(self, entry: ViewingEntry) -> list[str]:
        return list(entry.object_ids) if self._named(entry) else []

    def get_grant(self, entry: ViewingEntry) -> str | None:
        return entry.grant.public_id if entry.grant else None


class AuditOut(serializers.Serializer[AuditEntry]):
    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField(source="actor_name")
    organization = serializers.CharField(source="actor_organization")
    action = serializers.CharField()
    kind = serializers.CharField(source="object_kind")
    object = serializers.CharField(source="object_words")
    before = serializers.CharField()
    after = serializers.CharField()
    hash = serializers.SerializerMethodField()

    def get_hash(self, entry: AuditEntry) -> str:
        return bytes(entry.hash or b"").hex()


class MemberOut(serializers.Serializer[Membership]):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField(source="user.name")
    email = serializers.EmailField(source="user.email")
    role = serializers.CharField()
    since = serializers.DateTimeField(source="created_at")


class MemberIn(Viewed):
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=sorted({r.value for r in (*CUSTOMER_ROLES, *PARTNER_ROLES)}))


class MemberChange(Viewed):
    role = serializers.ChoiceField(choices=sorted({r.value for r in (*CUSTOMER_ROLES, *PARTNER_ROLES)}))


class AccountOut(serializers.Serializer[ServiceAccount]):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    scope = serializers.CharField()
    key_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class AccountMade(AccountOut):
    token = serializers.CharField()


class AccountIn(Viewed):
    name = serializers.CharField(max_length=80)
    scope = serializers.ChoiceField(choices=Scope.choices, default=Scope.READ)
    days = serializers.IntegerField(min_value=1, max_value=366, default=90)


class ReportOut(serializers.Serializer[Any]):
    """Result of a check of the journals."""

    ok = serializers.BooleanField()
    checked = serializers.IntegerField()
    waiting = serializers.IntegerField()
    upto = serializers.DictField(child=serializers.IntegerField())
    broken = serializers.ListField(child=serializers.DictField())
    at = serializers.DateTimeField()


CATEGORY_VALUES = [c.value for c in Category]
