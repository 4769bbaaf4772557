# docker build -t rds-ssl-operator:0.1.0 .
#
# Runs as a user without a name, needs no writable path (readOnlyRootFilesystem) and no capability.
# Another base needs Python 3.11 to 3.13 with venv and pip, and CA certificates. To pin it:
# --build-arg BASE=docker.io/library/python:3.13-slim@sha256:...
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS builder
# The version in uv.lock; tests/contract/test_manifests.py holds the two equal.
ARG UV_VERSION=0.13.9
# The optional part to install: --build-arg EXTRA=tracing.
ARG EXTRA=
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
RUN /opt/uv/bin/uv sync --frozen --no-dev --no-install-project ${EXTRA:+--extra ${EXTRA}}
COPY README.md LICENSE ./
COPY operator operator
# Of the Kubernetes client a part is imported (docs/decisions/007): the rest need not be compiled.
RUN /opt/uv/bin/uv sync --frozen --no-dev --no-editable ${EXTRA:+--extra ${EXTRA}} \
    && rm -rf /opt/venv/.lock /opt/venv/lib/python*/site-packages/kubernetes/client/*/__pycache__ \
        /opt/venv/lib/python*/site-packages/kubernetes/aio/client/*/__pycache__

# The base without what only a build needs, and without a file that lends somebody's rights. Taken
# out here and copied as a whole: what is deleted on top of the base is still in the image below.
# Compiled as well, or each start would do it: the root is read-only, nothing can be kept.
FROM ${BASE} AS runtime
RUN set -eu; \
    lib=$(python3 -c "import sysconfig; print(sysconfig.get_path('stdlib'))"); \
    include=$(python3 -c "import sysconfig; print(sysconfig.get_path('include'))"); \
    root=$(python3 -c "import sys; print(sys.base_prefix)"); \
    rm -rf "$lib/ensurepip" "$lib/idlelib" "$lib/lib2to3" "$lib/test" "$lib/tkinter" "$lib/turtledemo" \
        "$lib/turtle.py" "$lib"/config-* "$lib"/site-packages/* "$lib"/dist-packages/* "$include" \
        "$root"/bin/pip* "$root"/bin/idle* "$root"/bin/2to3* "$root"/bin/python*-config \
        "$root"/lib/pkgconfig/python* "$root"/lib/python3/dist-packages/* \
        "$root"/share/python-wheels /root/.cache /tmp/* /var/tmp/*; \
    rm -rf /var/cache/apt /var/cache/debconf /var/lib/apt/lists /var/log/* \
        /usr/share/doc/*/changelog* /usr/share/doc/*/NEWS* /usr/share/man/* /usr/share/info/*; \
    python3 -m compileall -q -j 0 "$lib"; \
    find / -xdev -type f -perm /6000 -exec chmod a-s {} +

FROM scratch
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rds-ssl-operator" \
      org.opencontainers.image.description="Kubernetes operator that manages the SSL settings of ApsaraDB RDS instances" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# hadolint ignore=DL3067
COPY --from=runtime / /
COPY --from=builder /opt/venv /opt/venv
# The Kubernetes client looks for the home directory when it is imported, and ends without one.
ENV HOME=/ \
    LANG=C.UTF-8 \
    PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
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
