// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "fluxion/fluxion.h"

#include <CLI/App.hpp>

#include <string>

namespace fluxion::driver {

// Each adds its subcommand; its callback sets the exit status.
void addList(CLI::App &app, int &code);
void addShow(CLI::App &app, int &code);
void addTrain(CLI::App &app, int &code);
void addBuild(CLI::App &app, int &code);
void addBench(CLI::App &app, int &code);
void addTune(CLI::App &app, int &code);
void addRun(CLI::App &app, int &code);
void addExplain(CLI::App &app, int &code);
void addDemo(CLI::App &app, int &code);

// What every command that compiles understands.
struct CompileFlags {
  std::string target = "cpu", precision = "f32", schedule, tuning, dump, reproducer;
  std::vector<std::string> skip;
  int threads = 0;
  bool noCache = false, timing = false;
  int64_t batch = 0;

  void add(CLI::App &command);
  CompileOptions options() const;
};

// Unknown names offer the nearest known one.
const Model &findModel(const std::string &name);
Program makeModel(const std::string &name, int64_t batch);
// The folder or file with data of a kind: as given, else $FLUXION_DATA_DIR, else what Fluxion
// brings (digits).
std::string dataPath(const std::string &kind, const std::string &given);
// An option that ends in "=" would take the word behind it; empty if there is none.
std::string missingValue(int argc, char **argv);
// What the command line got wrong, in our words, with the nearest option or command.
std::string parseProblem(CLI::App &app, int argc, char **argv, const CLI::ParseError &error);
// Throws where a value is none of those an option takes.
void checkChoice(const std::string &option, const std::string &value,
                 const std::vector<std::string> &choices);
void printTiming(const CompileInfo &info); // to stderr, results go to stdout
// The "compile" event of --json.
std::string compileEvent(const CompileInfo &info);

} // namespace fluxion::driver
