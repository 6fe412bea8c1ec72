"""Governance in the console: approvals, the log, people, API tokens.

`tickets.admin` adds what it knows of tickets; nothing here knows of them.
"""

from django.contrib import admin
from django.contrib.auth.models import Group, User

from governance.admin.alerts import SecurityAlertAdmin
from governance.admin.approvals import ApprovalAdmin
from governance.admin.incidents import SecurityIncidentAdmin
from governance.admin.log import AuditEventAdmin
from governance.admin.login import LoginForm
from governance.admin.notices import NoticeAdmin
from governance.admin.password import change_password
from governance.admin.people import PersonAdmin
from governance.admin.policies.versions import PolicyVersionAdmin
from governance.admin.reviews import EmergencyReviewAdmin
from governance.admin.tokens import ApiTokenAdmin
from governance.models import (
    ApiToken,
    Approval,
    AuditEvent,
    EmergencyReview,
    Notice,
    PolicyVersion,
    SecurityAlert,
    SecurityIncident,
)

admin.site.site_header = admin.site.site_title = "Aura"
admin.site.index_title = "Console"
admin.site.login_form = LoginForm
admin.site.password_change = change_password  # type: ignore[method-assign, assignment]
admin.site.site_url = None
admin.site.enable_nav_sidebar = False

admin.site.register(Approval, ApprovalAdmin)
admin.site.register(AuditEvent, AuditEventAdmin)
admin.site.register(EmergencyReview, EmergencyReviewAdmin)
admin.site.register(SecurityAlert, SecurityAlertAdmin)
admin.site.register(PolicyVersion, PolicyVersionAdmin)
admin.site.register(SecurityIncident, SecurityIncidentAdmin)
admin.site.register(ApiToken, ApiTokenAdmin)
admin.site.register(Notice, NoticeAdmin)
# Roles are fixed (aura.surfaces.access), so nobody edits groups here.
admin.site.unregister([User, Group])
admin.site.register(User, PersonAdmin)
