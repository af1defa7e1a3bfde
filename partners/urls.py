"""Addresses of this package, from the root: the partner is in the path, a customer in the session."""

from django.urls import path

from partners.views import access, alerts, customers, devices, triage

P = "p/<slug:partner_slug>"

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
    path(f"{P}/access/requests/<str:public_id>/withdraw", access.withdraw, name="partner_withdraw"),
    path(f"{P}/access/<str:public_id>/give-back", access.give_back, name="partner_give_back"),
]
