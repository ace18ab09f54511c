#include "t6/cli/serving/eval_answers.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "t6/cli/flags.h"
#include "t6/cli/interrupt.h"
#include "t6/cli/progress_bar.h"
#include "t6/cli/serving/generation_flags.h"
#include "t6/core/error.h"
#include "t6/core/stopwatch.h"
#include "t6/core/units.h"
#include "t6/eval/answer_files.h"
#include "t6/formats/json.h"
#include "t6/report/grid_page.h"
#include "t6/report/page_file.h"

namespace t6 {
namespace {

constexpr char kGroup[] = "Answers";

std::vector<AnswerDocument> read_documents(const LoadedModel& loaded, const AnswerFlags& flags, int64_t limit,
                                           const AnswerOptions& options) {
  if (!flags.passkey.lengths.empty()) return passkey_documents(loaded, flags.passkey, options);
  std::vector<AnswerDocument> all;
  const auto add = [&](std::vector<AnswerDocument> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  for (const std::string& file : flags.files) add(read_answer_file(file, limit));
  if (!flags.longbench.empty()) {
    const LongBenchPrompts prompts = longbench_prompts(flags.prompts);
    for (const std::string& file : flags.longbench) add(read_longbench(file, prompts, limit));
  }
  add_chinese_words(all, flags.chinese_words);
  return all;
}

// What was written, and what was asked.
struct Results {
  std::vector<AnswerDocument> documents;
  std::vector<WrittenAnswer> answers;
  double seconds = 0;
};

OrderedJson answer_json(const AnswerDocument& document, const WrittenAnswer& answer) {
  return {{"document", document.name}, {"groups", document.groups},
          {"answer", answer.text},     {"wanted", document.key.answers},
          {"metric", document.metric}, {"score", answer.score},
          {"tokens", answer.tokens},   {"prompt_tokens", answer.prompt_tokens},
          {"reused", answer.reused},   {"left_out", answer.left_out}};
}

void print_line(const OrderedJson& json) {
  fmt::print("{}\n", json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
  std::fflush(stdout);  // a reader of a pipe has it at once
}

Results write(Context& context, const LoadedModel& loaded, const AnswerFlags& flags, const AnswerOptions& options,
              int64_t limit, bool json) {
  Results results;
  results.documents = read_documents(loaded, flags, limit, options);
  catch_interrupts();
  const Stopwatch time;
  std::optional<ProgressBar> bar;
  const auto take = [&](const WrittenAnswer& answer) {
    results.answers.push_back(answer);
    if (!json) return;
    if (bar) bar->hide();
    print_line(answer_json(results.documents[answer.document], answer));
  };
  write_answers(context, loaded, results.documents, options, take, [&](int64_t done, int64_t total) {
    if (!bar) bar.emplace("reading", total, "tokens");
    bar->update(done, fmt::format("{} of {} answers", results.answers.size(), results.documents.size()));
  });
  if (bar) bar->finish();
  results.seconds = time.seconds();
  if (interrupt_token().cancelled()) {
    fmt::print(stderr, "t6: interrupted after {} of {} answers\n", results.answers.size(), results.documents.size());
  }
  return results;
}

// Of the groups that documents name first: the tasks or data sets.
std::optional<double> average(const Results& results, const std::vector<AnswerGroup>& groups) {
  std::set<std::string_view> sets;
  for (const WrittenAnswer& answer : results.answers) sets.insert(results.documents[answer.document].groups[0]);
  double sum = 0;
  for (const AnswerGroup& group : groups) sum += sets.contains(group.name) ? group.mean : 0;
  return sets.size() < 2 ? std::nullopt : std::optional(sum / static_cast<double>(sets.size()));
}

void print_groups(const Results& results) {
  const std::vector<AnswerGroup> groups = answer_groups(results.documents, results.answers);
  fmt::print("{:<32}{:>10}{:>10}{:>10}\n", "task", "documents", "score, %", "± error");
  for (const AnswerGroup& group : groups) {
    const std::string error = group.standard_error ? fmt::format("{:.2f}", 100 * *group.standard_error) : "";
    fmt::print("{:<32}{:>10}{:>10.2f}{:>9}\n", group.name, format_digits(group.documents), 100 * group.mean, error);
  }
  if (const auto mean = average(results, groups)) fmt::print("{:<32}{:>10}{:>10.2f}\n", "average", "", 100 * *mean);
}

void print_totals(const Results& results) {
  int64_t read = 0, written = 0, cut = 0;
  for (const WrittenAnswer& answer : results.answers) {
    read += answer.prompt_tokens - answer.reused;
    written += answer.tokens;
    cut += answer.left_out > 0;
  }
  fmt::print("{} answers: {} tokens read and {} written in {}\n", format_digits(std::ssize(results.answers)),
             format_digits(read), format_digits(written), format_seconds(results.seconds));
  if (cut > 0) fmt::print("{} prompts were too long and lost their middle\n", format_digits(cut));
}

void print_grid(const PasskeyOptions& passkey, const std::vector<double>& grid) {
  const std::vector<int64_t> depths = passkey_depths(passkey.depths);
  fmt::print("{:<12}", "found, %");
  for (const int64_t length : passkey.lengths) fmt::print("{:>10}", format_digits(length));
  fmt::print("  tokens\n");
  for (size_t i = 0; i < depths.size(); ++i) {
    fmt::print("at {:>3} %    ", depths[i]);
    for (size_t j = 0; j < passkey.lengths.size(); ++j) {
      const double share = grid[j * depths.size() + i];
      fmt::print("{:>10}", share < 0 ? std::string("-") : fmt::format("{:.0f}", 100 * share));
    }
    fmt::print("\n");
  }
}

void write_report(const std::string& path, const LoadedModel& loaded, const AnswerFlags& flags, const Results& results,
                  const std::vector<double>& grid) {
  const std::vector<int64_t> depths = passkey_depths(flags.passkey.depths);
  double found = 0;
  for (const WrittenAnswer& answer : results.answers) found += answer.score;
  GridPage page{.title = fmt::format("Pass keys found by {}", loaded.path.filename().string())};
  page.summary = fmt::format(
      "{} of {} five-digit keys that were hidden in noise, by the length of the context and the "
      "depth at which they lay, in per cent.",
      found, results.answers.size());
  page.column_name = "tokens";
  page.row_name = "depth";
  for (const int64_t length : flags.passkey.lengths) page.columns.push_back(format_digits(length));
  for (size_t i = 0; i < depths.size(); ++i) {
    page.rows.push_back(fmt::format("{} %", depths[i]));
    for (size_t j = 0; j < flags.passkey.lengths.size(); ++j) page.shares.push_back(grid[j * depths.size() + i]);
  }
  page.note = fmt::format("Keys a cell: {}; seed {}; the model's context is {} tokens.", flags.passkey.samples,
                          flags.passkey.seed, format_digits(loaded.config().max_position_embeddings));
  write_page(path, render_grid_page(page));
  fmt::print(stderr, "t6: report in {}\n", path);
}

OrderedJson summary_json(const AnswerFlags& flags, const Results& results, const std::vector<double>& grid) {
  OrderedJson summary;
  const std::vector<AnswerGroup> groups = answer_groups(results.documents, results.answers);
  for (const AnswerGroup& group : groups) {
    OrderedJson json = {{"name", group.name}, {"documents", group.documents}, {"score", group.mean}};
    if (group.standard_error) json["standard_error"] = *group.standard_error;
    summary["groups"].push_back(json);
  }
  if (const auto mean = average(results, groups)) summary["average"] = *mean;
  if (!grid.empty()) {
    summary["lengths"] = flags.passkey.lengths;
    summary["depths"] = passkey_depths(flags.passkey.depths);
    for (const double share : grid) summary["found"].push_back(share < 0 ? OrderedJson() : OrderedJson(share));
  }
  summary["answers"] = results.answers.size();
  summary["seconds"] = results.seconds;
  return {{"summary", summary}};
}

void add_passkey_flags(CLI::App& command, AnswerFlags& flags) {
  command.add_option("--depths", flags.passkey.depths, "Depths at which pass keys lie")
      ->check(CLI::Range(1, 101).description(""))
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--samples", flags.passkey.samples, "Pass keys for each length and depth")
      ->check(CLI::Range(1, 10'000).description(""))
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--seed", flags.passkey.seed, "The same seed gives the same pass keys")
      ->capture_default_str()
      ->group(kGroup);
}

void add_longbench_flags(CLI::App& command, AnswerFlags& flags) {
  command
      .add_option("--prompts", flags.prompts,
                  "A JSON file with prompts of your own by data set (docs/long-contexts.md)")
      ->group(kGroup);
  command
      .add_option("--prompt-tokens", flags.prompt_tokens,
                  "Longer prompts lose their middle (default: what the context holds beside the answer)")
      ->check(count_from(2))
      ->group(kGroup);
}

void add_metric_flags(CLI::App& command, AnswerFlags& flags) {
  command
      .add_option("--chinese-words", flags.chinese_words,
                  "Folder with what cuts Chinese into words, for the metrics f1_zh and rouge_l_zh; "
                  "scripts/fetch_chinese_words.sh fetches it")
      ->capture_default_str()
      ->group(kGroup);
}

}  // namespace

void add_answer_flags(CLI::App& command, CLI::App& source, AnswerFlags& flags) {
  source.add_option("--answers", flags.files,
                    "JSONL files of documents with context and answer, as 't6 task' writes them: the model answers, by "
                    "the likeliest tokens");
  source.add_option("--longbench", flags.longbench, "Files of LongBench or LongBench v2, as they are published");
  source.add_option("--passkey", flags.passkey.lengths, "Find a pass key in contexts of these lengths, as 1024,4096")
      ->delimiter(',')
      ->check(count_from(1));
  add_longbench_flags(command, flags);
  add_metric_flags(command, flags);
  add_passkey_flags(command, flags);
  command
      .add_option("--cache-memory", flags.memory, "What all caches may take at most, as in 2GiB (default: no limit)")
      ->group(kGroup);
  CLI::Option* chat =
      command.add_flag("--chat", flags.is_chat, "Prompts are messages that the model answers")->group(kGroup);
  for (CLI::Option* option : add_chat_flags(command, flags.chat)) option->needs(chat)->group(kGroup);
}

void run_answers(Context& context, const LoadedModel& loaded, const AnswerFlags& flags, const AnswerRunOptions& run) {
  std::optional<ChatTemplate> chat;
  if (flags.is_chat) chat = chosen_template(loaded, flags.chat);
  AnswerOptions options{.context = run.context, .prompt_tokens = flags.prompt_tokens, .cache_type = run.cache_type};
  if (!flags.memory.empty()) options.memory = std::make_shared<CacheMemory>(parse_bytes(flags.memory));
  options.chat = chat ? &*chat : nullptr;
  options.system = flags.chat.conversation.system;
  options.control_tokens = flags.chat.conversation.control_tokens;
  options.cancel = &interrupt_token();
  warn_beyond_context(loaded, run.context);
  const Results results = write(context, loaded, flags, options, run.limit, run.json);
  const bool is_grid = !flags.passkey.lengths.empty();
  const std::vector<double> grid = is_grid ? passkey_grid(flags.passkey, results.answers) : std::vector<double>();
  if (!run.report.empty()) write_report(run.report, loaded, flags, results, grid);
  if (run.json) return print_line(summary_json(flags, results, grid));
  if (is_grid) {
    print_grid(flags.passkey, grid);
  } else {
    print_groups(results);
  }
  print_totals(results);
}

}  // namespace t6
