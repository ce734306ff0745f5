// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tools/Options.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <vector>

namespace fluxion::rt {
namespace {

struct Option {
  const char *name, *value, *help;
  int64_t least = 0, most = 0; // of numbers
};
const Option table[] = {
    {"data", "PATH", "file or folder with the data"},
    {"epochs", "N", "passes over the data, from where --resume stands (1)", 1, 1000000000},
    {"batch-limit", "N", "at most N batches an epoch (0: all)", 0, INT64_MAX},
    {"seed", "N", "of initial values, order and random numbers (1); a resumed run keeps its own",
     INT64_MIN, INT64_MAX},
    {"threads", "N", "threads that compute (0: all); results do not depend on it", 0, 1024},
    {"target", "NAME",
     "of what this program was compiled for: cpu, cuda, cuda:sm_90a (a GPU where there is one)"},
    {"save", "FILE", "write the state here after every epoch, and when interrupted"},
    {"resume", "FILE", "go on from a saved state, with the very next batch"},
    {"snapshot-every", "N",
     "steps between copies of the state that a failed step falls back to (200)", 1, INT64_MAX},
    {"eval", nullptr, "evaluate only"},
    {"json", nullptr, "one JSON object a line"},
    {"help", nullptr, "this text"},
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
    std::string *text = name == "data"     ? &o.data
                        : name == "save"   ? &o.save
                        : name == "resume" ? &o.resume
                        : name == "target" ? &o.target
                                           : nullptr;
    int64_t *number = name == "epochs"           ? &o.epochs
                      : name == "batch-limit"    ? &o.batchLimit
                      : name == "seed"           ? &o.seed
                      : name == "threads"        ? &o.threads
                      : name == "snapshot-every" ? &o.snapshotEvery
                                                 : nullptr;
    bool *flag = name == "eval"   ? &o.evaluate
                 : name == "json" ? &o.json
                 : name == "help" ? &o.help
                                  : nullptr;
    if (text && value.empty())
      return "--" + name + " needs a value: --" + name + "=" + option->value;
    if (text)
      *text = value;
    if (flag)
      *flag = true;
    if (number && !parseNumber(value, *option, *number))
      return "--" + name + " takes a whole number" + rangeText(*option) + ", not \"" + value + "\"";
    o.seedGiven |= number == &o.seed;
  }
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
