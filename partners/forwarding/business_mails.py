"""What mails about tenders, proposals and contracts say. Each is for one side, and tells it of nobody but the other.

A partner reads the same words whether another was chosen or nobody, and whether a contract is new or came from somebody else.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from partners.forwarding.mails import Mail, rendered


@dataclass(frozen=True, kw_only=True)
class TenderFacts:
    """`title` is the customer's; `link` leads to the reader's own page of the tender or proposal."""

    customer_name: str
    title: str
    answers_until: datetime
    link: str


@dataclass(frozen=True, kw_only=True)
class ContractFacts:
    """The paper's first page, as both its parties know it."""

    customer_name: str
    partner_name: str
    title: str
    starts_on: date
    ends_on: date
    link: str


@dataclass(frozen=True, kw_only=True)
class AnswerFacts:
    """Something a partner did about a customer's tender. `partner_name` is empty where it is not for the customer to know."""

    partner_name: str
    title: str
    link: str


@dataclass(frozen=True, kw_only=True)
class _Words:
    """The one template: what happened, what it means, where to go on, why the reader gets it."""

    sentence: str
    note: str
    action: str
    why: str
    link: str


WHY_OFFERS = "Sent to the people of your company who make offers."
WHY_DECIDES = "Sent to the owners and approvers of your company."
SEES_NOTHING = "It gives nobody access to data: what a company may see, the customer decides apart."


def tender_invited(facts: TenderFacts) -> Mail:
    names = {"customer": facts.customer_name, "title": facts.title}
    day = formats.date_format(timezone.localtime(facts.answers_until), "j M Y, H:i e")
    return _made(
        _("%(customer)s asks you for a proposal: %(title)s") % names,
        sentence=_("%(customer)s asks you for a proposal: %(title)s. Answers are read until %(day)s.")
        % {**names, "day": day},
        note=_(
            "Behind the link are the wish, the fact sheet and the answered questions. You may ask, send one proposal, or say"
            " that there will be none. Being asked gives you no access to data."
        ),
        action=_("Read what is wished for"),
        why=_(WHY_OFFERS),
        link=facts.link,
    )


def proposal_chosen(facts: TenderFacts) -> Mail:
    names = {"customer": facts.customer_name, "title": facts.title}
    return _made(
        _("%(customer)s chose your proposal: %(title)s") % names,
        sentence=_("%(customer)s chose your proposal for: %(title)s.") % names,
        note=_("The contract about it is made between the two of you.") + " " + _(SEES_NOTHING),
        action=_("Your proposal"),
        why=_(WHY_OFFERS),
        link=facts.link,
    )


def proposal_not_chosen(facts: TenderFacts) -> Mail:
    names = {"customer": facts.customer_name, "title": facts.title}
    return _made(
        _("%(customer)s did not take your proposal: %(title)s") % names,
        sentence=_("%(customer)s has ended its request and did not take your proposal: %(title)s.") % names,
        note=_(
            "Access that you hold stays as it is until it ends or the customer stops it, which is a decision apart."
        ),
        action=_("Your proposal"),
        why=_(WHY_OFFERS),
        link=facts.link,
    )


def tender_over(facts: TenderFacts) -> Mail:
    """For who had not answered."""
    names = {"customer": facts.customer_name, "title": facts.title}
    return _made(
        _("%(customer)s no longer waits for proposals: %(title)s") % names,
        sentence=_("%(customer)s has ended its request for proposals: %(title)s.") % names,
        note=_(
            "Yours was not sent, and can no longer be. What you had written stays with you; the customer never saw it."
        ),
        action=_("Your draft"),
        why=_(WHY_OFFERS),
        link=facts.link,
    )


def contract_filed(facts: ContractFacts) -> Mail:
    names = {"customer": facts.customer_name, "title": facts.title}
    days = {"from": formats.date_format(facts.starts_on, "j M Y"), "to": formats.date_format(facts.ends_on, "j M Y")}
    return _made(
        _("%(customer)s filed a contract with you: %(title)s") % names,
        sentence=_("%(customer)s filed a contract with you: %(title)s. It runs from %(from)s to %(to)s.")
        % {**names, **days},
        note=_("A contract says who is paid.") + " " + _(SEES_NOTHING),
        action=_("The contract"),
        why=_(WHY_OFFERS),
        link=facts.link,
    )


def contract_ended(facts: ContractFacts) -> Mail:
    """Also of one that went to somebody else: that there is a successor is not the former party's business."""
    names = {"customer": facts.customer_name, "title": facts.title}
    return _made(
        _("%(customer)s ended its contract with you: %(title)s") % names,
        sentence=_("%(customer)s ended its contract with you: %(title)s.") % names,
        note=_(
            "A contract says who is paid. What you may see stays as it is until it ends or the customer stops it, which is"
            " a decision apart."
        ),
        action=_("The contract"),
        why=_(WHY_OFFERS),
        link=facts.link,
    )


def proposal_sent(facts: AnswerFacts) -> Mail:
    names = {"partner": facts.partner_name, "title": facts.title}
    return _made(
        _("%(partner)s sent a proposal: %(title)s") % names,
        sentence=_("%(partner)s sent you a proposal for: %(title)s.") % names,
        note=_(
            "All proposals stand side by side there, by the same rows, without a recommendation of ours."
            " Choosing one changes nobody's access to your data."
        ),
        action=_("Compare"),
        why=_(WHY_DECIDES),
        link=facts.link,
    )


def question_asked(facts: AnswerFacts) -> Mail:
    names = {"title": facts.title}
    return _made(
        _("A question about your request: %(title)s") % names,
        sentence=_("Somebody whom you asked for a proposal has a question about: %(title)s.") % names,
        note=_(
            "You answer once, for all who are invited; none of them reads who asked. For further questions of the same day"
            " there is no other mail."
        ),
        action=_("Read and answer"),
        why=_(WHY_DECIDES),
        link=facts.link,
    )


def _made(subject: str, **words: str) -> Mail:
    return rendered("business", subject, _Words(**words))
