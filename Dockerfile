# Footnote in a container. The first stage installs and fetches, the second keeps the result: no compiler, no pip cache.
#
# Build arguments, both optional and read by pip itself:
#   PIP_INDEX_URL        your own package mirror instead of the public index.
#   PIP_EXTRA_INDEX_URL  a second index. Give the CPU index named on PyTorch's installation page: pip then takes the CPU
#                        build of the same torch version. Without it, torch brings gigabytes of CUDA that nothing here
#                        uses (the GPU profile gives the GPU to Ollama, not to this image).
# Their values stay in the history of the first stage: put no password into them.

FROM python:3.11.15-slim-trixie AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_CACHE_DIR=/var/cache/pip \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    FOOTNOTE_MODELS=/opt/footnote/models
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY rag rag
COPY ingest ingest
COPY ui ui
RUN python -m venv /opt/footnote/venv
RUN --mount=type=cache,target=/var/cache/pip \
    /opt/footnote/venv/bin/pip install -c constraints.txt ".[local,ocr]"
# The models are checked by hash as they are fetched. The program runs as another user, who must be able to read them.
RUN --mount=type=cache,target=/var/cache/pip \
    /opt/footnote/venv/bin/footnote models fetch \
    && chmod -R a+rX /opt/footnote/models

FROM python:3.11.15-slim-trixie
LABEL org.opencontainers.image.title="Footnote" \
      org.opencontainers.image.licenses="Apache-2.0"
# libgomp1: llama.cpp needs OpenMP, which the slim image does not have.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin footnote \
    && install --directory --owner=footnote --group=footnote --mode=0700 /data
COPY --from=build /opt/footnote /opt/footnote
# HF_HUB_OFFLINE: no library asks a model hub for anything. Only /data is written to.
ENV PATH=/opt/footnote/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    FOOTNOTE_DATA=/data \
    FOOTNOTE_MODELS=/opt/footnote/models
# A missing system library fails the build here, not the first question.
RUN ["python", "-c", "import fastembed, pypdfium2, qdrant_edge, rapidocr, xllamacpp"]
USER 10001:10001
WORKDIR /opt/footnote
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8501, timeout=8); c.request('GET', '/api/health'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["footnote"]
# All addresses of the container, not of the machine: docker-compose.yml publishes the port on loopback only.
CMD ["serve", "--host", "0.0.0.0"]
