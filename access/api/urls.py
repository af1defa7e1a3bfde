from rest_framework.routers import SimpleRouter

from access.api import views

router = SimpleRouter(trailing_slash=False)
router.register("sites", views.Sites, basename="api-sites")
router.register("partners", views.Partners, basename="api-partners")
router.register("grants", views.Grants, basename="api-grants")
router.register("access-requests", views.AccessRequests, basename="api-access-requests")
router.register("viewing-log", views.ViewingLog, basename="api-viewing-log")
router.register("audit-log", views.AuditLog, basename="api-audit-log")
router.register("members", views.Members, basename="api-members")
router.register("service-accounts", views.ServiceAccounts, basename="api-service-accounts")

urlpatterns = router.urls
