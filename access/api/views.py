"""REST over consent: each handler reads through the door, records its look, and answers what the domain functions say."""

from collections.abc import Container, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from access import accounts, invitations, onboarding, policy, requests, sharing, verification
from access.api import serializers as s
from access.api.base import ViewerViews
from access.api.confirmed import confirm
from access.api.fields import site_names
from access.api.filters import yes_or_no
from access.errors import Invalid, require
from access.lengths import end_after
from access.models import (
    AccessRequest,
    AuditEntry,
    Category,
    Grant,
    Membership,
    Organization,
    Role,
    ServiceAccount,
    Site,
    ViewingEntry,
    sites_visible_to,
)
from access.requests import Answer
from access.sharing import Terms
from access.viewing import Look, record

ID = OpenApiParameter("public_id", str, OpenApiParameter.PATH, description="Opaque public id")


class ConsentViews(ViewerViews):
    """Lists and details through one serializer for what goes out."""

    out: type[Any]

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "viewer": self.viewer}

    def shown(self, rows: Any, *, many: bool = False, **context: Any) -> Any:
        return self.out(rows, many=many, context=self.get_serializer_context() | context).data

    def read(self, serializer: type[Any], request: Request, **kwargs: Any) -> dict[str, Any]:
        form = serializer(data=request.data, context=self.get_serializer_context(), **kwargs)
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)

    def listed(self, rows: QuerySet[Any], **context: Any) -> Response:
        page = self.paginate_queryset(rows)
        assert page is not None
        return self.get_paginated_response(self.shown(page, many=True, **context))


