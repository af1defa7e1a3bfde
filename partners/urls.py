"""Addresses of this package, from the root: the partner is in the path, a customer in the session."""

from django.urls import path

from partners.views import access, alerts, triage

P = "p/<slug:partner_slug>"

urlpatterns = [
    path(f"{P}/triage", triage.page, name="partner_triage"),
    path(f"{P}/alerts", alerts.index, name="partner_alerts"),
    path(f"{P}/alerts/<str:public_id>", alerts.page, name="partner_alert"),
    path(f"{P}/alerts/<str:public_id>/<slug:verb>", alerts.act, name="partner_alert_act"),
    path(f"{P}/access", access.index, name="partner_access"),
    path(f"{P}/access/ask", access.ask, name="partner_ask"),
    path(f"{P}/access/requests/<str:public_id>/withdraw", access.withdraw, name="partner_withdraw"),
    path(f"{P}/access/<str:public_id>/give-back", access.give_back, name="partner_give_back"),
]
