// Decode time against length as a picture, drawn by gnuplot.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace t6 {

struct PictureLine {
  struct Point {
    int64_t length;
    double milliseconds;
  };
  std::string kind;
  std::vector<Point> points;
};

struct PicturePanel {
  std::string title;
  std::vector<PictureLine> lines;
};

struct Picture {
  std::string title, note;           // the note stands small under the title
  size_t columns = 1;                // panels beside each other
  std::vector<PicturePanel> panels;  // row by row
};

// Errors: a name that ends neither in .svg nor in .png, or gnuplot is not there. Asked before anything is measured.
void require_picture(const std::filesystem::path& path);
void draw_picture(const Picture& picture, const std::filesystem::path& path);

}  // namespace t6
