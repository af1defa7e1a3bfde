from django.apps import AppConfig


class SmartcareConfig(AppConfig):
    name = "smartcare"
