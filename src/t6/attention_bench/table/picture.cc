#include "t6/attention_bench/table/picture.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string_view>

#include "t6/core/error.h"
#include "t6/core/file.h"

namespace t6 {
namespace {

// Pixels.
constexpr size_t kPanelWidth = 400, kPanelHeight = 360, kTitleHeight = 80, kKeyHeight = 50;

struct KindStyle {
  const char* kind;
  const char* label;
  const char* style;
};
// Colours that stay apart for colour-blind readers (Okabe and Ito), and a mark each for print without colour.
constexpr KindStyle kStyles[] = {{"tpa", "TPA", "lw 4 pt 7 ps 0.9 lc rgb '#d00000'"},
                                 {"mqa", "MQA", "lw 2 pt 11 ps 0.9 lc rgb '#009e73'"},
                                 {"gqa", "GQA", "lw 2 pt 9 ps 0.9 lc rgb '#e69f00'"},
                                 {"mla", "MLA", "lw 2 pt 13 ps 0.9 lc rgb '#0072b2'"},
                                 {"mha", "MHA", "lw 2 pt 5 ps 0.7 lc rgb '#5c5c5c'"}};

std::string gnuplot_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

size_t rows_of(const Picture& picture) { return (picture.panels.size() + picture.columns - 1) / picture.columns; }

// What all panels show, so that they can be compared.
struct Axes {
  int64_t first = std::numeric_limits<int64_t>::max(), last = 0;     // tokens
  double least = std::numeric_limits<double>::infinity(), most = 0;  // milliseconds
};

Axes axes_of(const Picture& picture) {
  Axes axes;
  for (const PicturePanel& panel : picture.panels) {
    for (const PictureLine& line : panel.lines) {
      for (const auto [length, milliseconds] : line.points) {
        axes.first = std::min(axes.first, length);
        axes.last = std::max(axes.last, length);
        axes.least = std::min(axes.least, milliseconds);
        axes.most = std::max(axes.most, milliseconds);
      }
    }
  }
  require(axes.last > 0, "nothing was measured that could be drawn");
  return axes;
}

std::string header(const Picture& picture, const std::string& terminal) {
  const size_t rows = rows_of(picture);
  const size_t width = picture.columns * kPanelWidth, height = rows * kPanelHeight + kTitleHeight + kKeyHeight;
  const auto share = [&](size_t pixels) { return static_cast<double>(pixels) / static_cast<double>(height); };
  std::string script = fmt::format("set terminal {} enhanced size {},{} font 'sans,12' background rgb 'white'\n",
                                   terminal, width, height);
  script += fmt::format("set label 1 {} at screen 0.5, screen {} center font 'sans,16' noenhanced\n",
                        gnuplot_text(picture.title), 1 - share(26));
  script += fmt::format("set label 2 {} at screen 0.5, screen {} center noenhanced tc rgb '#555555'\n",
                        gnuplot_text(picture.note), 1 - share(54));
  script += fmt::format("set multiplot layout {},{} margins {}, 0.99, {}, {} spacing {}, {}\n", rows, picture.columns,
                        88.0 / static_cast<double>(width), share(kKeyHeight + 50), 1 - share(kTitleHeight + 28), 0.02,
                        share(80));
  const Axes axes = axes_of(picture);
  script +=
      "set logscale x 2\nset logscale y 10\nset format x '2^{%L}'\n"
      "set grid xtics ytics lc rgb '#dddddd' lt 1 lw 0.7\nset border 3 lc rgb '#888888'\nset tics nomirror scale 0.6\n"
      "unset key\nset tics textcolor rgb '#222222'\n";
  // A little air around the outermost points.
  script += fmt::format("set xrange [{}:{}]\nset yrange [{}:{}]\n", static_cast<double>(axes.first) / 1.15,
                        static_cast<double>(axes.last) * 1.15, axes.least / 1.5, axes.most * 1.5);
  return script;
}

std::string panel_script(const Picture& picture, size_t index) {
  const PicturePanel& panel = picture.panels[index];
  const bool last_row = index / picture.columns + 1 == rows_of(picture);
  std::string script = fmt::format("set title {} offset 0,-0.5\n", gnuplot_text(panel.title));
  script += last_row ? "set xlabel 'cached tokens'\n" : "unset xlabel\n";
  const bool first = index % picture.columns == 0;
  script += first ? "set ylabel 'ms a step'\nset format y '%g'\n" : "unset ylabel\nset format y ''\n";
  std::string plots, data;
  for (const KindStyle& style : kStyles) {
    for (const PictureLine& line : panel.lines) {
      if (line.kind != style.kind) continue;
      plots += fmt::format("{} '-' with linespoints {}", plots.empty() ? "plot" : ",", style.style);
      for (const auto [length, milliseconds] : line.points) data += fmt::format("{} {}\n", length, milliseconds);
      data += "e\n";
    }
  }
  if (plots.empty()) plots = "plot NaN";
  return script + plots + "\n" + data + "unset label 1\nunset label 2\n";
}

// One legend for all panels: the key of an empty plot as wide as the picture.
std::string legend_script(const Picture& picture) {
  std::string script =
      "set lmargin at screen 0\nset rmargin at screen 1\nset tmargin at screen 0.9\nset bmargin at screen 0\n"
      "unset title\nunset xlabel\nunset ylabel\nunset border\nunset tics\nunset grid\n"
      "set key horizontal maxrows 1 center bottom at screen 0.5, screen 0.02 samplen 3 width 3\n";
  std::string plots;
  for (const KindStyle& style : kStyles) {
    const auto is_drawn = [&](const PicturePanel& panel) {
      return std::any_of(panel.lines.begin(), panel.lines.end(),
                         [&](const auto& line) { return line.kind == style.kind; });
    };
    if (std::none_of(picture.panels.begin(), picture.panels.end(), is_drawn)) continue;
    plots +=
        fmt::format("{} NaN with linespoints title '{}' {}", plots.empty() ? "plot" : ",", style.label, style.style);
  }
  return script + plots + "\n";
}

// The picture that gnuplot makes of a script. Its own messages go where ours go.
std::string run_gnuplot(const std::string& script) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> input(std::tmpfile(), &std::fclose);
  require(input && std::fwrite(script.data(), 1, script.size(), input.get()) == script.size() &&
              std::fflush(input.get()) == 0,
          "there is no room for a temporary file");
  std::FILE* output = ::popen(fmt::format("gnuplot < /dev/fd/{}", ::fileno(input.get())).c_str(), "r");
  require(output, "gnuplot could not be started");
  std::string picture;
  char buffer[1 << 16];
  while (const size_t count = std::fread(buffer, 1, sizeof(buffer), output)) picture.append(buffer, count);
  const int status = ::pclose(output);
  require(WIFEXITED(status) && WEXITSTATUS(status) == 0 && !picture.empty(), "gnuplot did not draw the picture");
  return picture;
}

}  // namespace

void require_picture(const std::filesystem::path& path) {
  const std::string type = path.extension().string();
  require(type == ".svg" || type == ".png", "{}: a picture's name must end in .svg or .png", path.string());
  const FileWriter writable(path);
  require(std::system("command -v gnuplot >/dev/null 2>&1") == 0,
          "pictures need the program gnuplot; install Debian's package gnuplot-nox");
}

void draw_picture(const Picture& picture, const std::filesystem::path& path) {
  std::string script = header(picture, path.extension() == ".png" ? "pngcairo" : "svg");
  for (size_t i = 0; i < picture.panels.size(); ++i) script += panel_script(picture, i);
  write_text(path, run_gnuplot(script + legend_script(picture) + "unset multiplot\n"));
}

}  // namespace t6
