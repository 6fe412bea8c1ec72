from django.apps import AppConfig, apps


class AuraConfig(AppConfig):
    name = "aura"

    def ready(self) -> None:
        from django.core.checks import Tags, register
        from django.db.models.signals import post_migrate

        from aura import checks
        from aura.surfaces.access import put_roles_in_place

        # Once for each migration run; any app would do, this one has models.
        post_migrate.connect(
            put_roles_in_place,
            sender=apps.get_app_config("governance"),
            dispatch_uid="aura.roles",
        )
        register(checks.tls, Tags.security, deploy=True)
        register(checks.authentication, Tags.security, deploy=True)
