// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pages of frontend/diagnostics/codes, built in.
#pragma once

#include <vector>

namespace fluxion::diagnostics {

struct Page {
  const char *code, *text;
};
const std::vector<Page> &pages();

} // namespace fluxion::diagnostics
