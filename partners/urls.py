"""Addresses of this package, from the root: the partner is in the path, a customer in the session."""

from django.urls import URLPattern, path

from partners.views import (
    access,
    alerts,
    choices,
    contracts,
    customers,
    destinations,
    devices,
    grants,
    leads,
    offers,
    own_looks,
    team,
    tenders,
    triage,
    unsubscribe,
)

P = "p/<slug:partner_slug>"


def of_destinations(root: str, prefix: str) -> list[URLPattern]:
    """The same pages for a partner (hand-off) and for a customer (notifications)."""
    one = f"{root}/<str:public_id>"
    return [
        path(root, destinations.index, name=f"{prefix}destinations"),
        path(f"{root}/email", destinations.add_email, name=f"{prefix}destination_email"),
        path(f"{root}/webhook", destinations.add_webhook, name=f"{prefix}destination_webhook"),
        path(one, destinations.page, name=f"{prefix}destination"),
        path(f"{one}/test", destinations.send_test, name=f"{prefix}destination_test"),
        path(f"{one}/keep", destinations.keep, name=f"{prefix}destination_keep"),
        path(f"{one}/secret", destinations.replace_secret, name=f"{prefix}destination_secret"),
        path(f"{one}/remove", destinations.remove, name=f"{prefix}destination_remove"),
        path(f"{one}/deliveries/<str:delivery_id>/replay", destinations.replay, name=f"{prefix}delivery_replay"),
    ]


urlpatterns = [
    path(f"{P}/triage", triage.page, name="partner_triage"),
    path(f"{P}/customers", customers.index, name="partner_customers"),
    path(f"{P}/customers/<str:public_id>", customers.page, name="partner_customer"),
    path(f"{P}/customers/<str:public_id>/notes", customers.add_note, name="partner_note_add"),
    path(
        f"{P}/customers/<str:public_id>/notes/<str:note_id>/remove", customers.remove_note, name="partner_note_remove"
    ),
    path(f"{P}/devices", devices.index, name="partner_devices"),
    path(f"{P}/devices/<str:public_id>", devices.page, name="partner_device"),
    path(f"{P}/alerts", alerts.index, name="partner_alerts"),
    path(f"{P}/alerts/<str:public_id>", alerts.page, name="partner_alert"),
    path(f"{P}/alerts/<str:public_id>/<slug:verb>", alerts.act, name="partner_alert_act"),
    path(f"{P}/access", access.index, name="partner_access"),
    path(f"{P}/access/ask", access.ask, name="partner_ask"),
    path(f"{P}/access/log", own_looks.index, name="partner_own_looks"),
    path(f"{P}/access/requests/<str:public_id>/withdraw", access.withdraw, name="partner_withdraw"),
    path(f"{P}/access/<str:public_id>", grants.page, name="partner_grant"),
    path(f"{P}/access/<str:public_id>/give-back", access.give_back, name="partner_give_back"),
    path(f"{P}/team", team.index, name="partner_team"),
    path(f"{P}/team/<str:public_id>", team.assign, name="partner_assign"),
    path(f"{P}/contracts", contracts.index, name="partner_contracts"),
    path(f"{P}/contracts/<str:public_id>", contracts.page, name="partner_contract"),
    path(f"{P}/tenders", leads.index, name="partner_tenders"),
    path(f"{P}/tenders/<str:public_id>", leads.page, name="partner_tender"),
    path(f"{P}/tenders/<str:public_id>/ask", leads.ask, name="partner_tender_ask"),
    path(f"{P}/proposals", offers.index, name="partner_proposals"),
    path(f"{P}/proposals/<str:public_id>", offers.page, name="partner_proposal"),
    path(f"{P}/proposals/<str:public_id>/send", offers.send, name="partner_proposal_send"),
    path(f"{P}/proposals/<str:public_id>/decline", offers.decline, name="partner_proposal_decline"),
    path("proposals", tenders.index, name="tenders"),
    path("proposals/ask", tenders.ask, name="tender_ask"),
    path("proposals/<str:public_id>", tenders.page, name="tender"),
    path("proposals/<str:public_id>/close", choices.close, name="tender_close"),
    path("proposals/<str:public_id>/questions/<uuid:question>", tenders.answer, name="tender_answer"),
    path("proposals/<str:public_id>/<str:proposal_id>", choices.page, name="proposal"),
    path("proposals/<str:public_id>/<str:proposal_id>/choose", choices.choose, name="proposal_choose"),
    path("contracts", contracts.index, name="contracts"),
    path("contracts/<str:public_id>", contracts.page, name="contract"),
    *of_destinations(f"{P}/settings/webhooks", "partner_"),
    *of_destinations("settings/notifications", ""),
    path("unsubscribe/<str:token>", unsubscribe.page, name="unsubscribe"),
]
