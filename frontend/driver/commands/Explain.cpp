// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fluxion explain CODE: the page of an error code.
#include "frontend/diagnostics/Pages.h"
#include "frontend/driver/commands/Commands.h"
#include "frontend/dsl/Trace.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <stdexcept>

namespace fluxion::driver {

void addExplain(CLI::App &app, int &) {
  auto name = std::make_shared<std::string>();
  CLI::App *command =
      app.add_subcommand("explain", "what an error code means and how to mend it\n\n  fluxion "
                                    "explain shape-mismatch\n  fluxion explain          all codes");
  command->add_option("code", *name, "the name in brackets at the end of an error");
  command->callback([name] {
    std::vector<std::string> codes;
    for (const diagnostics::Page &page : diagnostics::pages()) {
      codes.push_back(page.code);
      if (*name == page.code) {
        std::printf("%s", page.text);
        return;
      }
    }
    if (name->empty()) {
      for (const std::string &code : codes)
        std::printf("%s\n", code.c_str());
      return;
    }
    throw std::runtime_error(dsl::unknownName("error code", *name, codes));
  });
}

} // namespace fluxion::driver
