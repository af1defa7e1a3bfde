from django.urls import path

from telemetry.views import alerts, collectors, devices, exports, imports, keys, refused, sites, start

urlpatterns = [
    path("start", start.start, name="start"),
    path("start/<str:public_id>/waiting", start.waiting, name="start_waiting"),
    path("start/<str:public_id>/try-key", start.try_key, name="start_try_key"),
    path("start/<str:public_id>/share", start.share, name="start_share"),
    path("sites", sites.index, name="sites"),
    path("sites/new", sites.new, name="site_new"),
    path("sites/<str:public_id>", sites.page, name="site"),
    path("sites/<str:public_id>/edit", sites.edit, name="site_edit"),
    path("sites/<str:public_id>/close", sites.close, name="site_close"),
    path("devices", devices.index, name="devices"),
    path("devices/new", devices.claim, name="claim_new"),
    path("devices/new/<str:public_id>/withdraw", devices.withdraw, name="claim_withdraw"),
    path("devices/import", imports.upload, name="devices_import"),
    path("devices/refused", refused.index, name="refused"),
    path("devices/<str:public_id>", devices.page, name="device"),
    path("devices/<str:public_id>/edit", devices.edit, name="device_edit"),
    path("devices/<str:public_id>/retire", devices.retire, name="device_retire"),
    path("devices/<str:public_id>/keys", keys.of_device, name="device_keys"),
    path("devices/<str:public_id>/readings", exports.device_readings, name="device_readings"),
    path("collectors", collectors.index, name="collectors"),
    path("collectors/<str:public_id>/keys", keys.of_collector, name="collector_keys"),
    path("collectors/<str:public_id>/retire", collectors.retire, name="collector_retire"),
    path("alerts", alerts.index, name="alerts"),
    path("alerts/<str:public_id>", alerts.page, name="alert"),
    path("alerts/<str:public_id>/<str:verb>", alerts.act, name="alert_act"),
]
