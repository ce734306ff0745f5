// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How an error reads: place and message, the code line with a caret, notes, help.
#include "fluxion/Tensor.h"

#include <fstream>

namespace fluxion {
namespace {

std::string sourceLine(const Loc &where) {
  std::ifstream file(where.file_name());
  std::string line;
  for (uint_least32_t n = 0; n < where.line(); ++n)
    if (!std::getline(file, line))
      return "";
  return line;
}

} // namespace

Error::Error(std::string code, std::string message, Loc where, std::vector<std::string> notes,
             std::string help)
    : name(std::move(code)), brief(std::move(message)), place(where) {
  text = std::string(where.file_name()) + ":" + std::to_string(where.line()) + ":" +
         std::to_string(where.column()) + ": error: " + brief + " [" + name + "]";
  if (std::string line = sourceLine(where); !line.empty()) {
    std::string number = std::to_string(where.line());
    text += "\n  " + number + " | " + line + "\n  " + std::string(number.size(), ' ') + " | ";
    text += std::string(where.column() > 0 ? where.column() - 1 : 0, ' ') + "^";
  }
  for (const std::string &note : notes)
    text += "\n  note: " + note;
  if (!help.empty())
    text += "\n  help: " + help;
}

} // namespace fluxion
