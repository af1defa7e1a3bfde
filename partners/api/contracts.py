"""REST over contracts. A partner reads those it is party to; what they cover, with the kind contracts alone."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from access import policy, viewing
from access.api.views import ID, ConsentViews
from access.errors import Invalid, require
from access.models import Category, Grant, Organization
from access.viewing import Look
from partners import contracts, decisions, relations
from partners.api import serializers as s
from partners.decisions import Wish
from partners.models import Contract, ContractCoverage


@extend_schema_view(
    list=extend_schema(responses=s.ContractOut(many=True)),
    retrieve=extend_schema(responses=s.ContractDetail, parameters=[ID]),
    create=extend_schema(request=s.ContractIn, responses={201: s.ContractDetail}),
)
class Contracts(ConsentViews):
    """Who is paid. A contract shows nobody any data, and its transfer moves no sight of any."""

    out = s.ContractOut
    ordering = ("-created_at", "pk")

    def get_queryset(self) -> QuerySet[Contract]:
        return relations.contracts(self.viewer).select_related("customer", "partner", "transferred_to")

    def _one(self, public_id: str) -> Contract:
        row: Contract = get_object_or_404(self.get_queryset(), public_id=public_id)
        return row

    def _detail(self, row: Contract) -> dict[str, Any]:
        covers = ContractCoverage.objects.visible_to(self.viewer).filter(contract=row).select_related("site")
        found = list(covers.order_by("site__name", "what"))
        viewing.record(self.viewer, _looks(row, found), way="api")
        context = self.get_serializer_context() | {"covers": found}
        return dict(s.ContractDetail(row, context=context).data)

    def list(self, request: Request) -> Response:
        return self.listed(self.get_queryset())

    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(self._detail(self._one(public_id)))

    def create(self, request: Request) -> Response:
        require(self.viewer.is_customer, "Only a customer files a contract")
        form = s.ContractIn(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        partner = _partner(form.validated_data["partner"])
        row = contracts.open(partner=partner, paper=form.paper(), covers=form.covered(), by=self.viewer)
        return Response(self._detail(self._one(row.public_id)), status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=s.ContractDetail, parameters=[ID])
    @action(detail=True, methods=["post"])
    def end(self, request: Request, public_id: str) -> Response:
        """End it now. Who sees what stays as it is."""
        contracts.end(self._one(public_id), by=self.viewer)
        return Response(self._detail(self._one(public_id)))

    @extend_schema(request=s.TransferIn, responses={201: s.TransferOut}, parameters=[ID])
    @action(detail=True, methods=["post"])
    def transfer(self, request: Request, public_id: str) -> Response:
        """Hand the rest of it to another partner. Moves no sight of data: what is named under `grants` is decided apart, afterwards."""
        row, said = self._one(public_id), self.read(s.TransferIn, request)
        require(self.viewer.is_customer, contracts.WHO)
        wishes = [
            Wish(w["grant"], w["action"], frozenset(Category(c) for c in w.get("categories", [])))
            for w in said.get("grants", [])
        ]
        held = Grant.objects.visible_to(self.viewer).live().filter(partner=row.partner_id)
        decisions.check(wishes, held, "grants")
        to = _partner(said["partner"])
        starts_on = said.get("starts_on", timezone.localdate())
        made = contracts.transfer(row, to=to, starts_on=starts_on, by=self.viewer)
        shown = self.shown(self._one(made.public_id))

        def decided() -> Response:
            answer = {
                "contract": shown,
                "header": contracts.HEADER,
                "grants": decisions.carry_out(self.viewer, wishes),
            }
            return Response(answer, status=status.HTTP_201_CREATED)

        self.after_commit = decided
        return Response(shown, status=status.HTTP_201_CREATED)


def _partner(public_id: str) -> Organization:
    found = policy.directory().filter(public_id=public_id).first()
    if found is None:
        raise Invalid("No partner has this id", "partner")
    return found


def _looks(row: Contract, covers: list[ContractCoverage]) -> list[Look]:
    """At the coverage of each site; the paper itself is the reader's own."""
    sites = {c.site_id: c.site.name for c in covers}
    return [
        Look(
            row.customer_id,
            Category.CONTRACTS,
            pk,
            "contract",
            f"{name}: {row.title}",
            [row.public_id],
            sum(1 for c in covers if c.site_id == pk),
        )
        for pk, name in sites.items()
    ]
