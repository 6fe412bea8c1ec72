# Caddy as an ordinary user and without capabilities.
FROM caddy:2.11-alpine
# A copy has not the capability that the packaged binary carries, and which it could not be
# started without; ports below 1024 are free to everybody inside a container.
RUN install -m 0755 /usr/bin/caddy /usr/local/bin/caddy \
    && adduser -D -H -u 10002 proxy \
    && chown -R proxy /data /config
COPY Caddyfile /etc/caddy/Caddyfile
# Of what Caddy keeps, certificates and their keys alone are worth it; both are below /data.
ENV XDG_CONFIG_HOME=/tmp
USER proxy
CMD ["/usr/local/bin/caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
