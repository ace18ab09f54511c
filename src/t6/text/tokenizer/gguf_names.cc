#include "t6/text/tokenizer/gguf_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace t6 {
namespace {

constexpr GgufPreTokenizer kPreTokenizers[] = {{"gpt-2", "gpt2"},
                                               {"phi-2", "gpt2"},
                                               {"mpt", "gpt2"},
                                               {"olmo", "gpt2"},
                                               {"jais", "gpt2"},
                                               {"exaone4", "gpt2"},
                                               {"trillion", "gpt2"},
                                               {"granite-docling", "gpt2"},
                                               {"gigachat", "gpt2"},
                                               {"mellum", "gpt2"},
                                               {"a.x-4.0", "gpt2"},
                                               {"smollm", "smollm2"},
                                               {"starcoder", "smollm2"},
                                               {"refact", "smollm2"},
                                               {"command-r", "smollm2"},
                                               {"codeshell", "smollm2"},
                                               {"exaone", "smollm2"},
                                               {"minerva-7b", "smollm2"},
                                               {"mellum2", "smollm2"},
                                               {"llama-bpe", "llama3", true, true},
                                               {"llama3", "llama3", true, true},
                                               {"llama-v3", "llama3", true, true},
                                               {"falcon3", "llama3", true, true},
                                               {"falcon-h1", "llama3", true, true},
                                               {"pixtral", "llama3", true, true},
                                               {"midm-2.0", "llama3", true, true},
                                               {"lfm2", "llama3", true, true},
                                               {"smaug-bpe", "llama3"},
                                               {"dbrx", "llama3"},
                                               {"chatglm-bpe", "llama3"},
                                               {"glm4", "llama3", true},
                                               {"qwen2", "qwen2"},
                                               {"deepseek-r1-qwen", "qwen2"},
                                               {"megrez", "qwen2"},
                                               {"tekken", "tekken", true, true},
                                               {"gpt-4o", "gpt-4o"},
                                               {"llama4", "gpt-4o"},
                                               {"seed-coder", "seed-coder"},
                                               {"deepseek-llm", "deepseek-llm"},
                                               {"deepseek-coder", "deepseek-coder"},
                                               {"deepseek-v3", "deepseek-v3"},
                                               {"default", "llama.cpp"}};

constexpr std::string_view kEndNames[] = {
    "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|im_end|>",         "<|endoftext|>",
    "<|end|>",    "<|return|>", "<|call|>",        "<end_of_turn>",      "<EOT>",
    "_<EOT>",     "[EOT]",      "[EOS]",           "<end_of_utterance>", "<\uff5cend\u2581of\u2581sentence\uff5c>"};

}  // namespace

std::span<const GgufPreTokenizer> gguf_pre_tokenizers() { return kPreTokenizers; }

bool is_gguf_end_name(std::string_view token) { return std::ranges::count(kEndNames, token) > 0; }

std::string gguf_token_key(std::string_view name) { return fmt::format("tokenizer.ggml.{}_token_id", name); }

}  // namespace t6
