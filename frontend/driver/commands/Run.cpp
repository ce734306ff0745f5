// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion run FILE: functions of the dialect on given or random inputs.
#include "frontend/driver/RunFile.h"
#include "frontend/driver/commands/Commands.h"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace fluxion::driver {
namespace {

int run(const RunRequest &request) {
  std::vector<FunctionResults> functions = runFile(request);
  for (const FunctionResults &function : functions) {
    std::printf("@%s\n", function.function.c_str());
    for (auto &[name, array] : function.results)
      std::printf("  %s: %s\n", name.c_str(), describe(array).c_str());
  }
  if (!request.outputs.empty())
    writeNpz(request.outputs, functions.front().results);
  if (request.expect.empty())
    return 0;
  std::string difference = firstDifference(readNpz(request.expect), functions.front().results,
                                           request.rtol, request.atol);
  if (difference.empty())
    std::printf("as expected\n");
  else
    std::fprintf(stderr, "error: %s\n", difference.c_str());
  return difference.empty() ? 0 : 1;
}

} // namespace

void addRun(CLI::App &app, int &code) {
  struct Flags {
    RunRequest request;
    CompileFlags compile;
  };
  auto flags = std::make_shared<Flags>();
  RunRequest &request = flags->request;
  CLI::App *command = app.add_subcommand(
      "run", "functions of the fluxion dialect, once, on random inputs or those of an .npz file\n\n"
             "  fluxion run kernel.mlir                                            compiled for "
             "this machine\n"
             "  fluxion run kernel.mlir --target=reference                         by the "
             "definition of every op, in f64\n"
             "  fluxion run kernel.mlir --func=f --inputs=in.npz --expect=out.npz --rtol=1e-4");
  command->add_option("file", request.file, "a module as text or bytecode")->required();
  command->add_option("--func", request.function, "one function; all by default");
  command->add_option(
      "--inputs", request.inputs,
      ".npz with a tensor for every argument, under its fluxion.name or arg0, arg1, ...");
  command->add_option("--outputs", request.outputs,
                      "write results here, under their fluxion.name or result0, result1, ...");
  command->add_option("--expect", request.expect,
                      ".npz to compare results with; exit status 1 where they differ");
  command->add_option("--rtol", request.rtol, "of |found - expected| <= atol + rtol * |expected|")
      ->capture_default_str();
  command->add_option("--atol", request.atol, "see --rtol")->capture_default_str();
  command->add_option("--seed", request.seed, "of random inputs and of the state")
      ->capture_default_str();
  flags->compile.add(*command);
  command->remove_option(command->get_option("--batch"));
  command->get_option("--target")
      ->description("reference, cpu[:NAME], cuda[:sm_NN] or cuda-emulated[:sm_NN]");
  command->callback([flags, &code] {
    flags->request.compile = flags->compile.options();
    code = run(flags->request);
  });
}

} // namespace fluxion::driver
