from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.core import checks

        from agents.helpdesk import catalogue, receivers, security

        checks.register(catalogue.check_list)
        receivers.connect()
        security.connect()
