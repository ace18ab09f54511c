// The readers of the formats, a row of labelled_formats() each. All give documents in the order of the file, and fail
// at what is none of the format's, naming the place.
#pragma once

#include "t6/labelled/labelled_file.h"

namespace t6 {

// Lines {"context", "answer"} with or without "choices", {"text", "label"}, or {"text1", "text2", "label"}; compressed
// or not.
void read_labelled_jsonl(const std::filesystem::path& path, const TakeLabelled& take);

// Long Range Arena's ListOps: a head "Source\tTarget", then an expression and its value a line. Brackets become the
// symbols of 't6 task listops': "]" is "X", and parentheses, which say nothing, are left out.
void read_labelled_listops(const std::filesystem::path& path, const TakeLabelled& take);

// A folder with neg/*.txt and pos/*.txt, as aclImdb/train; by name, first all of neg.
void read_labelled_imdb(const std::filesystem::path& path, const TakeLabelled& take);

// Long Range Arena's retrieval (AAN): lines of label, two ids and two texts with tabs between them.
void read_labelled_retrieval(const std::filesystem::path& path, const TakeLabelled& take);

// CIFAR-10's binary version: a label and 32 x 32 bytes of red, green and blue each, again and again. Pixels are made
// grey as Long Range Arena has them.
void read_labelled_cifar10(const std::filesystem::path& path, const TakeLabelled& take);

// Lines of Pathfinder's metadata, "imgs/0 sample_0.png 0 1 ...": a folder, a picture in it and, fourth, the label. The
// pictures lie beside the file, as 8-bit PGM under the same names.
void read_labelled_pathfinder(const std::filesystem::path& path, const TakeLabelled& take);

// The pixels of a binary PGM with a byte for each, row by row. Errors: it is none, or has too few or too many bytes.
std::string read_pgm(const std::filesystem::path& path);

// The lines of a file, compressed or not, without those of nothing but white space and without line ends; their places.
void each_line(const std::filesystem::path& path, const std::function<void(std::string&&, const std::string&)>& take);

// The parts of a line between tabs.
std::vector<std::string> between_tabs(std::string_view line);

}  // namespace t6
