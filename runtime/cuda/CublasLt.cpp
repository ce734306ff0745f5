// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cuda/Library.h"

namespace fluxion::rt::cuda {
namespace {

using Handle = void *;

// Values and layouts of cublasLt.h and library_types.h, versions 12 and 13.
constexpr int realF32 = 0, realF16 = 2, realBf16 = 14; // cudaDataType
constexpr int sumsF32 = 68, sumsTf32 = 77;             // cublasComputeType_t
constexpr int transposeFirst = 3, transposeSecond = 4; // cublasLtMatmulDescAttributes_t
constexpr int batchCount = 5, batchStride = 6;         // cublasLtMatrixLayoutAttribute_t
// cublasLtMatmulPreferenceAttributes_t; alignments of both sides, and of results twice
constexpr int mostWorkspace = 1, reductionSchemes = 3, alignments[] = {5, 6, 7, 8};
constexpr uint32_t ownAlignment = 64; // bytes, of every place
// Chunks of k added in the type of sums or of results, each in its turn; never in place.
constexpr uint32_t orderedReductions = 2 | 4;
struct Choice { // cublasLtMatmulHeuristicResult_t
  uint64_t algorithm[8];
  size_t workspace;
  int status;
  float waves;
  int reserved[4];
};

int typeOf(uint32_t dtype) {
  return dtype == FX_BF16 ? realBf16 : dtype == FX_F16 ? realF16 : realF32;
}

// X(name, parameter types)
#define FLUXION_CUBLASLT_FUNCTIONS(X)                                                              \
  X(cublasLtCreate, Handle *)                                                                      \
  X(cublasLtDestroy, Handle)                                                                       \
  X(cublasLtMatmulDescCreate, Handle *, int, int)                                                  \
  X(cublasLtMatmulDescSetAttribute, Handle, int, const void *, size_t)                             \
  X(cublasLtMatmulDescDestroy, Handle)                                                             \
  X(cublasLtMatrixLayoutCreate, Handle *, int, uint64_t, uint64_t, int64_t)                        \
  X(cublasLtMatrixLayoutSetAttribute, Handle, int, const void *, size_t)                           \
  X(cublasLtMatrixLayoutDestroy, Handle)                                                           \
  X(cublasLtMatmulPreferenceCreate, Handle *)                                                      \
  X(cublasLtMatmulPreferenceSetAttribute, Handle, int, const void *, size_t)                       \
  X(cublasLtMatmulPreferenceDestroy, Handle)                                                       \
  X(cublasLtMatmulAlgoGetHeuristic, Handle, Handle, Handle, Handle, Handle, Handle, Handle, int,   \
    Choice *, int *)                                                                               \
  X(cublasLtMatmul, Handle, Handle, const void *, const void *, Handle, const void *, Handle,      \
    const void *, const void *, Handle, void *, Handle, const void *, void *, size_t, CUstream)

class CublasLt final : public Library {
public:
  ~CublasLt() override {
    if (handle)
      cublasLtDestroy(handle);
  }
  Status open();
  Status enqueue(const fx_library_call &call, const CallPlaces &places, CUstream stream,
                 const std::string &what) const override;

private:
#define FLUXION_CUBLASLT_MEMBER(name, ...) int (*name)(__VA_ARGS__) = nullptr;
  FLUXION_CUBLASLT_FUNCTIONS(FLUXION_CUBLASLT_MEMBER)
#undef FLUXION_CUBLASLT_MEMBER
  Handle handle = nullptr;

