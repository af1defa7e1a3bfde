"""The admin's addresses and its tables. Whatever a service writes is only listed here; the catalogue of models may be changed."""

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.contrib.admin import AdminSite, ModelAdmin, display
from django.contrib.admin.models import LogEntry
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest
from django.urls import include, path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.utils.text import capfirst

from access import staff
from access.models import Organization, User
from access.views.pages import for_staff
from smartcare.accounts import second_factors
from smartcare.staff.frame import countdown
from telemetry.models import ModelLifecycle


class StaffSite(AdminSite):
    """Signing in and out, second factor, frame and menu are those of every page; what the library has of these is left out."""

    enable_nav_sidebar = False
    index_template = "staff/admin/index.html"

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.viewer.is_staff)  # type: ignore[attr-defined]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return for_staff(super().admin_view(view, cacheable))

    def get_urls(self) -> list[Any]:
        lists = [path(f"{table.place}/", include(table.urls)) for table in self.tables]
        return [path("", self.admin_view(self.index), name="index"), *lists]

    @property
    def tables(self) -> "list[Table]":
        return [admin for admin in self._registry.values() if isinstance(admin, Table)]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Its first page lists `tables`; there are none by application."""
        return []

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        running = staff.running(request.viewer)  # type: ignore[attr-defined]
        tables = [table.listed() for table in self.tables]
        return {"running": running, "countdown": countdown(running), "tables": tables, "site_title": "SmartCare"}


class Table(ModelAdmin):  # type: ignore[type-arg]  # the class takes no argument when it runs
    """A table that is only listed."""

    place: ClassVar[str]  # its part of the address
    name: ClassVar[str]
    about: ClassVar[str]
    is_written = False
    list_display_links = None
    list_per_page = 50
    show_full_result_count = False
    actions = None
    change_list_template = "staff/admin/list.html"
    object_history_template = "staff/admin/history.html"
    delete_confirmation_template = "staff/admin/delete.html"
    add_form_template = change_form_template = "staff/admin/form.html"

    def listed(self) -> dict[str, str]:
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return {"name": self.name, "about": self.about, "url": url}

    def get_urls(self) -> list[Any]:
        """Without the address that the library had before 2015; and of a table that is only listed, the list alone."""
        found = super().get_urls()[:-1]
        return found if self.is_written else found[:1]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Nothing is filtered by the address: by `password__startswith` a list would give out a colleague's hash, bit by bit."""
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.is_written and self.admin_site.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_written and self.admin_site.has_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_written and self.admin_site.has_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        answer = super().changelist_view(request, {"table": self.listed(), "title": self.name, **(extra_context or {})})
        if cl := getattr(answer, "context_data", {}).get("cl"):
            cl.shown_page = cl.paginator.get_page(cl.page_num)
        return answer

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        return super().changeform_view(request, object_id, form_url, {"table": self.listed(), **(extra_context or {})})

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        return super().delete_view(request, object_id, {"table": self.listed(), **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        return super().history_view(request, object_id, {"table": self.listed(), **(extra_context or {})})

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> Any:
        raise Http404


site = StaffSite()


class Partners(Table):
    place, name = "partners", "Partners"
    about = "Companies with a public profile. Verify, suspend and open one on its own page."
    list_display = ("company", "state", "since")
    search_fields = ("name", "slug", "city", "public_id")
    search_help_text = "Name, address, city or reference"
    ordering = ("name", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        return Organization.objects.filter(kind="partner")

    @display(description="Company", ordering="name")
    def company(self, row: Organization) -> str:
        url = reverse("staff_partner", args=[row.public_id])
        return with_more(url, row.name, row.slug, row.city, row.website)

    @display(description="State", ordering="status")
    def state(self, row: Organization) -> str:
        return f"{row.get_status_display()}, {'verified' if row.verified_at else 'not verified'}"

    @display(description="Since", ordering="created_at")
    def since(self, row: Organization) -> str:
        return day(row.created_at)


class Staff(Table):
    place, name = "staff", "Staff accounts"
    about = (
        "Who works here, and whether each of them signs in with a second factor. Switch one off under People;"
        " a new one is made on the server, with manage.py createsuperuser."
    )
    list_display = ("person", "account", "last_here")
    search_fields = ("name", "email")
    search_help_text = "Name or e-mail address"
    ordering = ("name", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        has_one = Exists(second_factors().filter(user=OuterRef("pk")))
        return User.objects.filter(is_staff=True).annotate(has_second_factor=has_one)

    @display(description="Name", ordering="name")
    def person(self, row: User) -> str:
        return with_more(f"{reverse('staff_people')}?{urlencode({'q': row.email})}", row.name, row.email)

    @display(description="Account", ordering="is_active")
    def account(self, row: Any) -> str:
        if not row.is_active:
            return "Switched off"
        return "On, with a second factor" if row.has_second_factor else "On, without a second factor"

    @display(description="Signed in last", ordering="last_login")
    def last_here(self, row: User) -> str:
        return day(row.last_login) if row.last_login else "Never"


class Models(Table):
    place, name = "models", "End-of-life catalogue"
    about = "When vendors end sale, support and security fixes of a model. A date that is missing is shown as unknown."
    is_written = True
    list_display = ("model_name", "ends", "changed")
    fields = ("vendor", "model", "end_of_sale", "end_of_support", "end_of_security_fixes", "source")
    search_fields = ("vendor", "model")
    search_help_text = "Vendor or model"
    ordering = ("vendor", "model", "pk")
    formfield_overrides: ClassVar[Any] = {
        models.CharField: {"widget": forms.TextInput},
        models.DateField: {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")},
    }

    @display(description="Model", ordering="model")
    def model_name(self, row: ModelLifecycle) -> str:
        url = reverse("admin:telemetry_modellifecycle_change", args=[row.pk])
        return with_more(url, str(row), row.source)

    @display(description="Ends", ordering="end_of_support")
    def ends(self, row: ModelLifecycle) -> str:
        said = {
            "Sale": row.end_of_sale,
            "Support": row.end_of_support,
            "Security fixes": row.end_of_security_fixes,
        }
        lines = ((f"{words}: {day(end)}",) for words, end in said.items() if end is not None)
        return format_html_join(mark_safe("<br>"), "{}", lines) or "Unknown"

    @display(description="Changed", ordering="updated_at")
    def changed(self, row: ModelLifecycle) -> str:
        return day(row.updated_at)


class Log(Table):
    place, name = "log", "What was changed here"
    about = "Changes made on these pages. What staff did elsewhere is in the journals of the companies concerned."
    list_display = ("what", "person", "when")
    ordering = ("-action_time", "-pk")
    list_select_related = ("user", "content_type")

    @display(description="What")
    def what(self, row: LogEntry) -> str:
        change = row.get_change_message() or row.get_action_flag_display()
        return format_html('{}<span class="sub">{}</span>', capfirst(row.object_repr), change)

    @display(description="Who")
    def person(self, row: LogEntry) -> str:
        return str(row.user.name)

    @display(description="When", ordering="action_time")
    def when(self, row: LogEntry) -> str:
        return date_format(row.action_time, "j M Y, H:i")


def with_more(url: str, name: str, *more: str) -> str:
    """A link, with what else is to be said below it."""
    return format_html('<a href="{}">{}</a><span class="sub">{}</span>', url, name, ", ".join(m for m in more if m))


def day(moment: date) -> str:
    return date_format(moment, "j M Y")


for model, admin in ((Organization, Partners), (User, Staff), (ModelLifecycle, Models), (LogEntry, Log)):
    site.register(model, admin)
