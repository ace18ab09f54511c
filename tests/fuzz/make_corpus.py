#!/usr/bin/env python3
"""Writes what the fuzzers begin with: small valid files, for each kind of content that a reader takes apart.

    make_corpus.py tests/fuzz/corpus
"""
import io
import json
import pathlib
import random
import struct
import sys
import zipfile

HEADS, HEAD_DIM, VOCABULARY, FEED_FORWARD = 2, 2, 8, 3
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
# GGUF's tensor types: code, numbers and bytes of a block.
TYPES = {"f32": (0, 1, 4), "f16": (1, 1, 2), "bf16": (30, 1, 2), "q4_0": (2, 32, 18), "q4_1": (3, 32, 20),
         "q5_0": (6, 32, 22), "q5_1": (7, 32, 24), "q8_0": (8, 32, 34), "iq4_nl": (20, 32, 18),
         "mxfp4": (39, 32, 17)}
WIDE_TYPES = {"q4_k": (12, 256, 144), "q5_k": (13, 256, 176), "q6_k": (14, 256, 210), "q2_k": (10, 256, 84),
              "q3_k": (11, 256, 110), "iq2_xxs": (16, 256, 66), "iq2_xs": (17, 256, 74), "iq3_xxs": (18, 256, 98),
              "iq1_s": (19, 256, 50), "iq3_s": (21, 256, 110), "iq2_s": (22, 256, 82), "iq4_xs": (23, 256, 136),
              "iq1_m": (29, 256, 56), "tq1_0": (34, 256, 54), "tq2_0": (35, 256, 66)}


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def value(kind, content):
    if kind == STRING:
        return text(content)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], content)


def gguf(values, tensors):
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    for key, kind, content in values:
        header += text(key)
        if isinstance(content, list):
            header += struct.pack("<IIQ", ARRAY, kind, len(content)) + b"".join(value(kind, c) for c in content)
        else:
            header += struct.pack("<I", kind) + value(kind, content)
    data = b""
    for name, shape, code, content in tensors:
        data += bytes(-len(data) % 32)
        header += text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", s) for s in reversed(shape))
        header += struct.pack("<IQ", code, len(data))
        data += content
    return header + bytes(-len(header) % 32) + data


def byte_level_tokenizer():
    return [("tokenizer.ggml.model", STRING, "gpt2"), ("tokenizer.ggml.pre", STRING, "llama-bpe"),
            ("tokenizer.ggml.tokens", STRING, ["a", "b", "ab", "\u0120", "\u0120a", "<s>", "</s>", "!"]),
            ("tokenizer.ggml.token_type", I32, [1, 1, 1, 1, 1, 3, 3, 4]),
            ("tokenizer.ggml.merges", STRING, ["a b", "\u0120 a"]), ("tokenizer.ggml.bos_token_id", U32, 5),
            ("tokenizer.ggml.eos_token_id", U32, 6), ("tokenizer.ggml.add_bos_token", BOOL, True)]


BYTE_TOKENS = [f"<0x{byte:02X}>" for byte in range(256)]


def sentence_piece_tokenizer():
    tokens = ["<unk>", "<s>", "</s>", *BYTE_TOKENS, "\u2581", "a", "b", "ab", "\u2581ab"]
    return [("tokenizer.ggml.model", STRING, "llama"), ("tokenizer.ggml.tokens", STRING, tokens),
            ("tokenizer.ggml.token_type", I32, [2, 3, 3, *[6] * 256, *[1] * 5]),
            ("tokenizer.ggml.scores", F32, [*[0.0] * 259, -1.0, -2.0, -3.0, -1.5, -2.5]),
            ("tokenizer.ggml.bos_token_id", U32, 1), ("tokenizer.ggml.eos_token_id", U32, 2),
            ("tokenizer.ggml.add_space_prefix", BOOL, True)]


