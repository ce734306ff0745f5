// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/llvm/loops/Stored.h"

using namespace mlir;
using namespace fluxion::codegen;

void fluxion::codegen::storedBy(const Phase &phase, SmallVectorImpl<StoredValue> &earlier) {
  bool partial = phase.kind == Phase::Pack || phase.kind == Phase::PadInput ||
                 (phase.kind == Phase::Reduce && phase.reductions[0].chunks > 1);
  for (const StoredValue &stored : phase.stores)
    if (!partial && !(phase.kind == Phase::Combine && &stored == phase.stores.begin()))
      earlier.push_back(stored);
}