  void layOut(Calls &calls, Descriptor &made, uint32_t dtype, int64_t lines, int64_t length,
              int64_t batches) const;
  void prefer(Calls &calls, Descriptor &preference, size_t workspace) const;
};

Status CublasLt::open() {
  SharedObject library;
  if (Status status = library.open("FLUXION_CUBLASLT", {"libcublasLt.so.13", "libcublasLt.so.12"},
                                   "cuBLAS of the CUDA toolkit");
      !status)
    return status;
#define FLUXION_CUBLASLT_FIND(name, ...) library.find(#name, name);
  FLUXION_CUBLASLT_FUNCTIONS(FLUXION_CUBLASLT_FIND)
#undef FLUXION_CUBLASLT_FIND
  if (Status status = library.complete(); !status)
    return status;
  Calls calls;
  calls.run("cublasLtCreate", cublasLtCreate, &handle);
  return calls.status("");
}

#define FLUXION_CUBLASLT_RUN(name, ...) calls.run(#name, name, __VA_ARGS__)

// Column by column: as many columns as there are lines.
void CublasLt::layOut(Calls &calls, Descriptor &made, uint32_t dtype, int64_t lines, int64_t length,
                      int64_t batches) const {
  FLUXION_CUBLASLT_RUN(cublasLtMatrixLayoutCreate, &made.handle, typeOf(dtype), uint64_t(length),
                       uint64_t(lines), length);
  int32_t count = int32_t(batches);
  int64_t stride = lines * length;
  if (count == 1)
    return;
  FLUXION_CUBLASLT_RUN(cublasLtMatrixLayoutSetAttribute, made.handle, batchCount, &count,
                       sizeof count);
  FLUXION_CUBLASLT_RUN(cublasLtMatrixLayoutSetAttribute, made.handle, batchStride, &stride,
                       sizeof stride);
}

void CublasLt::prefer(Calls &calls, Descriptor &preference, size_t workspace) const {
  FLUXION_CUBLASLT_RUN(cublasLtMatmulPreferenceCreate, &preference.handle);
  FLUXION_CUBLASLT_RUN(cublasLtMatmulPreferenceSetAttribute, preference.handle, mostWorkspace,
                       &workspace, sizeof workspace);
  FLUXION_CUBLASLT_RUN(cublasLtMatmulPreferenceSetAttribute, preference.handle, reductionSchemes,
                       &orderedReductions, sizeof orderedReductions);
  for (int alignment : alignments)
    FLUXION_CUBLASLT_RUN(cublasLtMatmulPreferenceSetAttribute, preference.handle, alignment,
                         &ownAlignment, sizeof ownAlignment);
}

// The library's matrices lie column by column: what it computes is the transposed result, of the
// sides exchanged.
Status CublasLt::enqueue(const fx_library_call &call, const CallPlaces &places, CUstream stream,
                         const std::string &what) const {
  const fx_product &product = *call.product;
  Calls calls;
  Descriptor desc{nullptr, cublasLtMatmulDescDestroy},
      preference{nullptr, cublasLtMatmulPreferenceDestroy},
      first{nullptr, cublasLtMatrixLayoutDestroy}, second{nullptr, cublasLtMatrixLayoutDestroy},
      third{nullptr, cublasLtMatrixLayoutDestroy};
  int transposes[] = {int(product.right_transposed), int(product.left_transposed)};
  FLUXION_CUBLASLT_RUN(cublasLtMatmulDescCreate, &desc.handle, call.tf32 ? sumsTf32 : sumsF32,
                       realF32);
  for (int side : {0, 1})
    FLUXION_CUBLASLT_RUN(cublasLtMatmulDescSetAttribute, desc.handle,
                         side ? transposeSecond : transposeFirst, &transposes[side], sizeof(int));
  auto layOut = [&](Descriptor &made, uint32_t dtype, int64_t lines, int64_t length) {
    this->layOut(calls, made, dtype, lines, length, product.batches);
  };
  layOut(first, call.factors, transposes[0] ? product.n : product.k,
         transposes[0] ? product.k : product.n);
  layOut(second, call.factors, transposes[1] ? product.k : product.m,
         transposes[1] ? product.m : product.k);
  layOut(third, call.sums, product.m, product.n);
  prefer(calls, preference, call.workspace_bytes);
  Choice choice{};
  int found = 0;
  FLUXION_CUBLASLT_RUN(cublasLtMatmulAlgoGetHeuristic, handle, desc.handle, first.handle,
                       second.handle, third.handle, third.handle, preference.handle, 1, &choice,
                       &found);
  if (calls.code == 0 && !found)
    return {Status::Kind::DeviceFailed,
            what + ": cuBLASLt has no algorithm for it; give it another backend than library"};
  const float one = 1, zero = 0;
  FLUXION_CUBLASLT_RUN(cublasLtMatmul, handle, desc.handle, &one, (const void *)places.right,
                       first.handle, (const void *)places.left, second.handle, &zero,
                       (const void *)places.result, third.handle, (void *)places.result,
                       third.handle, choice.algorithm, (void *)places.workspace,
                       size_t(call.workspace_bytes), stream);
  return calls.status(what);
}
#undef FLUXION_CUBLASLT_RUN

} // namespace

Status openCublasLt(std::unique_ptr<const Library> &out) { return openAs<CublasLt>(out); }

} // namespace fluxion::rt::cuda
