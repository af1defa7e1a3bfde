"""REST over tenders and proposals: the customer opens, answers, compares, chooses; a partner answers what it is invited to."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from access import policy, viewing
from access.api.fields import site_names
from access.api.views import ID, ConsentViews
from access.errors import Invalid, require
from access.models import Grant, Organization
from partners import decisions, proposals, tenders
from partners.api import serializers as s
from partners.decisions import END, Wish
from partners.models import Proposal, Tender, TenderQuestion

QUESTION = OpenApiParameter("question", str, OpenApiParameter.PATH, description="Opaque id of the question")
UUID_LIKE = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@extend_schema_view(
    list=extend_schema(responses=s.TenderOut(many=True)),
    retrieve=extend_schema(responses=s.TenderDetail, parameters=[ID]),
    create=extend_schema(request=s.TenderIn, responses={201: s.TenderDetail}),
)
class Tenders(ConsentViews):
    """Asking several partners for proposals about a site. Each reads the same facts; none learns who else was asked."""

    out = s.TenderOut
    ordering = ("-opened_at", "pk")

    def get_queryset(self) -> QuerySet[Tender]:
        return tenders.visible_to(self.viewer)

    def _one(self, public_id: str) -> Tender:
        row: Tender = get_object_or_404(self.get_queryset(), public_id=public_id)
        return row

    def _context(self, rows: list[Tender]) -> dict[str, Any]:
        context: dict[str, Any] = {"sites": site_names(self.viewer, {t.site_id for t in rows})}
        if self.viewer.is_partner:
            own = proposals.visible_to(self.viewer).filter(tender__in=[t.pk for t in rows])
            context["own"] = {p.tender_id: p for p in own}
        return context

    def _look(self, rows: list[Tender]) -> None:
        viewing.record(self.viewer, tenders.looks(rows), way="api")

    def _detail(self, public_id: str) -> dict[str, Any]:
        row = self._one(public_id)
        self._look([row])
        compared = proposals.compare(row, viewer=self.viewer)
        context = self.get_serializer_context() | self._context([row]) | {"compared": compared}
        return dict(s.TenderDetail(row, context=context).data)

    def _wishes(self, tender: Tender, said: dict[str, Any]) -> list[Wish]:
        """Of those invited, at the tender's site."""
        wishes = [Wish(grant, END) for grant in said.get("end_grants", [])]
        if wishes:
            asked = [i.partner.pk for i in tenders.invited(tender, viewer=self.viewer)]
            live = Grant.objects.visible_to(self.viewer).live()
            decisions.check(wishes, live.filter(site=tender.site_id, partner__in=asked), "end_grants")
        return wishes

    def _over(self, public_id: str, wishes: list[Wish]) -> Response:
        row = self._one(public_id)
        shown = self.shown(row, **self._context([row]))
        self.after_commit = lambda: Response({"tender": shown, "grants": decisions.carry_out(self.viewer, wishes)})
        return Response(shown)

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None
        self._look(page)
        return self.get_paginated_response(self.shown(page, many=True, **self._context(page)))

    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(self._detail(public_id))

    def create(self, request: Request) -> Response:
        require(self.viewer.is_customer, "Only a customer asks for proposals")
        said = self.read(s.TenderIn, request)
        said["partners"] = _directory(said["partners"])
        row = tenders.open(by=self.viewer, **said)
        return Response(self._detail(row.public_id), status=status.HTTP_201_CREATED)

    @extend_schema(methods=["GET"], responses=s.QuestionOut(many=True), parameters=[ID])
    @extend_schema(methods=["POST"], request=s.QuestionIn, responses={201: s.QuestionOut}, parameters=[ID])
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def questions(self, request: Request, public_id: str) -> Response:
        """Read the shared questions; a partner asks. Once answered, all who are invited read both, and not who asked."""
        tender = self._one(public_id)
        if request.method == "POST":
            row = proposals.ask(tender, question=self.read(s.QuestionIn, request)["question"], by=self.viewer)
            return Response(s.QuestionOut(row).data, status=status.HTTP_201_CREATED)
        self._look([tender])
        found = tenders.questions(tender, viewer=self.viewer)
        return Response(s.QuestionOut(found, many=True).data)  # type: ignore[arg-type]  # the stubs do not know many=True

    @extend_schema(request=s.QuestionAnswer, responses=s.QuestionOut, parameters=[ID, QUESTION])
    @action(detail=True, methods=["post"], url_path=f"questions/(?P<question>{UUID_LIKE})/answer")
    def answer(self, request: Request, public_id: str, question: str) -> Response:
        """Answer a question, once, for all who are invited."""
        tender = self._one(public_id)
        row: TenderQuestion = get_object_or_404(tenders.questions(tender, viewer=self.viewer), pk=question)
        tenders.answer(row, text=self.read(s.QuestionAnswer, request)["answer"], by=self.viewer)
        return Response(s.QuestionOut(row).data)

    @extend_schema(request=s.ChooseIn, responses=s.ClosedOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def choose(self, request: Request, public_id: str) -> Response:
        """Choose a proposal. That changes nobody's sight of data; what is named under `end_grants` is ended apart, afterwards."""
        tender, said = self._one(public_id), self.read(s.ChooseIn, request)
        require(self.viewer.is_customer, tenders.WHO)
        wishes = self._wishes(tender, said)
        proposal = proposals.visible_to(self.viewer).filter(tender=tender, public_id=said["proposal"]).first()
        if proposal is None:
            raise Invalid("No proposal of this tender has this id", "proposal")
        tenders.choose(proposal, by=self.viewer)
        return self._over(public_id, wishes)

    @extend_schema(request=s.CloseIn, responses=s.ClosedOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def close(self, request: Request, public_id: str) -> Response:
        """End it without a choice."""
        tender, said = self._one(public_id), self.read(s.CloseIn, request)
        require(self.viewer.is_customer, tenders.WHO)
        wishes = self._wishes(tender, said)
        tenders.close(tender, by=self.viewer)
        return self._over(public_id, wishes)


def _directory(public_ids: list[str]) -> list[Organization]:
    found = list(policy.directory().filter(public_id__in=set(public_ids)))
    if len(found) != len(set(public_ids)) or len(public_ids) != len(found):
        raise Invalid("Invite partners of the directory, each once", "partners")
    return found


@extend_schema_view(
    list=extend_schema(
        responses=s.ProposalOut(many=True), parameters=[OpenApiParameter("tender", str, description="Id of one tender")]
    ),
    retrieve=extend_schema(responses=s.ProposalOut, parameters=[ID]),
    partial_update=extend_schema(request=s.ProposalChange, responses=s.ProposalOut, parameters=[ID]),
)
class Proposals(ConsentViews):
    """A partner writes its own; the customer reads those that were sent."""

    out = s.ProposalOut
    ordering = ("-invited_at", "pk")

    def get_queryset(self) -> QuerySet[Proposal]:
        found = proposals.visible_to(self.viewer)
        tender = self.request.query_params.get("tender")
        return found.filter(tender__public_id=tender) if tender and self.action == "list" else found

    def _one(self, public_id: str) -> Proposal:
        row: Proposal = get_object_or_404(self.get_queryset(), public_id=public_id)
        return row

    def list(self, request: Request) -> Response:
        return self.listed(self.get_queryset())

    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(self.shown(self._one(public_id)))

    def partial_update(self, request: Request, public_id: str) -> Response:
        """Write the draft; the customer does not see it before it is sent."""
        row = self._one(public_id)
        proposals.draft(row, by=self.viewer, values=self.read(s.ProposalChange, request))
        return Response(self.shown(self._one(public_id)))

    @extend_schema(request=None, responses=s.ProposalOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def send(self, request: Request, public_id: str) -> Response:
        """Give it to the customer. It cannot be changed afterwards."""
        proposals.send(self._one(public_id), by=self.viewer)
        return Response(self.shown(self._one(public_id)))

    @extend_schema(request=None, responses=s.ProposalOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, public_id: str) -> Response:
        """Say that there will be no proposal."""
        proposals.decline(self._one(public_id), by=self.viewer)
        return Response(self.shown(self._one(public_id)))
