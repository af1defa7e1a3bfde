"""End of sale, of support, of security fixes: public facts about models, from a catalogue file. Not a tenant's data."""

from django.db import models


class ModelLifecycle(models.Model):
    """Dates of one vendor's model; a date that is missing is unknown, which is a state of its own."""

    vendor = models.CharField(max_length=120)
    model = models.CharField(max_length=120)
    end_of_sale = models.DateField(null=True, blank=True)
    end_of_support = models.DateField(null=True, blank=True)
    end_of_security_fixes = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=300, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["vendor", "model"], name="one_lifecycle_per_model")]

    def __str__(self) -> str:
        return f"{self.vendor} {self.model}".strip()
