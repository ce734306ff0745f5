// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cuda/Products.h"

#include <cstdlib>
#include <dlfcn.h>

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

// A descriptor and the function that gives it back.
struct Descriptor {
  Handle handle = nullptr;
  int (*release)(Handle) = nullptr;
  ~Descriptor() {
    if (handle)
      release(handle);
  }
};

} // namespace

struct Products::Library {
#define FLUXION_CUBLASLT_MEMBER(name, ...) int (*name)(__VA_ARGS__) = nullptr;
  FLUXION_CUBLASLT_FUNCTIONS(FLUXION_CUBLASLT_MEMBER)
#undef FLUXION_CUBLASLT_MEMBER
  Handle handle = nullptr;
};

Status Products::open(std::shared_ptr<const Products> &out) {
  const char *given = std::getenv("FLUXION_CUBLASLT");
  void *opened = nullptr;
  std::string path = given && *given ? given : "libcublasLt.so.13 or .12";
  if (given && *given)
    opened = dlopen(given, RTLD_NOW | RTLD_LOCAL);
  else
    for (const char *name : {"libcublasLt.so.13", "libcublasLt.so.12"})
      if (!opened)
        opened = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!opened)
    return {Status::Kind::NotFound, path + " cannot be loaded; install cuBLAS of the CUDA toolkit"};
  auto made = std::make_shared<Products>();
  made->library = std::make_unique<Library>();
  Library &library = *made->library;
  std::string missing;
#define FLUXION_CUBLASLT_LOAD(name, ...)                                                           \
  library.name = reinterpret_cast<int (*)(__VA_ARGS__)>(dlsym(opened, #name));                     \
  if (!library.name && missing.empty())                                                            \
    missing = #name;
  FLUXION_CUBLASLT_FUNCTIONS(FLUXION_CUBLASLT_LOAD)
#undef FLUXION_CUBLASLT_LOAD
  if (!missing.empty())
    return {Status::Kind::NotFound, path + " has no " + missing + "; install a newer one"};
  if (int code = library.cublasLtCreate(&library.handle))
    return {Status::Kind::DeviceFailed,
            "cublasLtCreate failed with status " + std::to_string(code)};
  out = made;
  return {};
}

Products::~Products() {
  if (library && library->handle)
    library->cublasLtDestroy(library->handle);
}

// The library's matrices lie column by column: what it computes is the transposed result, of the
// sides exchanged.
Status Products::enqueue(const fx_product &product, const ProductPlaces &places, CUstream stream,
                         const std::string &what) const {
  const Library &lt = *library;
  int failed = 0;
  std::string call;
  auto run = [&](const char *name, auto function, auto... args) {
    if (!failed && (failed = function(args...)))
      call = name;
  };
#define FLUXION_CUBLASLT_RUN(name, ...) run(#name, lt.name, __VA_ARGS__)
  Descriptor desc{nullptr, lt.cublasLtMatmulDescDestroy},
      preference{nullptr, lt.cublasLtMatmulPreferenceDestroy},
      first{nullptr, lt.cublasLtMatrixLayoutDestroy},
      second{nullptr, lt.cublasLtMatrixLayoutDestroy},
      third{nullptr, lt.cublasLtMatrixLayoutDestroy};
  int transposes[] = {int(product.right_transposed), int(product.left_transposed)};
  FLUXION_CUBLASLT_RUN(cublasLtMatmulDescCreate, &desc.handle, product.tf32 ? sumsTf32 : sumsF32,
                       realF32);
  for (int side : {0, 1})
    FLUXION_CUBLASLT_RUN(cublasLtMatmulDescSetAttribute, desc.handle,
                         side ? transposeSecond : transposeFirst, &transposes[side], sizeof(int));
  auto layOut = [&](Descriptor &made, uint32_t dtype, int64_t lines, int64_t length) {
    FLUXION_CUBLASLT_RUN(cublasLtMatrixLayoutCreate, &made.handle, typeOf(dtype), uint64_t(length),
                         uint64_t(lines), length);
    int32_t count = int32_t(product.batches);
    int64_t stride = lines * length;
    if (count > 1) {
      FLUXION_CUBLASLT_RUN(cublasLtMatrixLayoutSetAttribute, made.handle, batchCount, &count,
                           sizeof count);
      FLUXION_CUBLASLT_RUN(cublasLtMatrixLayoutSetAttribute, made.handle, batchStride, &stride,
                           sizeof stride);
    }
  };
  layOut(first, product.factors, transposes[0] ? product.n : product.k,
         transposes[0] ? product.k : product.n);
  layOut(second, product.factors, transposes[1] ? product.k : product.m,
         transposes[1] ? product.m : product.k);
  layOut(third, product.sums, product.m, product.n);
  size_t workspace = product.workspace_bytes;
  FLUXION_CUBLASLT_RUN(cublasLtMatmulPreferenceCreate, &preference.handle);
  FLUXION_CUBLASLT_RUN(cublasLtMatmulPreferenceSetAttribute, preference.handle, mostWorkspace,
                       &workspace, sizeof workspace);
  FLUXION_CUBLASLT_RUN(cublasLtMatmulPreferenceSetAttribute, preference.handle, reductionSchemes,
                       &orderedReductions, sizeof orderedReductions);
  for (int alignment : alignments)
    FLUXION_CUBLASLT_RUN(cublasLtMatmulPreferenceSetAttribute, preference.handle, alignment,
                         &ownAlignment, sizeof ownAlignment);
  Choice choice{};
  int found = 0;
  FLUXION_CUBLASLT_RUN(cublasLtMatmulAlgoGetHeuristic, lt.handle, desc.handle, first.handle,
                       second.handle, third.handle, third.handle, preference.handle, 1, &choice,
                       &found);
  if (!failed && !found)
    return {Status::Kind::DeviceFailed,
            what + ": cuBLASLt has no algorithm for it; give it " + "another backend than library"};
  const float one = 1, zero = 0;
  FLUXION_CUBLASLT_RUN(cublasLtMatmul, lt.handle, desc.handle, &one, (const void *)places.right,
                       first.handle, (const void *)places.left, second.handle, &zero,
                       (const void *)places.result, third.handle, (void *)places.result,
                       third.handle, choice.algorithm, (void *)places.workspace, workspace, stream);
#undef FLUXION_CUBLASLT_RUN
  if (failed)
    return {Status::Kind::DeviceFailed,
            what + ": " + call + " failed with status " + std::to_string(failed)};
  return {};
}

} // namespace fluxion::rt::cuda
