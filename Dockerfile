# One image for every program: evalkube service | operator | runner | mock-model.
#   docker build --build-arg PYTHON=3.13 -t evalkube .
# It adds some 150 MB to its base on disk: compiled code of arro3 34, OpenBLAS 28, obstore 13, numpy 13, tokenizers 8, pydantic 5.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils >/dev/null
WORKDIR /source
RUN python -m venv --without-pip /opt/evalkube
COPY pyproject.toml README.md LICENSE ./
COPY crds ./crds
COPY benchmarks ./benchmarks
COPY report ./report
COPY runner ./runner
COPY operator ./operator
COPY api ./api
COPY client ./client
COPY cli ./cli
COPY mock ./mock
RUN python -m pip --python /opt/evalkube/bin/python install --quiet --no-cache-dir --disable-pip-version-check --no-compile .

# What no program here ever loads goes. Whole packages: the hub's faster protocol beside HTTP; time zones, which the base has.
# Of the kubernetes client the classes generated for each resource (it serves as a transport of JSON); of sympy what no answer to a
# question of mathematics is made of; of pygments all languages but Python; of huggingface_hub its commands and its inference client;
# of the sentence splitter all languages but English, the only one whose sentences are counted.
RUN set -eu; cd /opt/evalkube/lib/python3*/site-packages; \
    python -m pip --python /opt/evalkube/bin/python uninstall --quiet --yes hf-xet tzdata; \
    find kubernetes/client/api kubernetes/client/models kubernetes/aio/client/api kubernetes/aio/client/models \
        -name '*.py' ! -name __init__.py -delete; \
    find sympy/physics -mindepth 1 -maxdepth 1 -type d ! -name units -exec rm -rf {} +; \
    rm -rf sympy/categories sympy/crypto sympy/diffgeom sympy/holonomic sympy/liealgebras sympy/sandbox sympy/stats sympy/testing; \
    find pygments/lexers -name '*.py' ! -name __init__.py ! -name _mapping.py ! -name special.py ! -name python.py -delete; \
    find punkt/data -name '*.py' ! -name __init__.py ! -name english.py ! -name curated.py ! -name prefixes.py -delete; \
    rm -rf huggingface_hub/cli huggingface_hub/inference

# Nor tests, headers, stubs, debugging symbols (but those of numpy.libs, which were laid out anew and do not bear it), and commands
# other than ours.
RUN set -eu; cd /opt/evalkube/lib/python3*/site-packages; \
    find . -depth -type d \( -name tests -o -path './sympy/*/benchmarks' \) -exec rm -rf {} +; \
    find . \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.pyi' -o -name '*.c' -o -name '*.h' -o -name '*.a' \) -delete; \
    rm -rf numpy/f2py numpy/distutils numpy/random/lib numpy/_core/lib numpy/_core/include numpy/_core/_simd.*; \
    find . -name '*.so*' -type f ! -path './numpy.libs/*' -exec strip --strip-unneeded {} +; \
    find /opt/evalkube/bin -type f ! -name evalkube -delete

# All that is needed is still there; and what is loaded here is loaded compiled later, from a read-only file system. Of the packages
# that are not ours what is compiled needs no source beside it (what is not keeps its source); the second check has no other.
COPY image/check.py ./
RUN set -eu; cd /opt/evalkube/lib/python3*/site-packages; /opt/evalkube/bin/python /source/check.py; \
    find . -path '*/__pycache__/*.pyc' ! -path './evalkube*' | while read -r compiled; do \
        folder=${compiled%/__pycache__/*} name=${compiled##*/}; name=${name%%.*}; \
        mv "$compiled" "$folder/$name.pyc"; rm "$folder/$name.py"; \
    done; \
    find . -depth -type d -empty -delete

# What is seldom loaded (mathematics, hubs, the terminal) comes from one compressed archive, a third of its size; licences and bills
# of material, which people read and no program, from another. The records of what was installed say nothing that is still true.
RUN set -eu; cd /opt/evalkube/lib/python3*/site-packages; \
    seldom="sympy mpmath latex2sympy2_extended antlr4 math_verify \
        huggingface_hub httpx2 httpcore2 modelscope_hub fsspec filelock tqdm oauthlib \
        rich pygments markdown_it"; \
    python -m zipfile -c seldom.zip $seldom; echo seldom.zip >seldom.pth; \
    notices=$(ls -d *.dist-info/licenses *.dist-info/sboms); tar -czf notices.tar.gz $notices; \
    rm -rf $seldom $notices *.dist-info/RECORD; \
    /opt/evalkube/bin/python -B /source/check.py

FROM python:${PYTHON}-slim
COPY --from=build /opt/evalkube /opt/evalkube
# Any user id will do, also one that has no name in this image: what asks for a name or a home is told.
ENV PATH=/opt/evalkube/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp USER=evalkube
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["evalkube"]
# Every address, but of the container: who starts it says with -p who reaches it. Loopback would be reached by nobody.
CMD ["service", "--host", "0.0.0.0"]
