// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The command line. Each subcommand is a file in commands/.
#include "frontend/driver/commands/Commands.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <new>
#include <stdexcept>

int main(int argc, char **argv) {
  using namespace fluxion;
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
      "  fluxion tune  vision/lenet -o tuning.txtpb            measure schedules, for --tuning",
      "fluxion"};
  app.require_subcommand(1);
  app.footer("fluxion COMMAND --help has examples first");
  int code = 0;
  for (auto *add :
       {driver::addList, driver::addShow, driver::addTrain, driver::addBuild, driver::addRun,
        driver::addBench, driver::addTune, driver::addExplain, driver::addDemo})
    add(app, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0)
      return app.exit(error);
    std::fprintf(stderr, "error: %s\n", driver::withNearest(app, argc, argv, error.what()).c_str());
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
  return code;
}
