# One image for every program: evalkube service | operator | runner | mock-model.
#   docker build --build-arg PYTHON=3.13 -t evalkube .
# It adds some 85 MB to what is downloaded for its base (267 MB on disk: pyarrow 79, numpy 46, sympy 38, compiled bytecode 39).
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils >/dev/null
WORKDIR /source
RUN python -m venv --without-pip /opt/evalkube
COPY pyproject.toml README.md LICENSE ./
COPY crds ./crds
COPY runner ./runner
COPY operator ./operator
COPY api ./api
COPY cli ./cli
COPY mock ./mock
RUN python -m pip --python /opt/evalkube/bin/python install --quiet --no-cache-dir --disable-pip-version-check --no-compile .

# What no program here ever loads goes: of pyarrow all but the reading of Parquet; of the kubernetes client the classes
# generated for each resource (it serves as a transport of JSON); the hub's faster protocol beside HTTP; tests, headers, stubs,
# debugging symbols (but those of numpy.libs, which were laid out anew and do not bear it).
RUN set -eu; cd /opt/evalkube/lib/python3*/site-packages; \
    python -m pip --python /opt/evalkube/bin/python uninstall --quiet --yes hf-xet; \
    rm -rf pyarrow/libarrow_flight* pyarrow/_flight* pyarrow/libarrow_s3* pyarrow/_s3fs* pyarrow/_gcsfs* pyarrow/_azurefs* pyarrow/_orc* \
        pyarrow/include pyarrow/src pyarrow/libarrow_python.so.*.*.* pyarrow/libarrow_python.so pyarrow/libarrow_python_*; \
    rm -rf numpy/f2py numpy/distutils numpy/random/lib numpy/_core/lib numpy/_core/include numpy/_core/_simd.*; \
    find kubernetes/client/api kubernetes/client/models kubernetes/aio/client/api kubernetes/aio/client/models \
        -name '*.py' ! -name __init__.py -delete; \
    find . -depth -type d \( -name tests -o -path './sympy/testing' -o -path './sympy/*/benchmarks' \) -exec rm -rf {} +; \
    find . \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.pyi' -o -name '*.c' -o -name '*.h' -o -name '*.a' \) -delete; \
    find . -name '*.so*' -type f ! -path './numpy.libs/*' -exec strip --strip-unneeded {} +

# All that is needed is still there; and what is loaded here is loaded compiled later, from a read-only file system.
RUN set -eu; cd /tmp; /opt/evalkube/bin/python -c '\
import importlib, pkgutil; \
ours = ["evalkube_" + room for room in ("crds", "runner", "operator", "api", "cli", "mock")]; \
modules = [each.name for name in ours for each in pkgutil.walk_packages(importlib.import_module(name).__path__, name + ".")]; \
lazy = ["filelock", "huggingface_hub.hf_api", "huggingface_hub.utils.tqdm", "jinja2", "kubernetes.aio", "math_verify", "modelscope_hub", \
    "modelscope_hub.api", "obstore.store", "pyarrow.parquet", "tokenizers", "uvicorn.protocols.http.httptools_impl", "uvloop", "yaml"]; \
[importlib.import_module(each) for each in modules + lazy if not each.endswith("__main__")]; \
import math_verify; assert math_verify.verify(math_verify.parse("1/2"), math_verify.parse("0.5")); \
import pyarrow, pyarrow.parquet as parquet; parquet.write_table(pyarrow.table({"a": [1, 2]}), "x.parquet"); \
assert parquet.read_table("x.parquet").to_pylist() == [{"a": 1}, {"a": 2}]; \
import modelscope_hub; modelscope_hub.HubApi; \
import tokenizers; tokenizers.Tokenizer(tokenizers.models.WordLevel())'

FROM python:${PYTHON}-slim
COPY --from=build /opt/evalkube /opt/evalkube
# Any user id will do, also one that has no name in this image: what asks for a name or a home is told.
ENV PATH=/opt/evalkube/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp USER=evalkube
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["evalkube"]
CMD ["service"]
