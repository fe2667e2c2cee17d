# Two stages: the first builds, the second carries only what runs.
ARG BASE=docker.io/library/python:3.13-slim
FROM ${BASE} AS build
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN python3 -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
    && python3 -m venv /build && /build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY plugins plugins
COPY docs/api/endpoints.md docs/api/errors.md docs/api/
RUN /build/bin/python -m hatchling build -t wheel -d /dist && /venv/bin/pip install --no-cache-dir --no-deps /dist/*.whl

FROM ${BASE}
LABEL org.opencontainers.image.title="Guest Gateway" org.opencontainers.image.licenses="Apache-2.0"
# Fresh named volumes take over the owner of the folders they are mounted on.
RUN groupadd --gid 10001 gateway && useradd --uid 10001 --gid gateway --no-create-home gateway \
    && install -d -o gateway -g gateway -m 0700 /data /keys
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_DATA=/data \
    GATEWAY_KEYS=/keys \
    GATEWAY__SERVER__HOST=0.0.0.0 \
    GATEWAY__SERVER__OPS_HOST=0.0.0.0
USER gateway
WORKDIR /data
VOLUME ["/data", "/keys"]
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["gateway", "healthcheck"]
ENTRYPOINT ["gateway"]
CMD ["serve"]