def gguf_model(architecture, kind, rng, more=(), text=byte_level_tokenizer(), vocabulary=VOCABULARY):
    """One layer, whose matrices are as small as blocks of `kind` allow."""
    width = WIDE_TYPES[kind][1] if kind in WIDE_TYPES else 32
    queries, keys = HEADS * HEAD_DIM, HEAD_DIM

    def matrix(name, rows, columns=width):
        code, numbers, size = {**TYPES, **WIDE_TYPES}[kind if columns == width else "f32"]
        content = bytes(rng.randrange(60) for _ in range(rows * columns // numbers * size))
        return name, (rows, columns), code, content

    def vector(name, count):
        return name, (count,), 0, struct.pack(f"<{count}f", *[1.0] * count)

    tensors = [matrix("token_embd.weight", vocabulary), vector("output_norm.weight", width),
               vector("blk.0.attn_norm.weight", width), vector("blk.0.ffn_norm.weight", width),
               matrix("blk.0.attn_q.weight", queries), matrix("blk.0.attn_k.weight", keys),
               matrix("blk.0.attn_v.weight", keys), matrix("blk.0.attn_output.weight", width, queries),
               matrix("blk.0.ffn_gate.weight", FEED_FORWARD), matrix("blk.0.ffn_up.weight", FEED_FORWARD),
               matrix("blk.0.ffn_down.weight", width, FEED_FORWARD)]
    if architecture == "qwen2":
        tensors += [vector(f"blk.0.attn_{x}.bias", queries if x == "q" else keys) for x in "qkv"]
    sizes = {"block_count": 1, "context_length": 16, "embedding_length": width, "feed_forward_length": FEED_FORWARD,
             "attention.head_count": HEADS, "attention.head_count_kv": 1, "attention.key_length": HEAD_DIM,
             "attention.value_length": HEAD_DIM}
    values = [("general.architecture", STRING, architecture)]
    values += [(f"{architecture}.{key}", U32, size) for key, size in sizes.items()]
    values += [(f"{architecture}.attention.layer_norm_rms_epsilon", F32, 1e-5),
               *text, ("tokenizer.chat_template", STRING, "{{ x }}"), *more]
    return gguf(values, tensors)


def safetensors(tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, dtype, shape, content in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


def reference_checkpoint():
    """Of the paper's code: one layer of MHA."""
    config = {"vocab_size": 4, "n_layer": 1, "n_embd": 4, "n_head": 2, "head_dim": 2, "block_size": 8}
    shapes = {"lm_head.weight": (4, 4), "transformer.h.0.attn.c_q.weight": (4, 4),
              "transformer.h.0.attn.c_k.weight": (4, 4), "transformer.h.0.attn.c_v.weight": (4, 4),
              "transformer.h.0.attn.c_proj.weight": (4, 4), "transformer.h.0.mlp.c_fc1.weight": (10, 4),
              "transformer.h.0.mlp.c_fc2.weight": (10, 4), "transformer.h.0.mlp.c_proj.weight": (4, 10)}
    tensors = [(name, "F32", [r, c], struct.pack(f"<{r * c}f", *[0.5] * (r * c))) for name, (r, c) in shapes.items()]
    return safetensors(tensors, {"model": "llama-mha", "config": json.dumps(config)})


def state_dict():
    """What torch.save writes of an OrderedDict of two tensors that share a storage."""
    def string(content):
        return b"X" + struct.pack("<I", len(content)) + content.encode()

    ordered_dict = b"ccollections\nOrderedDict\n)R"
    storage = b"(" + string("storage") + b"ctorch\nFloatStorage\n" + string("0") + string("cpu") + b"K\x02tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00K\x02\x85K\x01\x85\x89" + ordered_dict + b"tR"
    parameter = b"ctorch._utils\n_rebuild_parameter\n(h\x01\x88" + ordered_dict + b"tR"
    entries = b"(" + string("a") + tensor + b"q\x01" + string("b") + parameter + b"u"
    attributes = b"}" + string("_metadata") + ordered_dict + b"sb"
    pickle = b"\x80\x02" + ordered_dict + b"q\x00" + entries + attributes + b"."
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("x/data.pkl"), pickle)
        archive.writestr(zipfile.ZipInfo("x/byteorder"), "little")
        archive.writestr(zipfile.ZipInfo("x/data/0"), bytes(8))
    return file.getvalue()


def tokenizer(pre_tokenizer, normalizer=None, post_processor=None, added=()):
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "\u0120": 3, "\u0120a": 4, "!": 5},
             "merges": ["a b", ["\u0120", "a"]], "ignore_merges": True}
    return json.dumps({"version": "1.0", "added_tokens": list(added), "normalizer": normalizer,
                       "pre_tokenizer": pre_tokenizer or byte_level, "post_processor": post_processor,
                       "decoder": byte_level, "model": model}).encode()


