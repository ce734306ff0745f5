// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/common/Libraries.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/dsl/Trace.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace fluxion::driver {

void CompileFlags::add(CLI::App &command) {
  command
      .add_option("--target", target, "cpu (this machine) or cpu:NAME, for example cpu:x86-64-v3")
      ->capture_default_str();
  command.add_option("--batch", batch, "examples a step; the model's own by default");
  command.add_option("--threads", threads,
                     "worker threads; all by default, results do not depend on it");
  command.add_option("--schedule", schedule, "key=value,... over every kernel's schedule");
  command.add_option("--tuning", tuning, "database of measured schedules, from fluxion tune");
  command.add_option("--skip", skip, "passes to leave out")->delimiter(',');
  command.add_option("--dump", dump, "folder for the program after every pass");
  command.add_flag("--no-cache", noCache, "compile even what was compiled before");
  command.add_flag("--timing", timing, "seconds in every stage");
}

CompileOptions CompileFlags::options() const {
  return {.target = target,
          .threads = threads,
          .cache = !noCache,
          .skip = skip,
          .schedule = schedule,
          .dump = dump,
          .tuning = tuning};
}

const Model &findModel(const std::string &name) {
  std::vector<std::string> names;
  for (const Model &model : models()) {
    if (name == model.name)
      return model;
    names.push_back(model.name);
    std::string path = model.name;
    if (path.substr(path.rfind('/') + 1) == name)
      return model;
  }
  std::string close = dsl::nearest(name, names);
  throw std::runtime_error(
      "unknown model \"" + name + "\"" +
      (close.empty() ? "; fluxion list names them all" : "; did you mean " + close + "?"));
}

Program makeModel(const std::string &name, int64_t batch) {
  if (batch < 0)
    throw std::runtime_error("--batch takes a positive number, not " + std::to_string(batch));
  return findModel(name).make({.batch = batch});
}

std::string dataPath(const std::string &kind, const std::string &given) {
  if (!given.empty())
    return given;
  if (kind == "digits")
    for (std::string folder : {codegen::libraryDirectory() + "/../share/fluxion",
                               codegen::libraryDirectory() + "/../../zoo/data"})
      if (std::filesystem::exists(folder + "/digits.csv.gz"))
        return folder + "/digits.csv.gz";
  if (const char *folder = std::getenv("FLUXION_DATA_DIR"))
    return folder;
  throw std::runtime_error("no data; give --data=PATH, the folder with " + kind +
                           ", or set FLUXION_DATA_DIR");
}

std::string withNearest(CLI::App &app, int argc, char **argv, const std::string &message) {
  std::vector<std::string> words;
  const CLI::App *scope = &app;
  for (const CLI::App *command : app.get_subcommands({}))
    if (argc > 1 && command->get_name() == argv[1])
      scope = command;
  if (scope == &app)
    for (const CLI::App *command : app.get_subcommands({}))
      words.push_back(command->get_name());
  for (const CLI::Option *option : scope->get_options())
    words.push_back(option->get_name());
  std::string unknown = scope == &app && argc > 1 ? argv[1] : "";
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word.rfind("--", 0) == 0 && message.find(word) != std::string::npos)
      unknown = word.substr(0, word.find('='));
  }
  std::string close = unknown.empty() ? "" : dsl::nearest(unknown, words);
  return message + (close.empty() || close == unknown ? "" : "; did you mean " + close + "?");
}

void printTiming(const CompileInfo &info) {
  double total = 0;
  for (auto &[stage, seconds] : info.seconds) {
    std::printf("  %-16s %8.1f ms\n", stage.c_str(), 1e3 * seconds);
    total += seconds;
  }
  std::printf("  %-16s %8.1f ms%s\n", "in all", 1e3 * total,
              info.from_cache ? " (objects from the cache)" : "");
}

std::string compileEvent(const CompileInfo &info) {
  nlohmann::json stages = nlohmann::json::object();
  for (auto &[stage, seconds] : info.seconds)
    stages[stage] = seconds;
  return nlohmann::json{{"event", "compile"},
                        {"seconds", stages},
                        {"kernels", info.kernels},
                        {"arena_bytes", info.arena_bytes},
                        {"from_cache", info.from_cache}}
      .dump();
}

} // namespace fluxion::driver
