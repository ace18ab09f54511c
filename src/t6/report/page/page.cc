// The page of a run, section by section.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "t6/core/units.h"
#include "t6/model/costs.h"
#include "t6/model/factors.h"
#include "t6/numbers/cache_type.h"
#include "t6/report/page/curves.h"
#include "t6/report/page/html.h"
#include "t6/report/report.h"

namespace t6 {
namespace {

// The longest context is given for this memory, a common size of one accelerator or a laptop.
constexpr int64_t kMemory = int64_t{16} << 30;

// "TPA-KVonly", as the paper spells the kinds.
std::string kind_title(AttentionKind kind) {
  if (kind == AttentionKind::tpa_kvonly) return "TPA-KVonly";
  std::string name = attention_kind_name(kind);
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

const ValidationRecord* last_evaluation(const ReportData& data) {
  const auto last = std::find_if(data.validation.rbegin(), data.validation.rend(),
                                 [](const auto& metrics) { return std::isfinite(metrics.loss); });
  return last == data.validation.rend() ? nullptr : &*last;
}

int64_t tokens_seen(const ReportData& data) {
  return std::max(data.training.empty() ? 0 : data.training.back().tokens,
                  data.validation.empty() ? 0 : data.validation.back().tokens);
}

// "71.2 % ± 0.5"
std::string accuracy_words(const ValidationRecord& record) {
  const double share = std::isfinite(record.test_accuracy) ? record.test_accuracy : record.accuracy;
  const double error = std::isfinite(record.test_accuracy) ? record.test_accuracy_error : record.accuracy_error;
  return fmt::format("{:.1f} %", 100 * share) + (std::isfinite(error) ? fmt::format(" ± {:.1f}", 100 * error) : "") +
         (std::isfinite(record.test_accuracy) ? " on the test" : "");
}

std::string summary(const ReportData& data) {
  std::string text = fmt::format("{} model of {} parameters", kind_title(data.model.attention_kind),
                                 format_count(static_cast<double>(parameter_count(data.model))));
  const int64_t tokens = tokens_seen(data);
  if (tokens == 0) return text + ", before its first training step.";
  text += fmt::format(" after {} training tokens: ", format_count(static_cast<double>(tokens)));
  const ValidationRecord* last = last_evaluation(data);
  if (!last) return text + "not evaluated yet.";
  text += fmt::format("validation loss {:.3f} nats per {}", last->loss, last->is_classifiers() ? "label" : "token");
  if (last->is_classifiers()) return text + fmt::format(", accuracy {}.", accuracy_words(*last));
  return text +
         (std::isfinite(last->bits_per_byte) ? fmt::format(", {:.3f} bits per byte.", last->bits_per_byte) : ".");
}

// "1,200 of 3,000 steps", where run.json says how many there were to be.
std::string steps_done(const ReportData& data) {
  const std::string done = format_digits(data.training.back().step);
  const auto planned = Json::json_pointer() / run_keys::kTrain / run_keys::kSteps;
  if (!data.run.contains(planned) || !data.run[planned].is_number_integer()) return done + " steps";
  return fmt::format("{} of {} steps", done, format_digits(data.run[planned].get<int64_t>()));
}

std::string tile(const std::string& name, const std::string& value, const std::string& note) {
  return fmt::format("<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n", name, escape_html(value),
                     escape_html(note));
}

std::string tiles(const ReportData& data) {
  const auto parameters = static_cast<double>(parameter_count(data.model));
  const auto tokens = static_cast<double>(tokens_seen(data));
  std::string html = "<dl class=\"tiles\">\n";
  html += tile("Parameters", format_count(parameters), fmt::format("{} layers", data.model.num_hidden_layers));
  html += tile("Training tokens", format_count(tokens), fmt::format("{:.3g} a parameter", tokens / parameters));
  if (const ValidationRecord* last = last_evaluation(data)) {
    const auto best =
        std::min_element(data.validation.begin(), data.validation.end(),
                         [](const auto& a, const auto& b) { return std::isfinite(a.loss) && !(b.loss <= a.loss); });
    const std::string shown = fmt::format("{:.3f}", last->loss);
    html += tile("Validation loss", shown,
                 fmt::format("{:.3f}", best->loss) != shown
                     ? fmt::format("best {:.3f} at step {}", best->loss, format_digits(best->step))
                     : fmt::format("nats per {}, the best", last->is_classifiers() ? "label" : "token"));
    if (last->is_classifiers()) {
      html += tile("Accuracy", accuracy_words(*last), fmt::format("{} classes", data.model.num_labels));
    }
    if (std::isfinite(last->bits_per_byte)) {
      html += tile("Bits per byte", fmt::format("{:.3f}", last->bits_per_byte), "of validation text");
    }
  }
  if (!data.training.empty() && std::isfinite(data.training.back().seconds)) {
    const double seconds = data.training.back().seconds;
    html += tile("Training time", format_seconds(seconds), steps_done(data));
  }
  html += tile("Cache per token", format_bytes(static_cast<double>(cache_bytes(data.model, NumberType::bf16))),
               "all layers, bfloat16");
  return html + "</dl>\n";
}

std::string sample_text(const Sample& sample) {
  const std::string mark = sample.prompt.empty() ? "" : "<mark>" + escape_html(sample.prompt) + "</mark>";
  return fmt::format("<pre class=\"sample\" dir=\"auto\">{}{}</pre>\n", mark, escape_html(sample.text));
}

std::string samples(const ReportData& data) {
  std::string html = "<section>\n<h2>Samples</h2>\n";
  if (!data.samples_note.empty()) html += "<p>" + escape_html(data.samples_note) + "</p>\n";
  for (const Sample& sample : data.samples) html += sample_text(sample);
  for (const auto& [step, sample] : data.training_samples) {
    html += fmt::format("<h3>After step {}</h3>\n{}", format_digits(step), sample_text(sample));
  }
  return html + "</section>\n";
}

std::string cache(const ReportData& data) {
  std::vector<BarGroup> bytes, contexts;
  const auto add = [&](const ModelConfig& config, bool own) {
    const std::string heading = kind_title(config.attention_kind) + (own ? ", this model" : "");
    const std::string note = fmt::format("{} heads, {} parameters", config.num_attention_heads,
                                         format_count(static_cast<double>(parameter_count(config))));
    bytes.push_back({heading, note, {}, own});
    contexts.push_back({heading, note, {}, own});
    for (const auto& [cache_name, type, largest] : kCacheTypes) {
      const std::string name(cache_name);
      const int64_t size = cache_bytes(config, type), tokens = longest_context(config, type, kMemory);
      bytes.back().bars.push_back({name, static_cast<double>(size), format_digits(size)});
      contexts.back().bars.push_back({name, static_cast<double>(tokens), format_digits(tokens)});
    }
  };
  add(data.model, true);
  using enum AttentionKind;
  for (const AttentionKind kind : {mha, mqa, gqa, mla}) {
    if (kind != data.model.attention_kind) add(equal_size_baseline(data.model, kind), false);
  }
  const double ratio = static_cast<double>(attention_shape(equal_size_baseline(data.model, mha)).cache_numbers()) /
                       static_cast<double>(attention_shape(data.model).cache_numbers());
  std::string html =
      "<section>\n<h2>Cache</h2>\n<p>Computed from the shapes of this model and of others with the same "
      "layers, width and, as nearly as whole heads allow, the same number of parameters.";
  if (data.model.attention_kind != mha) {
    html += fmt::format(" Per token, MHA of this size caches {:.2f} times the numbers of this model.", ratio);
  }
  html += fmt::format(
      "</p>\n<div class=\"pair\">\n<div><h3>Bytes per token <small>all layers</small></h3>\n{}</div>\n<div><h3>Longest "
      "context in {} GiB <small>tokens; weights and cache in one type</small></h3>\n{}<p>This is what memory allows; "
      "the "
      "model was made for contexts of up to {} tokens.</p></div>\n</div>\n</section>\n",
      render_bars(bytes), kMemory >> 30, render_bars(contexts), format_digits(data.model.max_position_embeddings));
  return html;
}

std::string size(const ReportData& data) {
  const ModelConfig& model = data.model;
  const auto total = static_cast<double>(parameter_count(model));
  BarGroup parts;
  for (const auto& [part, count] : parameter_counts(model)) {
    std::string name = part_name(part);
    std::replace(name.begin(), name.end(), '_', ' ');
    parts.bars.push_back({name, static_cast<double>(count),
                          fmt::format("{}, {:.1f} %", format_digits(count), 100 * static_cast<double>(count) / total)});
  }
  const Table work{
      .rows = {{"FLOPs per token, empty context", format_count(forward_flops(model, 0))},
               {fmt::format("FLOPs per token after {} others", format_digits(model.max_position_embeddings)),
                format_count(forward_flops(model, model.max_position_embeddings))},
               {"Attention multiply-adds for each cached token, a layer", format_digits(decode_multiply_adds(model))}},
      .numbers = true};
  return fmt::format(
      "<section>\n<h2>Size</h2>\n<div class=\"pair\">\n<div><h3>Parameters <small>{} in all</small></h3>\n{}</div>\n"
      "<div><h3>Work to predict a token</h3>\n{}</div>\n</div>\n</section>\n",
      format_digits(parameter_count(model)), render_bars({parts}), render_table(work));
}

void flatten(const Json& value, const std::string& key, std::vector<std::vector<std::string>>& rows) {
  if (value.is_object()) {
    for (const auto& [name, inner] : value.items()) flatten(inner, key.empty() ? name : key + "." + name, rows);
  } else {
    rows.push_back({key, value.is_string() ? value.get<std::string>() : value.dump()});
  }
}

std::string configuration(const ReportData& data) {
  std::string html = "<section>\n<h2>Configuration</h2>\n<div class=\"configuration\">\n";
  const auto add = [&](const std::string& caption, const Json& value) {
    Table table{.caption = caption};
    flatten(value, "", table.rows);
    if (!table.rows.empty()) html += render_table(table);
  };
  Json model = config_to_json(data.model);
  for (const char* same : {"model_type", "architectures", "torch_dtype"}) model.erase(same);  // in every model of ours
  const auto preset = Json::json_pointer() / run_keys::kModel / run_keys::kPreset;
  if (data.run.contains(preset)) model[run_keys::kPreset] = data.run[preset];
  add(run_keys::kModel, model);
  Json loose = Json::object();
  for (const auto& [key, value] : data.run.items()) {
    if (key == run_keys::kModel) continue;  // shown as resolved, above
    if (value.is_object())
      add(key, value);
    else
      loose[key] = value;
  }
  add("other", loose);
  return html + "</div>\n</section>\n";
}

}  // namespace

std::string render_report(const ReportData& data) {
  return render_page(
      {.title = data.name,
       .kicker = "T6 run report",
       .summary = summary(data),
       .header = tiles(data),
       .body = render_curves(data) + samples(data) + cache(data) + size(data) + configuration(data),
       .footer =
           "Losses, rates and times are those that the run wrote down; parameters, FLOPs and cache follow from the "
           "model's shapes."});
}

}  // namespace t6
