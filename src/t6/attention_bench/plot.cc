// The paper's figures 5, 7 and 8 on this machine: decode time of each kind against length, a panel per width.
#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "t6/attention_bench/runs.h"
#include "t6/attention_bench/table/picture.h"
#include "t6/bench/machine.h"
#include "t6/cli/progress_bar.h"
#include "t6/core/error.h"
#include "t6/core/threads.h"

namespace t6 {
namespace {

constexpr int64_t kWidths[] = {1024, 2048, 3072};  // of the model; heads are width / dim
// A picture has many points, and each need not be as exact as a row of a table.
constexpr double kSecondsAPoint = 0.05;

class Figure {
 public:
  explicit Figure(const BenchOptions& options)
      : options_(options),
        progress_(
            "figure",
            std::ssize(kWidths) * std::ssize(options.kinds) * std::ssize(options.batches) * std::ssize(options.lengths),
            "") {
    const std::string numbers = options.dtypes.front();
    picture_.title = "One decode step of one attention layer";
    picture_.note =
        fmt::format("{}, threads: {}, {} cache, heads of {}, TPA ranks ({}, {}, {}), GQA of {} groups, MLA {} + {}, {}",
                    processor_name(), options.threads.front(), numbers, options.dim, options.q_rank, options.kv_rank,
                    options.kv_rank, options.groups, options.mla_latent, options.mla_rope, today());
    picture_.columns = std::size(kWidths);
  }

  void run() {
    context_.set_threads(Threads(options_.threads.front()));
    set_torch_threads(options_.threads.front());
    roof_ = measure_roof();
    picture_.panels.resize(options_.batches.size() * std::size(kWidths));
    for (size_t column = 0; column < std::size(kWidths); ++column) {
      options_.heads = kWidths[column] / options_.dim;
      progress_.hide();
      if (!options_.json || column == 0) print_heading(options_, options_.threads.front(), roof_);
      for (size_t row = 0; row < options_.batches.size(); ++row) {
        panel(row, column).title =
            fmt::format("width {} ({} heads), batch {}", kWidths[column], options_.heads, options_.batches[row]);
      }
      for (const std::string& kind : options_.kinds) draw_lines(kind, column);
    }
    progress_.hide();
    draw_picture(picture_, options_.plot);
  }

 private:
  PicturePanel& panel(size_t row, size_t column) { return picture_.panels[row * std::size(kWidths) + column]; }

  // The lines of a kind in the panels of a column. One cache serves all sizes that fit: a shorter one is a part of it.
  void draw_lines(const std::string& kind, size_t column) {
    const ModelConfig config = layer_config(options_, kind);
    const BenchPage page(config, parse_cache_type(options_.dtypes.front()));
    const auto fitting = sizes_that_fit(kind, page);
    if (fitting.empty()) return;
    const auto bytes = [&](const BenchSize& size) { return page.bytes_of(size.batch, size.length); };
    const BenchSize largest = *std::max_element(fitting.begin(), fitting.end(),
                                                [&](const auto& a, const auto& b) { return bytes(a) < bytes(b); });
    BenchCache cache(context_, config, page, largest.batch, largest.length);
    for (size_t row = 0; row < options_.batches.size(); ++row) {
      PictureLine line = {.kind = kind, .points = {}};
      for (const BenchSize& size : fitting) {
        if (size.batch != options_.batches[row]) continue;
        line.points.push_back({size.length, 1e3 * time_point(kind, size, cache)});
      }
      panel(row, column).lines.push_back(std::move(line));
    }
  }

  std::vector<BenchSize> sizes_that_fit(const std::string& kind, const BenchPage& page) {
    std::vector<BenchSize> sizes;
    for (const int64_t batch : options_.batches) {
      for (const int64_t length : options_.lengths) {
        const std::string shortage = memory_shortage(page.bytes_of(batch, length));
        if (shortage.empty()) {
          sizes.push_back({options_.threads.front(), length, batch});
          continue;
        }
        ++done_;
        progress_.hide();
        fmt::print(stderr, "t6: skipped {} of {} heads, {} x {} tokens: {}\n", kind, options_.heads, batch, length,
                   shortage);
      }
    }
    return sizes;
  }

  // The median in seconds.
  double time_point(const std::string& kind, const BenchSize& size, BenchCache& cache) {
    progress_.update(done_++,
                     fmt::format("{} of {} heads, {} x {} tokens", kind, options_.heads, size.batch, size.length));
    const BenchRow row = time_step(context_, options_, kind, options_.dtypes.front(), size, cache, kSecondsAPoint);
    progress_.hide();
    print_row(options_, roof_, row);
    return row.time.median_s;
  }

  BenchOptions options_;
  Picture picture_;
  Context context_;
  ProgressBar progress_;
  int64_t done_ = 0;
  Roof roof_;
};

}  // namespace

std::string plot_problem(const BenchOptions& options) {
  const bool grouped = std::find(options.kinds.begin(), options.kinds.end(), "gqa") != options.kinds.end();
  for (const int64_t width : kWidths) {
    if (width % options.dim != 0)
      return fmt::format("--dim is {} and must divide the figure's width {}", options.dim, width);
    const int64_t heads = width / options.dim;
    if (grouped && heads % options.groups != 0) {
      return fmt::format("--groups is {} and must divide the {} heads of the figure's width {}", options.groups, heads,
                         width);
    }
  }
  return {};
}

void bench_plot(const BenchOptions& options) {
  require_picture(options.plot);
  Figure(options).run();
  if (!options.json) fmt::print("picture in {}\n", options.plot);
}

}  // namespace t6
