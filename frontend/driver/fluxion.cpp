// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The command line. Each subcommand is a file in commands/.
#include "frontend/driver/commands/Commands.h"

#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/raw_ostream.h"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <new>
#include <stdexcept>

namespace {

// Examples stand in a command's own help; the list of commands has a line for each.
struct Help : CLI::Formatter {
  std::string make_usage(const CLI::App *app, std::string name) const override {
    return "\n" + Formatter::make_usage(app, name);
  }
  std::string make_subcommand(const CLI::App *command) const override {
    std::string line = command->get_description();
    line = "  " + command->get_name() + std::string(12 - command->get_name().size(), ' ') +
           line.substr(0, line.find('\n'));
    return line + "\n";
  }
};

// Results that nobody can read are a failure: the disk behind a redirection may be full.
bool flushOutput() {
  llvm::outs().flush();
  std::error_code error = llvm::outs().error();
  llvm::outs().clear_error();
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    error = error ? error : std::error_code(errno, std::generic_category());
  if (error)
    std::fprintf(stderr, "error: cannot write the output: %s\n", error.message().c_str());
  return !error;
}

} // namespace

int main(int argc, char **argv) {
  using namespace fluxion;
  llvm::CrashRecoveryContext::Enable(); // a crash of a pass or a backend is reported as such
  CLI::App app{
      "fluxion: compile differentiable dataflow programs\n\n"
      "  fluxion list                                          models that come with it\n"
      "  fluxion show  vision/lenet --after=fuse               the program as IR after a stage\n"
      "  fluxion train vision/lenet --data=$FLUXION_DATA_DIR   compile one training step and run "
      "it\n"
      "  fluxion build vision/lenet -o lenet --emit=exe        a standalone trainer, runtime "
      "included\n"
      "  fluxion run   kernel.mlir                             functions of the fluxion dialect, "
      "on random inputs\n"
      "  fluxion bench vision/lenet --kernels                  time a step and its kernels\n"
      "  fluxion tune  vision/lenet -o tuning.txtpb            measure schedules, for --tuning\n"
      "  fluxion explain shape-mismatch                        what an error code means",
      "fluxion"};
  app.require_subcommand(1);
  app.footer("fluxion COMMAND --help has examples first");
  app.set_version_flag("--version", "fluxion " FLUXION_VERSION, "print the version and exit");
  app.formatter(std::make_shared<Help>());
  if (std::string problem = driver::missingValue(argc, argv); !problem.empty()) {
    std::fprintf(stderr, "error: %s\n", problem.c_str());
    return 1;
  }
  int code = 0;
  for (auto *add :
       {driver::addList, driver::addShow, driver::addTrain, driver::addBuild, driver::addRun,
        driver::addBench, driver::addTune, driver::addExplain, driver::addDemo})
    add(app, code);
  for (CLI::App *command : app.get_subcommands({}))
    command->footer("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0)
      return app.exit(error);
    std::fprintf(stderr, "error: %s\n", driver::parseProblem(app, argc, argv, error).c_str());
    return 1;
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  } catch (const std::bad_alloc &) {
    std::fprintf(stderr, "error: not enough memory for the program's inputs and results\n");
    return 1;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return std::string(error.what()).find("internal error") == std::string::npos ? 1 : 70;
  }
  return flushOutput() ? code : 1;
}
