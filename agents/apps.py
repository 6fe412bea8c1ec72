from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.core import checks

        from agents.external.tools import check_list
        from agents.helpdesk import receivers, security

        checks.register(check_list)
        receivers.connect()
        security.connect()
