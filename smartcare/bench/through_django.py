"""The product with its front door behind Django, where it would stand without the shorter way of smartcare/wsgi.py."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
