"""{% load charts %}"""

from django import template

from smartcare.templatetags import _marks, _text

register = template.Library()
register.simple_tag(_marks.icon, name="icon")
register.simple_tag(_marks.chip, name="chip")
register.simple_tag(_marks.shape_mark, name="shape")
register.simple_tag(_marks.avatar, name="avatar")
for function in (_text.ago, _text.bits, _text.metric_value, _text.datez, _text.dayz):
    register.filter(function.__name__, function)
