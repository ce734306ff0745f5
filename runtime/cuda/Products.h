// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products by cuBLASLt, found at run time as the driver is: it is never linked and never needed.
#pragma once

#include "fluxion/runtime.h"
#include "runtime/cuda/MiniCuda.h"

#include <memory>

namespace fluxion::rt::cuda {

struct ProductPlaces {
  CUdeviceptr left, right, result, workspace;
};

class Products {
public:
  // Loads $FLUXION_CUBLASLT, else libcublasLt.so.13 or .12; one sentence where there is none.
  static Status open(std::shared_ptr<const Products> &out);
  ~Products();
  // Gives the product to the stream; the library's own first choice among its algorithms whose sums
  // have one order. `what` names it in messages.
  Status enqueue(const fx_product &product, const ProductPlaces &places, CUstream stream,
                 const std::string &what) const;

private:
  struct Library;
  std::unique_ptr<Library> library;
};

} // namespace fluxion::rt::cuda