@extend_schema_view(
    list=extend_schema(responses=s.SiteOut(many=True)),
    retrieve=extend_schema(responses=s.SiteOut, parameters=[ID]),
    create=extend_schema(request=s.SiteIn, responses={201: s.SiteOut}),
    partial_update=extend_schema(request=s.SiteChange, responses=s.SiteOut, parameters=[ID]),
)
class Sites(ConsentViews):
    """Sites: the customer's own, or those a partner sees anything of."""

    out = s.SiteOut
    ordering = ("name", "pk")

    def get_queryset(self) -> QuerySet[Site]:
        return Site.objects.visible_to(self.viewer).select_related("customer")

    def _look(self, sites: list[Site]) -> None:
        record(
            self.viewer,
            [Look(x.customer_id, Category.ANY, x.pk, "site", x.name, [x.public_id]) for x in sites],
            way="api",
        )

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None
        self._look(page)
        return self.get_paginated_response(self.shown(page, many=True))

    def retrieve(self, request: Request, public_id: str) -> Response:
        site = get_object_or_404(self.get_queryset(), public_id=public_id)
        self._look([site])
        return Response(self.shown(site))

    def create(self, request: Request) -> Response:
        site = onboarding.open_site(by=self.viewer, **self.read(s.SiteIn, request))
        return Response(self.shown(self.get_queryset().get(pk=site.pk)), status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, public_id: str) -> Response:
        site = get_object_or_404(self.get_queryset(), public_id=public_id)
        onboarding.change_site(site, by=self.viewer, **self.read(s.SiteChange, request))
        return Response(self.shown(site))

    @extend_schema(request=None, responses=s.SiteOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def close(self, request: Request, public_id: str) -> Response:
        """Close a site: its grants end, its devices report no longer."""
        site = get_object_or_404(self.get_queryset(), public_id=public_id)
        onboarding.close_site(site, by=self.viewer)
        return Response(self.shown(site))


@extend_schema_view(
    list=extend_schema(
        responses=s.PartnerOut(many=True), parameters=[OpenApiParameter("search", str, description="Part of the name")]
    ),
    retrieve=extend_schema(responses=s.PartnerOut, parameters=[ID]),
    create=extend_schema(request=s.PartnerIn, responses={201: None}, description="Invite by mail; shares nothing"),
)
class Partners(ConsentViews):
    """The public directory of partners; inviting one that is not in it."""

    out = s.PartnerOut
    ordering = ("name", "pk")

    def get_queryset(self) -> QuerySet[Organization]:
        require(self.viewer.is_customer, "The directory is for customers")
        return policy.directory(self.request.query_params.get("search", ""))

    def list(self, request: Request) -> Response:
        return self.listed(self.get_queryset())

    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(self.shown(get_object_or_404(self.get_queryset(), public_id=public_id)))

    def create(self, request: Request) -> Response:
        invitations.invite_partner(by=self.viewer, email=self.read(s.PartnerIn, request)["email"])
        return Response(status=status.HTTP_201_CREATED)


@extend_schema_view(
    list=extend_schema(responses=s.GrantOut(many=True), parameters=[OpenApiParameter("live", bool)]),
    retrieve=extend_schema(responses=s.GrantOut, parameters=[ID]),
    create=extend_schema(request=s.GrantIn, responses={201: s.GrantOut}),
    partial_update=extend_schema(request=s.GrantChange, responses=s.GrantOut, parameters=[ID]),
    destroy=extend_schema(responses={200: s.ReceiptOut}, parameters=[ID]),
)
class Grants(ConsentViews):
    """Grants: a customer gives, changes and ends them; a partner lists its own and may give one back."""

    out = s.GrantOut
    ordering = ("-granted_at", "pk")

    def get_queryset(self) -> QuerySet[Grant]:
        found = Grant.objects.visible_to(self.viewer).select_related("partner", "customer")
        if self.action != "list":
            return found
        match yes_or_no(self.request.query_params, "live"):
            case True:
                return found.live()
            case False:
                return found.exclude(pk__in=found.live().values("pk"))
        return found

    def _shown(self, rows: list[Grant], *, many: bool) -> Any:
        sites = site_names(self.viewer, {g.site_id for g in rows})
        return self.shown(rows if many else rows[0], many=many, sites=sites)

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None
        return self.get_paginated_response(self._shown(page, many=True))

    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(self._shown([get_object_or_404(self.get_queryset(), public_id=public_id)], many=False))

    def create(self, request: Request) -> Response:
        require(self.viewer.is_customer, "Only a customer gives access")
        said = self.read(s.GrantIn, request)
        confirm(request)
        partner = policy.directory().filter(public_id=said["partner"]).first()
        if partner is None:
            raise Invalid("No partner has this id", "partner")
        row = sharing.grant(partner=partner, site=said["site"], terms=self._terms(said), by=self.viewer)
        return Response(self._shown([row], many=False), status=status.HTTP_201_CREATED)

    def _terms(self, said: dict[str, Any]) -> Terms:
        assert self.viewer.organization is not None
        return Terms(
            categories=frozenset(Category(c) for c in said["categories"]),
            expires_at=end_after(said["days"], self.viewer.organization),
            forward_alerts=said["forward_alerts"],
            purpose=said.get("purpose", ""),
        )

    def partial_update(self, request: Request, public_id: str) -> Response:
        # Without its site, which the partner of an ended access no longer sees.
        row = get_object_or_404(self.get_queryset(), public_id=public_id)
        require(self.viewer.is_customer, "Only the customer changes access")
        said = self.read(s.GrantChange, request)
        confirm(request)
        assert self.viewer.organization is not None
        terms = Terms(
            categories=frozenset(Category(c) for c in said.get("categories", row.categories)),
            expires_at=end_after(said["days"], self.viewer.organization) if "days" in said else row.expires_at,
            forward_alerts=said.get("forward_alerts", row.forward_alerts),
            purpose=said.get("purpose", row.purpose),
        )
        return Response(self._shown([sharing.change(row, terms=terms, by=self.viewer)], many=False))

    def destroy(self, request: Request, public_id: str) -> Response:
        """End it now. The answer comes after the end is committed; while something is just finishing, `drained_at` is null."""
        row = get_object_or_404(self.get_queryset(), public_id=public_id)
        ended = (
            sharing.give_back(row, by=self.viewer) if self.viewer.is_partner else sharing.revoke(row, by=self.viewer)
        )
        self.after_commit = lambda: self._receipt(ended)
        return Response(_receipt(ended))

    def _receipt(self, ended: Grant) -> Response:
        drained = sharing.drain(ended.pk, customer=ended.customer_id)
        return Response(_receipt(ended) | {"drained_at": drained})


def _receipt(ended: Grant) -> dict[str, Any]:
    return {
        "id": ended.public_id,
        "revoked_at": ended.revoked_at,
        "drained_at": ended.drained_at,
        "cancelled_deliveries": ended.cancelled_deliveries,
    }


@extend_schema_view(
    list=extend_schema(responses=s.RequestOut(many=True)),
    retrieve=extend_schema(responses=s.RequestOut, parameters=[ID]),
    create=extend_schema(request=s.RequestIn, responses={201: s.RequestOut}),
    destroy=extend_schema(responses={200: s.RequestOut}, parameters=[ID], description="Withdraw"),
)
class AccessRequests(ConsentViews):
    """A partner asks and withdraws; the customer approves, perhaps less than was asked, or declines."""

    out = s.RequestOut
    ordering = ("-asked_at", "pk")

    def get_queryset(self) -> QuerySet[AccessRequest]:
        found = AccessRequest.objects.visible_to(self.viewer).select_related("partner")
        only = self.viewer.only_customers
        if only is None:
            return found
        # A member who is assigned to some customers: what concerns these, and what this person asked.
        return found.filter(Q(customer__in=only) | Q(asked_by=self.viewer.user_id))

    def _shown(self, rows: list[AccessRequest], *, many: bool) -> Any:
        sites = site_names(self.viewer, {pk for r in rows for pk in r.sites})
        return self.shown(rows if many else rows[0], many=many, sites=sites)

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None
        return self.get_paginated_response(self._shown(page, many=True))

    def _one(self, public_id: str) -> AccessRequest:
        row: AccessRequest = get_object_or_404(self.get_queryset(), public_id=public_id)
        return row

    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(self._shown([self._one(public_id)], many=False))

    def create(self, request: Request) -> Response:
        said = self.read(s.RequestIn, request)
        said["categories"] = [Category(c) for c in said["categories"]]
        row = requests.ask(by=self.viewer, **said)
        return Response(self._shown([row], many=False), status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, public_id: str) -> Response:
        return Response(self._shown([requests.withdraw(self._one(public_id), by=self.viewer)], many=False))

    @extend_schema(request=s.AnswerIn, responses=s.GrantOut(many=True), parameters=[ID])
    @action(detail=True, methods=["post"], pagination_class=None)
    def approve(self, request: Request, public_id: str) -> Response:
        row = self._one(public_id)
        said = self.read(s.AnswerIn, request)
        confirm(request)
        answer = Answer(
            categories=frozenset(Category(c) for c in said["categories"]) if "categories" in said else None,
            sites=frozenset(said["sites"]) if "sites" in said else None,
            days=said.get("days"),
            forward_alerts=said.get("forward_alerts"),
            purpose=said["purpose"],
        )
        grants = requests.approve(row, answer, by=self.viewer)
        context = self.get_serializer_context() | {"sites": site_names(self.viewer, {g.site_id for g in grants})}
        return Response(s.GrantOut(grants, many=True, context=context).data)

    @extend_schema(request=None, responses=s.RequestOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, public_id: str) -> Response:
        row = self._one(public_id)
        confirm(request)
        return Response(self._shown([requests.decline(row, by=self.viewer)], many=False))


@extend_schema_view(list=extend_schema(responses=s.LookOut(many=True)))
class ViewingLog(ConsentViews):
    """Who looked. A customer reads all looks at its data, a partner its own organization's."""

    out = s.LookOut
    ordering = ("-at", "-number")

    def get_queryset(self) -> QuerySet[ViewingEntry]:
        found = ViewingEntry.objects.visible_to(self.viewer).select_related("grant")
        only = self.viewer.only_customers
        return found if only is None else found.filter(customer__in=only)

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None
        seen = sites_visible_to(self.viewer, Category.ANY).filter(pk__in={e.site_id for e in page})
        sites = {x.pk: x for x in seen}
        return self.get_paginated_response(self.shown(page, many=True, sites=sites, named=self._named(page, sites)))

    def _named(self, page: Sequence[ViewingEntry], sites: Container[UUID]) -> set[UUID]:
        """Looks whose objects may be named: all to the customer, to a partner those at what is shared with it now."""
        if self.viewer.is_customer:
            return {e.pk for e in page}
        grants = Grant.objects.visible_to(self.viewer).live().filter(site__in={e.site_id for e in page})
        held = {g.site_id: g.category_set for g in grants if g.site_id in sites}
        return {e.pk for e in page if e.is_among(held)}

    @extend_schema(responses=s.ReportOut)
    @action(detail=False, methods=["get"], pagination_class=None)
    def verify(self, request: Request) -> Response:
        """Check both hash chains and the signed daily heads, now."""
        require(self.viewer.is_customer, "Only the customer checks its journals")
        assert self.viewer.organization_id is not None
        report = verification.verify(self.viewer.organization_id)
        broken = [{"chain": f.chain, "seq": f.seq, "what": f.what} for f in report.broken]
        return Response(
            {
                "ok": report.ok,
                "checked": report.checked,
                "waiting": report.waiting,
                "upto": report.upto,
                "broken": broken,
                "at": report.at,
            }
        )


@extend_schema_view(list=extend_schema(responses=s.AuditOut(many=True)))
class AuditLog(ConsentViews):
    """Changes of rights, people, keys, destinations and contracts of the own organization."""

    out = s.AuditOut
    ordering = ("-seq",)

    def get_queryset(self) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.visible_to(self.viewer)

    def list(self, request: Request) -> Response:
        return self.listed(self.get_queryset())


@extend_schema_view(
    list=extend_schema(responses=s.MemberOut(many=True)),
    create=extend_schema(request=s.MemberIn, responses={201: None}, description="Invite by mail"),
    partial_update=extend_schema(request=s.MemberChange, responses=s.MemberOut, parameters=[ID]),
    destroy=extend_schema(responses={204: None}, parameters=[ID]),
)
class Members(ConsentViews):
    out = s.MemberOut
    ordering = ("created_at", "pk")

    def get_queryset(self) -> QuerySet[Membership]:
        return Membership.objects.filter(organization=self.viewer.organization_id).select_related(
            "user", "organization"
        )

    def list(self, request: Request) -> Response:
        return self.listed(self.get_queryset())

    def create(self, request: Request) -> Response:
        said = self.read(s.MemberIn, request)
        invitations.invite_member(by=self.viewer, email=said["email"], role=Role(said["role"]))
        return Response(status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, public_id: str) -> Response:
        row = get_object_or_404(self.get_queryset(), public_id=public_id)
        onboarding.change_role(row, role=Role(self.read(s.MemberChange, request)["role"]), by=self.viewer)
        return Response(self.shown(row))

    def destroy(self, request: Request, public_id: str) -> Response:
        onboarding.remove_member(get_object_or_404(self.get_queryset(), public_id=public_id), by=self.viewer)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(
    list=extend_schema(responses=s.AccountOut(many=True)),
    create=extend_schema(request=s.AccountIn, responses={201: s.AccountMade}),
    destroy=extend_schema(responses={204: None}, parameters=[ID]),
)
class ServiceAccounts(ConsentViews):
    """Programs that act for the organization. The token is in the answer that makes it, and nowhere else."""

    out = s.AccountOut
    ordering = ("-created_at", "pk")

    def get_queryset(self) -> QuerySet[ServiceAccount]:
        return ServiceAccount.objects.filter(organization=self.viewer.organization_id)

    def list(self, request: Request) -> Response:
        return self.listed(self.get_queryset())

    def create(self, request: Request) -> Response:
        account, token = accounts.issue(by=self.viewer, **self.read(s.AccountIn, request))
        return Response(self.shown(account) | {"token": token}, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, public_id: str) -> Response:
        accounts.revoke(get_object_or_404(self.get_queryset(), public_id=public_id), by=self.viewer)
        return Response(status=status.HTTP_204_NO_CONTENT)
