"""OpenVINO GenAI, which reads GGUF files of some architectures."""
import time

import numpy
import openvino
import openvino_genai

from driver import settings, time_requests, version_of

options = settings()
start = time.perf_counter()
pipeline = openvino_genai.LLMPipeline(options.model, "CPU", INFERENCE_NUM_THREADS=options.threads)
loaded = time.perf_counter() - start


def ask(ids, count):
    inputs = openvino.Tensor(numpy.array([ids], dtype=numpy.int64))
    config = openvino_genai.GenerationConfig(max_new_tokens=count, ignore_eos=True, do_sample=False,
                                             apply_chat_template=False)
    metrics = pipeline.generate(inputs, config).perf_metrics
    return metrics.get_ttft().mean / 1000, metrics.get_tpot().mean / 1000 * (count - 1)


time_requests(options, version_of("openvino-genai"), loaded, ask)
