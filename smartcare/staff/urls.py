"""Addresses under /staff/. Django's admin shows only tables that are about no customer (smartcare/staff/admin/checks.py)."""

from django.urls import path

from smartcare.staff import devices, machinery, people, permissions, tenants
from smartcare.staff.admin.site import site

T = "tenants/<str:tenant>"

urlpatterns = [
    path("", tenants.home, name="staff_home"),
    path("search", tenants.search, name="staff_search"),
    path(T, tenants.page, name="staff_tenant"),
    path(f"{T}/lockbox", tenants.lockbox, name="staff_lockbox"),
    path(f"{T}/break-glass", tenants.break_glass, name="staff_break_glass"),
    path(f"{T}/devices", devices.index, name="staff_devices"),
    path(f"{T}/devices/<str:public_id>", devices.page, name="staff_device"),
    path(f"{T}/alerts/<str:public_id>", devices.alert, name="staff_alert"),
    path("permissions", permissions.index, name="staff_permissions"),
    path("permissions/<str:public_id>", permissions.page, name="staff_own_permission"),
    path("permissions/<str:public_id>/end", permissions.end, name="staff_permission_end"),
    path("permissions/<str:public_id>/review", permissions.review, name="staff_permission_review"),
    path("partners", machinery.partners, name="staff_partners"),
    path("partners/<str:public_id>", machinery.partner, name="staff_partner"),
    path("partners/<str:public_id>/<slug:verb>", machinery.decide, name="staff_partner_decide"),
    path("people", people.page, name="staff_people"),
    path("jobs", machinery.jobs, name="staff_jobs"),
    path("audit", machinery.audit, name="staff_audit"),
    path("admin/", site.urls),
    path("kitchen-sink", machinery.kitchen, name="kitchen_sink"),
]
