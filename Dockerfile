# One image for web, worker and beat: docker-compose.yml says which is which. Holds no secret.
FROM python:3.11-slim AS build
COPY .ci/uv.txt requirements.lock /build/
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r /build/uv.txt \
    && /venv/bin/uv pip sync --no-cache --python /venv/bin/python --compile-bytecode \
        --require-hashes /build/requirements.lock

FROM python:3.11-slim
# git: the Git tools; openssh-client: remotes by SSH; bubblewrap: the sandbox of shell_exec.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client bubblewrap \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home aura \
    && install --directory --owner aura --group aura --mode 0700 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py ./
COPY aura aura
COPY governance governance
COPY agents agents
COPY tickets tickets
COPY templates templates
COPY deploy/sql deploy/sql
COPY pyproject.toml README.md ./
# The command line tools: aura, approvals, govexplain, auditor.
RUN /venv/bin/uv pip install --quiet --offline --no-cache --python /venv/bin/python --no-deps --editable . \
    && /venv/bin/python -m compileall -q .
# Inside the container every address is bound, so tokens are required (aura/config.py insists).
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    AURA_ENV=production \
    AURA_AUTH=on \
    AURA_SERVER_HOST=0.0.0.0 \
    AURA_DATA_DIR=/data
USER aura
VOLUME /data
EXPOSE 3000 8080 1199 1100 1102 1104 1106 9091
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3000/api/health', timeout=4)"]
CMD ["python", "manage.py", "up"]