def sentence_pieces():
    mark, first = "\u2581", len(BYTE_TOKENS)
    vocabulary = {name: i for i, name in enumerate([*BYTE_TOKENS, mark, "a", "b", "ab", mark + "ab"])}
    to_marks = {"type": "Replace", "pattern": {"String": " "}, "content": mark}
    decoder = [{"type": "Replace", "pattern": {"String": mark}, "content": " "}, {"type": "ByteFallback"},
               {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]
    model = {"type": "BPE", "byte_fallback": True, "vocab": vocabulary, "merges": [["a", "b"], [mark, "ab"]]}
    return json.dumps({"added_tokens": [{"id": first + 5, "content": "<s>", "special": True}],
                       "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": mark}, to_marks]},
                       "pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "first", "split": False},
                       "decoder": {"type": "Sequence", "decoders": decoder}, "model": model}).encode()


def tokenizers():
    level = {"type": "ByteLevel", "add_prefix_space": True, "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s+(?!\S)|\s+"},
             "behavior": "Isolated", "invert": False}
    added = {"id": 6, "content": "<s>", "special": True, "lstrip": True, "rstrip": False, "normalized": False,
             "single_word": False}
    before = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                                                      {"Sequence": {"id": "A", "type_id": 0}}]}
    yield "gpt2", tokenizer(None)
    yield "pieces", sentence_pieces()
    yield "llama3", tokenizer({"type": "Sequence", "pretokenizers": [split, level]}, None, before, [added])
    yield "digits", tokenizer({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, level]},
                              {"type": "NFC"}, None, [{**added, "normalized": True, "single_word": True}])


# The first letter is the kind.
GRAMMARS = {
    "schema": 's{"type": "object", "properties": {"title": {"type": "string", "minLength": 1, "maxLength": 3}, "n": {"type": '
              '["integer", "null"], "minimum": -3, "exclusiveMaximum": 7.5}, "d": {"format": "date"}, "r": {"$ref": "#/$defs/a"}},'
              ' "required": ["n"], "$defs": {"a": {"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"enum": [1, "a"]}]}}}}',
    "combined": 's{"allOf": [{"properties": {"k": {"const": 1}}}, {"required": ["k"]}], "oneOf": [{"maxProperties": 2, "type": '
                '"object"}, {"type": "string", "pattern": "^[a-z]+$"}, {"type": "number", "multipleOf": 3}]}',
    "named": 's{"patternProperties": {"^x_": {"prefixItems": [{"type": "boolean"}], "items": false}}, "minProperties": 1}',
    "expression": r"r^(?:ab|[^c-e]{2,5}|\d+\.\w*?|\u00e9|\S)(?<name>x|)+$",
    "rules": 'eroot ::= item ("," item)*  # list\nitem ::= [0-9]{1,3} | "(" root ")" | "\\"" [^"]* "\\""\n',
    "choice": "cyes\n\"no\"",
    "tool": 't{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}',
}


def requests():
    """Of each endpoint, by its number in request_fuzz.cc."""
    user, schema = {"role": "user", "content": "Hi"}, {"type": "object", "properties": {"a": {"enum": ["x"]}}}
    function = {"name": "f", "description": "Does it.", "parameters": schema}
    yield "completion", 0, {"prompt": ["a", [1, 2]], "max_tokens": 2, "logprobs": 1, "echo": True, "n": 2, "stop": ["b"]}
    yield "sampling", 0, {"prompt": "a", "max_tokens": 2, "stream": True, "temperature": 0.5, "top_p": 0.9, "top_k": 3,
                          "seed": 1, "logit_bias": {"97": 1}, "repetition_penalty": 1.1, "min_tokens": 1}
    yield "format", 0, {"prompt": "a", "max_tokens": 9, "structured_outputs": {"regex": "[ab]{2}"}}
    yield "chat", 1, {"messages": [user], "max_tokens": 2, "logprobs": True, "top_logprobs": 1, "stream": True,
                      "stream_options": {"include_usage": True}}
    yield "schema", 1, {"messages": [user], "max_tokens": 20, "response_format": {
        "type": "json_schema", "json_schema": {"name": "n", "schema": schema}}}
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    yield "tools", 1, {"messages": [{"role": "assistant", "tool_calls": [call]},
                                    {"role": "tool", "tool_call_id": "1", "content": "4"}],
                       "tools": [{"type": "function", "function": function}], "tool_choice": "required"}
    yield "response", 2, {"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]},
                                    {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
                                    {"type": "function_call_output", "call_id": "1", "output": "4"}],
                          "max_output_tokens": 2, "store": False, "stream": True, "text": {"format": {"type": "text"}}}
    blocks = [{"type": "tool_result", "tool_use_id": "1", "content": "4"}, {"type": "text", "text": "a"}]
    use = {"type": "tool_use", "id": "1", "name": "f", "input": {}}
    messages = [user, {"role": "assistant", "content": [use]}, {"role": "user", "content": blocks}]
    yield "message", 3, {"messages": messages, "max_tokens": 2, "system": "s", "stop_sequences": ["b"], "stream": True,
                         "thinking": {"type": "disabled"}}
    yield "count", 4, {"messages": messages, "tools": [{"name": "f", "input_schema": schema}]}
    yield "embedding", 5, {"input": ["a", [1]], "encoding_format": "base64", "pooling": "last"}
    yield "tokenize", 6, {"prompt": "a", "return_token_strs": True}
    yield "detokenize", 7, {"tokens": [97, 98]}


