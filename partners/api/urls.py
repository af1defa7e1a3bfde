from rest_framework.routers import SimpleRouter

from partners.api import contracts, destinations, tenders

router = SimpleRouter(trailing_slash=False)
router.register("destinations", destinations.Destinations, basename="api-destinations")
router.register("deliveries", destinations.Deliveries, basename="api-deliveries")
router.register("contracts", contracts.Contracts, basename="api-contracts")
router.register("tenders", tenders.Tenders, basename="api-tenders")
router.register("proposals", tenders.Proposals, basename="api-proposals")

urlpatterns = router.urls
