"""The console's frame: the site, its navigation, and the inbox of what waits for people.

The pages of a model live with its app (`*/admin`); what they look like is in `templates/admin` and
`aura/static/console`.
"""