def labelled():
    """A file of each format of labelled/labelled_file.cc, after its number there; the last number is that of a PGM."""
    yield "jsonl", b"\0" + b'{"context": "a b", "choices": ["x", "y"], "answer": "y"}\n{"text": "a", "label": 3}\n'
    yield "pairs", b"\0" + b'{"text1": "a", "text2": "b", "label": "same"}\n'
    yield "listops", b"\1" + b"Source\tTarget\n( ( ( [MAX 4 ) 3 ) ] )\t4\n"
    yield "retrieval", b"\3" + b"1.0\tP1\tP2\tone text\tother\n"
    yield "cifar10", b"\4" + bytes([7]) + bytes(3072)
    yield "pathfinder", b"\5" + b"imgs/0 sample_0.png 0 1 14 0.7\n"
    yield "pgm", b"\6" + b"P5\n3 2\n255\n123456"


def tasks():
    """A line of each task, after its number in eval/tasks/formats.cc; the last number is that of files of one's own."""
    data = pathlib.Path(__file__).parents[1] / "eval/data/tasks"
    for number, name in enumerate(("arc_easy", None, "boolq", "hellaswag", "openbookqa", "piqa", "winogrande", "mmlu", "sciq",
                                   "lambada_openai")):
        if name:
            yield name, bytes([number]) + (data / f"{name}.jsonl").read_bytes().splitlines()[1]
    yield "own", bytes([10]) + b'{"context": "a", "choices": ["b", "c"], "answer": "c", "delimiter": ""}'


def chinese_words():
    yield "list", b"\0" + "我们 5 r\n今天 7\n我 0 r\n今天 3\n".encode()
    yield "model", b"\1" + json.dumps({"start": {"B": -0.3, "E": -3.14e100, "M": -3.14e100, "S": -1.5},
                                       "transition": {"B": {"E": -0.5, "M": -0.9}, "S": {"S": -0.7}},
                                       "emission": {"B": {"我": -5}, "E": {"们": -6.5}}}, ensure_ascii=False).encode()


def main():
    folder, rng = pathlib.Path(sys.argv[1]), random.Random(1)
    files = {f"gguf/{kind}": gguf_model("llama", kind, rng) for kind in (*TYPES, *WIDE_TYPES)}
    files["gguf/qwen2"] = gguf_model("qwen2", "q8_0", rng, [("qwen2.rope.scaling.type", STRING, "linear"),
                                                            ("qwen2.rope.scaling.factor", F32, 2.0)])
    files["gguf/pieces"] = gguf_model("llama", "q8_0", rng, (), sentence_piece_tokenizer(), 264)
    files["safetensors/types"] = safetensors(
        [("f32", "F32", [2, 2], bytes(16)), ("f16", "F16", [3], bytes(6)), ("bf16", "BF16", [], bytes(2)),
         ("none", "I8", [0, 4], b"")], {"format": "pt"})
    files["safetensors/blocks"] = safetensors(
        [("w", "U8", [2, 34], bytes(68)), ("v", "F32", [1], bytes(4))], {"t6.weight_types": json.dumps({"w": "q8"})})
    files["safetensors/reference"] = reference_checkpoint()
    files["state_dict/parameters"] = state_dict()
    files["cache/whole"] = struct.pack("<I", 0xFFFFFFFF)
    files["cache/shortened"] = struct.pack("<IHB", 500, 20, 0x30)
    files |= {f"grammar/{name}": content.encode() for name, content in GRAMMARS.items()}
    files |= {f"tokenizer/{name}.json": content for name, content in tokenizers()}
    files |= {f"request/{name}": bytes([endpoint]) + json.dumps(body).encode() for name, endpoint, body in requests()}
    files |= {f"task/{name}": content for name, content in tasks()}
    files |= {f"labelled/{name}": content for name, content in labelled()}
    files |= {f"chinese_words/{name}": content for name, content in chinese_words()}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
