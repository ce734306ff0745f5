// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion run: a model or functions of the dialect on given or random inputs.
#include "frontend/driver/RunFile.h"
#include "frontend/driver/commands/Commands.h"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace fluxion::driver {
namespace {

int run(const RunRequest &request) {
  std::vector<FunctionResults> functions = runFunctions(request);
  for (const FunctionResults &function : functions) {
    std::printf("@%s\n", function.function.c_str());
    for (auto &[name, array] : function.results)
      std::printf("  %s: %s\n", name.c_str(), describe(array).c_str());
  }
  int code = writeAndCompare(request, functions);
  if (code == 0 && !request.expect.empty())
    std::printf("as expected\n");
  return code;
}

} // namespace

void addRun(CLI::App &app, int &code) {
  struct Flags {
    RunRequest request;
    CompileFlags compile;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App *command = app.add_subcommand(
      "run",
      "a model or functions of a .mlir file, once, on random inputs or those of an .npz file\n\n"
      "  fluxion run kernel.mlir                          compiled for this machine\n"
      "  fluxion run kernel.mlir --target=reference       by the definition of every op, in f64\n"
      "  fluxion run kernel.mlir --func=f --inputs=in.npz --expect=out.npz --rtol=1e-4\n"
      "  fluxion run vision/mlp --func=predict --outputs=logits.npz");
  flags->request.add(*command);
  command->add_option("--weights", flags->request.weights,
                      "a model's weights from a safetensors file, taken by name");
  flags->compile.add(*command);
  command->get_option("--target")
      ->description("reference, cpu[:NAME], cuda[:sm_NN] or cuda-emulated[:sm_NN]");
  command->callback([flags, &code] {
    flags->request.compile = flags->compile.options();
    flags->request.batch = flags->compile.batch;
    code = run(flags->request);
  });
}

} // namespace fluxion::driver
