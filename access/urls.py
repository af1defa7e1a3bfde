from django.urls import path

from access.views import company, grants, index, invitations, log, machines, requests, staff

urlpatterns = [
    path("access", index.index, name="access"),
    path("access/grant", grants.give, name="give"),
    path("access/grants/<str:public_id>", grants.page, name="grant"),
    path("access/grants/<str:public_id>/stop", grants.stop, name="grant_stop"),
    path("access/stop", grants.stop_all, name="stop_all"),
    path("access/requests/<str:public_id>", requests.page, name="request"),
    path("access/requests/<str:public_id>/allow", requests.allow, name="request_allow"),
    path("access/requests/<str:public_id>/decline", requests.decline, name="request_decline"),
    path("access/staff/<str:public_id>", staff.page, name="staff_permission"),
    path("access/staff/<str:public_id>/<str:verb>", staff.act, name="staff_permission_act"),
    path("access/log", log.index, name="access_log"),
    path("access/log/check", log.check, name="log_check"),
    path("access/changes", log.audit, name="audit"),
    path("access/invite", invitations.invite_partner, name="invite_partner"),
    path("settings/company", company.settings, name="settings"),
    path("settings/people", company.people, name="people"),
    path("settings/people/invite", invitations.invite_member, name="invite_member"),
    path("settings/people/<str:public_id>", company.change_member, name="member"),
    path("settings/api", machines.index, name="machines"),
    path("p/<slug:partner_slug>/settings/company", company.settings, name="partner_settings"),
    path("p/<slug:partner_slug>/settings/people", company.people, name="partner_people"),
    path("p/<slug:partner_slug>/settings/people/invite", invitations.invite_member, name="partner_invite_member"),
    path("p/<slug:partner_slug>/settings/people/<str:public_id>", company.change_member, name="partner_member"),
    path("p/<slug:partner_slug>/settings/api", machines.index, name="partner_machines"),
    path("invitations/<str:token>", invitations.accept, name="invitation"),
    path("welcome", company.start, name="start_company"),
    path("welcome/<slug:slug>", company.referral, name="referral"),
    path("switch/<str:public_id>", company.switch, name="switch"),
]
