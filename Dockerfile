#   docker build -t gpg .                                                     CUDA, vLLM and DeepSpeed
#   docker build -t gpg:cpu --build-arg BASE_IMAGE=debian:12-slim \
#       --build-arg EXTRAS= --build-arg COMPILERS= \
#       --build-arg PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu .  for a machine without a GPU
#
#   docker run --rm gpg:cpu train --preset quickstart
#   docker run --rm --gpus all --shm-size 16g -v "$PWD/runs:/work/runs" -v "$HOME/.cache/huggingface:/cache/huggingface" \
#       --user "$(id -u):$(id -g)" gpg train --preset open-rs1

# What vLLM's own image ends with: FINAL_BASE_IMAGE of its docker/Dockerfile, nvidia/cuda:13.0.x-base, in the variant on
# Ubuntu 24.04, whose Python is 3.12 (22.04 has 3.10, which is too old). CUDA's libraries come with torch from PyPI.
ARG BASE_IMAGE=nvidia/cuda:13.0.3-base-ubuntu24.04

# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS system
# What compiles kernels when they are first used: a compiler and Python's headers for Triton, nvcc and CUDA's headers for
# FlashInfer and DeepSpeed. vLLM's image has them too. Nothing of it is needed without vLLM.
ARG COMPILERS="gcc libc6-dev python3-dev cuda-nvcc-13-0 cuda-cudart-dev-13-0 cuda-nvrtc-dev-13-0 libcurand-dev-13-0"
# Versions are those of the base image's distribution.
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates python3 python3-venv ${COMPILERS} \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -c 'import sys; assert sys.version_info >= (3, 11), f"gpg needs Python 3.11, the base image has {sys.version}"'

# The list of requirements, a file of its own: what else changes in pyproject.toml does not install torch again.
FROM system AS requirements
ARG EXTRAS=vllm,deepspeed,vision
COPY docker/requirements.py pyproject.toml /source/
RUN python3 /source/requirements.py /source/pyproject.toml "${EXTRAS}" > /requirements.txt

FROM system AS dependencies
# An index or a folder of wheels besides PyPI: for PyTorch's CPU build, or a mirror.
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY --from=requirements /requirements.txt /source/
COPY docker/constraints.txt /source/
# DeepSpeed compiles its kernels when they are first used, on the machine that uses them.
RUN python3 -m venv /opt/gpg \
    && DS_BUILD_OPS=0 /opt/gpg/bin/pip install -r /source/requirements.txt -c /source/constraints.txt

FROM system AS wheel
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python3 -m venv /opt/build && /opt/build/bin/pip install hatchling==1.27.0
COPY pyproject.toml README.md LICENSE /source/
COPY presets /source/presets
COPY evals /source/evals
COPY gpg_cli /source/gpg_cli
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist /source

FROM system
# Open to any user, so that `--user "$(id -u):$(id -g)"` may own what it writes into folders of the host.
RUN useradd --create-home --uid 10001 gpg \
    && mkdir -p /cache/huggingface /work/runs \
    && chmod -R 1777 /cache /work /home/gpg
# USER: PyTorch asks for the name of the user, and one that was chosen with --user has none.
ENV PATH=/opt/gpg/bin:${PATH} HOME=/home/gpg USER=gpg XDG_CACHE_HOME=/cache HF_HOME=/cache/huggingface
WORKDIR /work
COPY --from=dependencies /opt/gpg /opt/gpg
# Copied, and not mounted: buildah 1.28 takes what a mount brings for unchanged, and would keep the old code.
COPY --from=wheel /dist /opt/gpg/dist
RUN /opt/gpg/bin/pip install --no-cache-dir --no-deps --no-index /opt/gpg/dist/*.whl
VOLUME ["/cache/huggingface", "/work/runs"]
# By number, which Kubernetes' runAsNonRoot wants to see.
USER 10001
ENTRYPOINT ["gpg"]
CMD ["--help"]
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gpg" \
    org.opencontainers.image.description="Train language models to reason with Group Policy Gradient, measure them, publish them" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="${REVISION}"
