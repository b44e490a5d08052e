# One image for every program: evalkube service | operator | runner | mock-model.
ARG PYTHON=3.13
FROM python:${PYTHON}-slim AS build
WORKDIR /source
RUN python -m venv /opt/evalkube
COPY pyproject.toml README.md LICENSE ./
COPY crds ./crds
COPY runner ./runner
COPY operator ./operator
COPY api ./api
COPY cli ./cli
COPY mock ./mock
RUN /opt/evalkube/bin/pip install --no-cache-dir --disable-pip-version-check --no-compile . \
    && find /opt/evalkube -depth \( -name __pycache__ -o -name tests -o -name test \) -path '*/site-packages/*' -exec rm -rf {} + \
    && /opt/evalkube/bin/pip uninstall --yes --quiet pip

FROM python:${PYTHON}-slim
COPY --from=build /opt/evalkube /opt/evalkube
ENV PATH=/opt/evalkube/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["evalkube"]
CMD ["service", "--host", "0.0.0.0"]
