# docker build -t rds-ssl-operator:0.1.0 .
#
# Runs as a user without a name, needs no writable path (readOnlyRootFilesystem) and no capability.
# Another base needs Python 3.11 to 3.13 with venv and pip, and CA certificates.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS builder
# The version in uv.lock; tests/contract/test_manifests.py holds the two equal.
ARG UV_VERSION=0.13.9
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir uv==${UV_VERSION}
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_PYTHON=python3 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /src
# The libraries are a layer of their own: a change of the code does not fetch them again.
COPY pyproject.toml uv.lock ./
RUN /opt/uv/bin/uv sync --frozen --no-dev --no-install-project
COPY README.md LICENSE ./
COPY operator operator
RUN /opt/uv/bin/uv sync --frozen --no-dev --no-editable

FROM ${BASE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rds-ssl-operator" \
      org.opencontainers.image.description="Kubernetes operator that manages the SSL settings of ApsaraDB RDS instances" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=builder /opt/venv /opt/venv
# The Kubernetes client looks for the home directory when it is imported, and ends without one.
ENV HOME=/ \
    PATH=/opt/venv/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# Without CA certificates or time zones only the first call or the first window would fail.
RUN python -c "import ssl, zoneinfo; zoneinfo.ZoneInfo('Asia/Shanghai'); assert ssl.create_default_context().cert_store_stats()['x509_ca']"
# By number: Kubernetes cannot tell that a name is not root.
USER 65532:65532
WORKDIR /
EXPOSE 8080
ENTRYPOINT ["rds-ssl"]
CMD ["run"]
