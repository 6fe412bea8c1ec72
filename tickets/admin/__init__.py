"""Tickets in the console. What can be done is in `verbs`, what is shown in `page`."""

from django.contrib import admin

from governance.models import Approval, AuditEvent
from tickets.admin.alerts import AlertAdmin
from tickets.admin.records import TicketApprovalAdmin, TicketEventAdmin
from tickets.admin.tickets import TicketAdmin
from tickets.admin.webhooks import WebhookAdmin
from tickets.models import Alert, Ticket, WebhookEndpoint

admin.site.register(Ticket, TicketAdmin)
admin.site.register(Alert, AlertAdmin)
admin.site.register(WebhookEndpoint, WebhookAdmin)

admin.site.unregister([Approval, AuditEvent])
admin.site.register(Approval, TicketApprovalAdmin)
admin.site.register(AuditEvent, TicketEventAdmin)
