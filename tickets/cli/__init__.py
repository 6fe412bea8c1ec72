"""`aura`: tickets for those who live in a shell. A client of the API over HTTP.

As `governance.cli`, whose frame it uses, it imports neither Django nor `aura`.
"""
