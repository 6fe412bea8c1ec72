"""Governance in the console: approvals, the log, API tokens.

`tickets.admin` adds what it knows of tickets; nothing here knows of them.
"""

from django.contrib import admin

from governance.admin.approvals import ApprovalAdmin
from governance.admin.log import AuditEventAdmin
from governance.admin.tokens import ApiTokenAdmin
from governance.models import ApiToken, Approval, AuditEvent

admin.site.site_header = admin.site.site_title = "Aura"
admin.site.index_title = "Console"
admin.site.site_url = None
admin.site.enable_nav_sidebar = False

admin.site.register(Approval, ApprovalAdmin)
admin.site.register(AuditEvent, AuditEventAdmin)
admin.site.register(ApiToken, ApiTokenAdmin)
