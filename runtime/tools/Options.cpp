// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tools/Options.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <vector>

namespace fluxion::rt {
namespace {

struct Option {
  const char *name, *value, *help; // value: what stands for it in the help; null: a flag
  std::string TrainOptions::*text = nullptr;
  int64_t TrainOptions::*number = nullptr;
  bool TrainOptions::*flag = nullptr;
  int64_t least = 0, most = 0; // of numbers
};
constexpr Option table[] = {
    {.name = "data",
     .value = "PATH",
     .help = "file or folder with the data",
     .text = &TrainOptions::data},
    {.name = "epochs",
     .value = "N",
     .help = "passes over the data, from where --resume stands (1)",
     .number = &TrainOptions::epochs,
     .least = 1,
     .most = 1000000000},
    {.name = "batch-limit",
     .value = "N",
     .help = "at most N batches an epoch (0: all)",
     .number = &TrainOptions::batchLimit,
     .least = 0,
     .most = INT64_MAX},
    {.name = "seed",
     .value = "N",
     .help = "of initial values, order and random numbers (1); a resumed run keeps its own",
     .number = &TrainOptions::seed,
     .least = INT64_MIN,
     .most = INT64_MAX},
    {.name = "threads",
     .value = "N",
     .help = "threads that compute (0: all); results do not depend on it",
     .number = &TrainOptions::threads,
     .least = 0,
     .most = 1024},
    {.name = "target",
     .value = "NAME",
     .help =
         "of what this program was compiled for: cpu, cuda, cuda:sm_90a (a GPU where there is one)",
     .text = &TrainOptions::target},
    {.name = "save",
     .value = "FILE",
     .help = "write the state here after every epoch, and when interrupted",
     .text = &TrainOptions::save},
    {.name = "resume",
     .value = "FILE",
     .help = "go on from a saved state, with the very next batch",
     .text = &TrainOptions::resume},
    {.name = "weights",
     .value = "FILE",
     .help = "begin with weights from a safetensors file, taken by name",
     .text = &TrainOptions::weights},
    {.name = "snapshot-every",
     .value = "N",
     .help = "steps between copies of the state that a failed step falls back to (200)",
     .number = &TrainOptions::snapshotEvery,
     .least = 1,
     .most = INT64_MAX},
    {.name = "eval", .value = nullptr, .help = "evaluate only", .flag = &TrainOptions::evaluate},
    {.name = "json",
     .value = nullptr,
     .help = "one JSON object a line",
     .flag = &TrainOptions::json},
    {.name = "help", .value = nullptr, .help = "this text", .flag = &TrainOptions::help},
};

size_t editDistance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string unknown(const std::string &name) {
  const Option *best = table;
  for (const Option &option : table)
    if (editDistance(name, option.name) < editDistance(name, best->name))
      best = &option;
  return "unknown option --" + name + "; did you mean --" + best->name + "? --help lists them all";
}

bool parseNumber(const std::string &text, const Option &option, int64_t &number) {
  const char *end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end && number >= option.least && number <= option.most;
}

std::string rangeText(const Option &option) {
  if (option.least == INT64_MIN)
    return "";
  std::string from = " from " + std::to_string(option.least);
  return from + (option.most == INT64_MAX ? " on" : " to " + std::to_string(option.most));
}

} // namespace

std::string parseOptions(int argc, char **argv, TrainOptions &o) {
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument.rfind("--", 0) != 0)
      return "unexpected argument \"" + argument + "\"; options begin with --";
    size_t equals = argument.find('=');
    std::string name = argument.substr(2, equals == std::string::npos ? std::string::npos
                                                                      : equals - 2),
                value;
    const Option *option =
        std::find_if(std::begin(table), std::end(table),
                     [&](const Option &candidate) { return name == candidate.name; });
    if (option == std::end(table))
      return unknown(name);
    if (option->value) {
      if (equals != std::string::npos)
        value = argument.substr(equals + 1);
      else if (i + 1 < argc)
        value = argv[++i];
      else
        return "--" + name + " needs a value: --" + name + "=" + option->value;
    } else if (equals != std::string::npos) {
      return "--" + name + " takes no value";
    }
    if (option->text && value.empty())
      return "--" + name + " needs a value: --" + name + "=" + option->value;
    if (option->number && !parseNumber(value, *option, o.*option->number))
      return "--" + name + " takes a whole number" + rangeText(*option) + ", not \"" + value + "\"";
    if (option->text)
      o.*option->text = value;
    if (option->flag)
      o.*option->flag = true;
    o.seedGiven |= name == "seed";
  }
  if (!o.resume.empty() && !o.weights.empty())
    return "--resume brings its own weights; leave --weights out";
  return "";
}

void printHelp(const char *program, const char *name, const char *data) {
  std::printf("%s: trains %s\n\n  %s --data=PATH --epochs=3            train and evaluate on %s\n"
              "  %s --data=PATH --save=state.safetensors\n"
              "  %s --data=PATH --resume=state.safetensors --eval\n\noptions\n",
              program, name, program, data, program, program);
  for (const Option &option : table) {
    std::string left =
        std::string("--") + option.name + (option.value ? std::string("=") + option.value : "");
    std::printf("  %-20s %s\n", left.c_str(), option.help);
  }
}

} // namespace fluxion::rt
