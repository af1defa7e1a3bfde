"""Devices, what they are made of, and the keys they speak with. One table, one category."""

from typing import TYPE_CHECKING, ClassVar, cast

from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from access.models import Category, Site, TenantModel, User, public_id
from access.models.tenancy import TenantManager

if TYPE_CHECKING:
    from access.viewer import Viewer


def device_public_id() -> str:
    return public_id("dv")


def collector_public_id() -> str:
    return public_id("co")


def claim_public_id() -> str:
    return public_id("cc")


class DeviceKind(models.TextChoices):
    FIREWALL = "firewall", "Firewall"
    ROUTER = "router", "Router"
    SWITCH = "switch", "Switch"
    ACCESS_POINT = "ap", "Access point"
    OTHER = "other", "Other"


class DeviceQuerySet(QuerySet["Device"]):
    def in_use(self) -> "DeviceQuerySet":
        return self.filter(retired_at=None)


class DeviceManager(TenantManager["Device"]):
    """The door to devices, with their words on what it lets through."""

    _queryset_class = DeviceQuerySet

    def visible_to(self, viewer: "Viewer", category: Category | None = None) -> DeviceQuerySet:
        return cast(DeviceQuerySet, super().visible_to(viewer, category))


class Device(TenantModel):
    """Managed equipment at exactly one site. Label, kind and site are all that every grant shows; the rest has its category."""

    SITE_PATH = "site"
    CATEGORY = Category.ANY

    public_id = models.CharField(max_length=16, unique=True, default=device_public_id, editable=False)
    # Number of its present stay: the short key of the sample tables, never shown.
    stay_number = models.BigIntegerField(default=0, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    label = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=DeviceKind.choices, default=DeviceKind.OTHER)
    created_at = models.DateTimeField(db_default=Now())
    retired_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[DeviceManager] = DeviceManager()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "id"], name="device_key_with_its_customer"),
        ]

    def __str__(self) -> str:
        return self.label


class DeviceStay(TenantModel):
    """Where a device was, from when to when. Samples hang on the stay, not on the device: what it reported before a move stays
    with the site where it happened, and a partner of the new site does not inherit the old one's readings."""

    SITE_PATH = "site"
    CATEGORY = Category.ANY

    number = models.BigIntegerField(db_default=models.Value(0), editable=False)  # from a sequence, see the migration
    device = models.ForeignKey(Device, models.PROTECT, related_name="stays", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    since = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "device"], condition=Q(until=None), name="a_device_is_at_one_site"
            ),
            models.UniqueConstraint(fields=["customer", "number"], name="stay_number_with_its_customer"),
        ]


class DeviceInventory(TenantModel):
    """What a device is: category inventory. One row per device, replaced on change; the history is InventoryChange."""

    SITE_PATH = "site"
    CATEGORY = Category.INVENTORY

    device = models.OneToOneField(Device, models.PROTECT, related_name="+", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    vendor = models.CharField(max_length=120, blank=True)
    model = models.CharField(max_length=120, blank=True)
    serial = models.CharField(max_length=120, blank=True)
    mac = models.CharField(max_length=32, blank=True)
    hostname = models.CharField(max_length=255, blank=True)
    address = models.CharField(max_length=64, blank=True)
    software = models.CharField(max_length=120, blank=True)
    software_version = models.CharField(max_length=120, blank=True)
    notes = models.TextField(max_length=2000, blank=True)
    components = models.JSONField(
        default=list
    )  # as reported: [{id, class, name, model, serial, hw_rev, fw_rev, parent}]
    facts_hash = models.BinaryField(max_length=32, null=True)
    parent = models.ForeignKey(Device, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False)
    parent_port = models.CharField(max_length=128, blank=True)
    changed_at = models.DateTimeField(db_default=Now())
    reported_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "vendor", "serial"],
                condition=~Q(serial=""),
                name="one_device_per_serial_and_customer",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "mac"], condition=~Q(mac=""), name="inventory_by_mac"),
            models.Index(fields=["customer", "hostname"], condition=~Q(hostname=""), name="inventory_by_hostname"),
        ]


