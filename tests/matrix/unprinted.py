"""What the matrix asks for by an id that `seed` does not print."""

from access.models import Membership, User
from access.principal import acting, principal
from access.viewer import Viewer
from partners import tenders
from partners.models import TenderQuestion
from telemetry.models import ClaimCode


def unprinted() -> dict[str, str]:
    """Ids of seeded things that the seed does not print: with ids of nothing a row of the matrix would prove nothing."""
    user = User.objects.get(email="ada@acme.example")
    with principal(kind="login", user=user.pk):
        ada = Viewer.of_membership(Membership.objects.select_related("organization", "user").get(user=user))
    with acting(ada):
        # Of acme by name too: the matrix is also run where the database hides nothing (make sabotage).
        claim = ClaimCode.unscoped.filter(customer=ada.organization_id, site__name__startswith="Headquarters").get()
        open_ones = TenderQuestion.objects.filter(tender__in=tenders.visible_to(ada), answered_at=None)
        question = open_ones.select_related("tender").order_by("pk")[0]
    return {"claim-hq": claim.public_id, "question": str(question.pk), "asked": question.tender.public_id}
