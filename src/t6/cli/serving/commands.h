// The commands of `t6`, one file each.
#pragma once

#include <CLI/CLI.hpp>

namespace t6 {

void add_info(CLI::App& app);
void add_tokenizer(CLI::App& app);
void add_tokenizer_train(CLI::App& tokenizer);  // called by add_tokenizer
void add_prepare(CLI::App& app);
void add_task(CLI::App& app);
void add_eval(CLI::App& app);
void add_generate(CLI::App& app);
void add_chat(CLI::App& app);
void add_report(CLI::App& app);
void add_compare(CLI::App& app);
void add_import(CLI::App& app);
void add_quantize(CLI::App& app);
void add_export(CLI::App& app);
void add_golden(CLI::App& app);
void add_serve(CLI::App& app);
void add_bench(CLI::App& app);
void add_bench_memory(CLI::App& bench);  // called by add_bench

}  // namespace t6