class InventoryChange(TenantModel):
    """What changed about a device, and when; kept at the site where it happened."""

    SITE_PATH = "site"
    CATEGORY = Category.INVENTORY

    device = models.ForeignKey(Device, models.PROTECT, related_name="+", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    at = models.DateTimeField(db_default=Now())
    what = models.CharField(max_length=160)  # a field name, or "component psu/1A"
    before = models.CharField(max_length=300, blank=True)
    after = models.CharField(max_length=300, blank=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["device", "-at"], name="inventory_changes_newest")]


class DeviceAlias(TenantModel):
    """A name under which a collector or exporter speaks of a device ('10.0.0.1', 'sw1'); valid within its site."""

    SITE_PATH = "site"
    CATEGORY = Category.INVENTORY

    device = models.ForeignKey(Device, models.PROTECT, related_name="+", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    name = models.CharField(max_length=255)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "site", "name"], name="one_device_per_alias_and_site")
        ]


class ConfigurationSnapshot(TenantModel):
    """A device's configuration text with secrets removed before storing; only where the customer keeps configurations."""

    SITE_PATH = "site"
    CATEGORY = Category.CONFIGURATION

    device = models.ForeignKey(Device, models.PROTECT, related_name="+", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    at = models.DateTimeField(db_default=Now())
    name = models.CharField(max_length=120)  # "show running-config"
    text = models.TextField()
    sha256 = models.BinaryField(max_length=32)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["device", "-at"], name="configurations_newest")]


class Collector(TenantModel):
    """A program at a site that reports for several devices. The customer's own business: no category shows it."""

    SITE_PATH = "site"
    CATEGORY = Category.ANY
    CUSTOMER_ONLY = True

    public_id = models.CharField(max_length=16, unique=True, default=collector_public_id, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(db_default=Now())
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["customer", "id"], name="collector_key_with_its_customer")]


class KeyChannel(models.TextChoices):
    HEADER = "header", "Header"
    PATH = "path", "Path"  # Call Home devices can send no header; a URL leaks into logs, so such a key is worth less


class DeviceKey(TenantModel):
    """Secret a sender authenticates with; shown once, kept as a digest. Two may live while one replaces the other."""

    SITE_PATH = "site"
    CATEGORY = Category.ANY
    CUSTOMER_ONLY = True

    device = models.ForeignKey(Device, models.PROTECT, null=True, related_name="+", db_constraint=False)
    collector = models.ForeignKey(Collector, models.PROTECT, null=True, related_name="+", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    key_id = models.CharField(max_length=12, unique=True)
    digest = models.BinaryField(max_length=32)
    channel = models.CharField(max_length=6, choices=KeyChannel.choices, default=KeyChannel.HEADER)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(device=None, collector__isnull=False) | Q(device__isnull=False, collector=None),
                name="a_key_belongs_to_a_device_or_a_collector",
            )
        ]


class ClaimCode(TenantModel):
    """One-use code that binds a new device to a site."""

    SITE_PATH = "site"
    CATEGORY = Category.ANY
    CUSTOMER_ONLY = True

    public_id = models.CharField(max_length=16, unique=True, default=claim_public_id, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    digest = models.BinaryField(max_length=32, unique=True)
    hint = models.CharField(max_length=8)  # the first characters, so that people can tell codes apart
    label = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=8, choices=DeviceKind.choices, default=DeviceKind.OTHER)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    device = models.ForeignKey(Device, models.PROTECT, null=True, related_name="+", db_constraint=False)


class Maintenance(TenantModel):
    """Work announced for a site or a device: mutes raising, not measuring."""

    SITE_PATH = "site"
    CATEGORY = Category.HEALTH

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    device = models.ForeignKey(Device, models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
