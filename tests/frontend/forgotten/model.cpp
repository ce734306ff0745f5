// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fluxion/fluxion.h"

using namespace fluxion;

struct Small {
  Dense hidden = dense(4, 3, relu);
  Dense output = dense(3, 2);
#ifdef FORGOTTEN
  FX_LAYER(Small, hidden)
#else
  FX_LAYER(Small, hidden, output)
#endif
  Tensor operator()(Tensor x) const { return output(hidden(x)); }
};

Layer make() { return Small{}; }
