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

// Errors, before anything is measured: a name that ends neither in .svg nor in .png, a folder that cannot be written
// to, or gnuplot is not there.
void require_picture(const std::filesystem::path& path);
// Errors: there is no point in it, gnuplot's, or those of writing the file.
void draw_picture(const Picture& picture, const std::filesystem::path& path);

}  // namespace t6
