// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/common/Libraries.h"
#include "frontend/driver/Compile.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/dsl/Trace.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace fluxion::driver {

void CompileFlags::add(CLI::App &command) {
  command
      .add_option("--target", target,
                  "cpu (this machine), cpu:NAME (cpu:x86-64-v3), cuda[:sm_NN] (cuda:sm_90a), "
                  "cuda-emulated[:sm_NN], or several, picked where the program starts: "
                  "cpu,cuda:sm_80,cuda:sm_90a")
      ->capture_default_str();
  command.add_option("--batch", batch, "examples a step; the model's own by default");
  command.add_option("--threads", threads,
                     "worker threads, 0 for all; results do not depend on it");
  command
      .add_option("--precision", precision,
                  "factors of f32 products: f32, tf32 (tensor cores of a GPU) or bf16; sums and "
                  "state stay f32")
      ->capture_default_str();
  command.add_option("--schedule", schedule, "key=value,... over every kernel's schedule");
  command.add_option("--tuning", tuning, "database of measured schedules, from fluxion tune");
  command.add_option("--skip", skip, "passes to leave out")->delimiter(',');
  command.add_option("--dump", dump, "folder for the program after every pass");
  command.add_option(
      "--reproducer", reproducer,
      "file an internal error leaves the program in; else a new one in the temporary folder");
  command.add_flag("--no-cache", noCache, "compile even what was compiled before");
  command.add_flag("--timing", timing, "seconds in every stage");
}

CompileOptions CompileFlags::options() const {
  return {.target = target,
          .precision = precision,
          .threads = threads,
          .cache = !noCache,
          .skip = skip,
          .schedule = schedule,
          .dump = dump,
          .tuning = tuning,
          .reproducer = reproducer.empty() ? newReproducer() : reproducer};
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
  throw std::runtime_error(dsl::unknownName("model", name, names));
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

std::string missingValue(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef word = argv[i];
    if (word.starts_with("--") && word.find('=') == word.size() - 1)
      return word.drop_back().str() + " needs a value: " + word.str() + "...";
  }
  return "";
}

std::string parseProblem(CLI::App &app, int argc, char **argv, const CLI::ParseError &error) {
  std::vector<std::string> commands, options;
  const CLI::App *command = nullptr;
  for (const CLI::App *candidate : app.get_subcommands({})) {
    commands.push_back(candidate->get_name());
    if (argc > 1 && candidate->get_name() == argv[1])
      command = candidate;
  }
  for (const CLI::Option *option : (command ? command : &app)->get_options())
    if (option->nonpositional())
      options.push_back(option->get_name());
  auto unknownOption = [&](const std::string &word) {
    return dsl::unknownName("option", word.substr(0, word.find('=')), options);
  };
  if (!command && argc < 2)
    return "no command; fluxion --help lists them";
  if (!command)
    return argv[1][0] == '-' ? unknownOption(argv[1])
                             : dsl::unknownName("command", argv[1], commands);

  std::string message = error.what(), page = "; fluxion " + command->get_name() + " --help";
  if (dynamic_cast<const CLI::ExtrasError *>(&error)) {
    size_t start = message.find(": ") + 2;
    std::string word = message.substr(start, message.find(' ', start) - start);
    return word[0] == '-' ? unknownOption(word) : "unexpected argument \"" + word + "\"" + page;
  }
  if (dynamic_cast<const CLI::ConversionError *>(&error)) // Could not convert: --batch = x
    if (size_t start = message.find(": "), equals = message.find(" = "); equals < message.size())
      return message.substr(start + 2, equals - start - 2) + " takes a number, not \"" +
             message.substr(equals + 3) + "\"";
  return message + page;
}

void checkChoice(const std::string &option, const std::string &value,
                 const std::vector<std::string> &choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end())
    throw std::runtime_error(dsl::unknownName(option, value, choices));
}

void printTiming(const CompileInfo &info) {
  double total = 0;
  for (auto &[stage, seconds] : info.seconds) {
    std::fprintf(stderr, "  %-16s %8.1f ms\n", stage.c_str(), 1e3 * seconds);
    total += seconds;
  }
  std::fprintf(stderr, "  %-16s %8.1f ms%s\n", "in all", 1e3 * total,
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
