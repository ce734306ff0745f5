// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A cuBLASLt on the tests' own device: refuses what the real one would, and computes products in
// double when the stream comes to them.
#include "tests/gpu/FakeLibrary.h"

using namespace fluxion::fake;

namespace {

enum Status { InvalidValue = 7 };          // cublasStatus_t
enum Type { F32 = 0, F16 = 2, Bf16 = 14 }; // cudaDataType

struct Handle : Object {};
struct Desc : Object {
  int sums = 0, scale = 0, transposes[2] = {0, 0};
};
struct Layout : Object {
  int type = 0, count = 1;
  uint64_t rows = 0, columns = 0;
  int64_t pitch = 0, stride = 0;
};
struct Preference : Object {
  size_t workspace = 0;
  uint32_t reductions = 7, alignments[4] = {256, 256, 256, 256};
};
Element elementOf(int type) {
  return type == Bf16 ? Element::bf16 : type == F16 ? Element::f16 : Element::f32;
}

CUresult createDesc(void **out, int sums, int scale) {
  if ((sums != 68 && sums != 77) || scale != F32) // f32, or factors rounded to tf32
    return refuse(InvalidValue);
  auto *made = new Desc;
  made->sums = sums, made->scale = scale;
  return give(out, made);
}
CUresult setDesc(void *object, int attribute, const void *value, size_t bytes) {
  Desc *desc = get<Desc>(object);
  if (!desc || (attribute != 3 && attribute != 4) || bytes != 4)
    return refuse(InvalidValue);
  std::memcpy(&desc->transposes[attribute - 3], value, bytes);
  return CUDA_SUCCESS;
}

CUresult createLayout(void **out, int type, uint64_t rows, uint64_t columns, int64_t pitch) {
  if ((type != F32 && type != F16 && type != Bf16) || pitch < int64_t(rows) || !rows || !columns)
    return refuse(InvalidValue);
  auto *made = new Layout;
  made->type = type, made->rows = rows, made->columns = columns, made->pitch = pitch;
  return give(out, made);
}
CUresult setLayout(void *object, int attribute, const void *value, size_t bytes) {
  Layout *layout = get<Layout>(object);
  if (layout && attribute == 5 && bytes == 4)
    std::memcpy(&layout->count, value, bytes);
  else if (layout && attribute == 6 && bytes == 8)
    std::memcpy(&layout->stride, value, bytes);
  else
    return refuse(InvalidValue);
  return CUDA_SUCCESS;
}

CUresult setPreference(void *object, int attribute, const void *value, size_t bytes) {
  Preference *preference = get<Preference>(object);
  if (preference && attribute == 1 && bytes == sizeof(size_t))
    std::memcpy(&preference->workspace, value, bytes);
  else if (preference && attribute == 3 && bytes == 4)
    std::memcpy(&preference->reductions, value, bytes);
  else if (preference && attribute >= 5 && attribute <= 8 && bytes == 4)
    std::memcpy(&preference->alignments[attribute - 5], value, bytes);
  else
    return refuse(InvalidValue);
  return CUDA_SUCCESS;
}

// Column by column: D[m, n] is op(A)[m, k] times op(B)[k, n].
bool fits(const Desc &desc, const Layout &a, const Layout &b, const Layout &d) {
  uint64_t m = desc.transposes[0] ? a.columns : a.rows, k = desc.transposes[0] ? a.rows : a.columns,
           depth = desc.transposes[1] ? b.columns : b.rows,
           n = desc.transposes[1] ? b.rows : b.columns;
  bool narrow = a.type != F32;
  return a.type == b.type && (d.type == F32 || (narrow && d.type == a.type)) && k == depth &&
         d.rows == m && d.columns == n && a.count == d.count && b.count == d.count &&
         (narrow ? desc.sums == 68 : true);
}
constexpr uint64_t chosen = 0x63686f73656e; // an algorithm that the heuristic gave

CUresult choose(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference,
                int wanted, void *results, int *found) {
  Preference *asked = get<Preference>(preference);
  if (!get<Handle>(handle) || !get<Desc>(desc) || !get<Layout>(a) || !get<Layout>(b) || c != d ||
      !get<Layout>(d) || !asked || wanted < 1)
    return refuse(InvalidValue);
  // In one order, and for places as the compiler aligns them.
  bool ordered = (asked->reductions & 1) == 0 && asked->workspace > 0 &&
                 *std::max_element(asked->alignments, asked->alignments + 4) <= 64;
  *found = ordered && fits(*get<Desc>(desc), *get<Layout>(a), *get<Layout>(b), *get<Layout>(d));
  std::memcpy(results, &chosen, sizeof chosen);
  return CUDA_SUCCESS;
}

void multiply(const Desc &desc, const Layout &a, const Layout &b, const Layout &d, uint64_t left,
              uint64_t right, uint64_t result) {
  int64_t depth = int64_t(desc.transposes[0] ? a.rows : a.columns);
  auto at = [](const Layout &of, int64_t row, int64_t column, int batch) {
    return batch * of.stride + column * of.pitch + row;
  };
  for (int batch = 0; batch < d.count; ++batch)
    for (int64_t n = 0; n < int64_t(d.columns); ++n)
      for (int64_t m = 0; m < int64_t(d.rows); ++m) {
        double sum = 0;
        for (int64_t k = 0; k < depth; ++k)
          sum += number(elementOf(a.type), left,
                        desc.transposes[0] ? at(a, k, m, batch) : at(a, m, k, batch)) *
                 number(elementOf(b.type), right,
                        desc.transposes[1] ? at(b, n, k, batch) : at(b, k, n, batch));
        store(elementOf(d.type), result, at(d, m, n, batch), sum);
      }
}

CUresult matmul(void *handle, void *desc, const void *alpha, const void *a, void *aLayout,
                const void *b, void *bLayout, const void *beta, const void *c, void *cLayout,
                void *d, void *dLayout, const void *algorithm, void *workspace, size_t bytes,
                CUstream stream) {
  const Desc *known = get<Desc>(desc);
  const Layout *first = get<Layout>(aLayout), *second = get<Layout>(bLayout),
               *result = get<Layout>(dLayout);
  if (!get<Handle>(handle) || !known || !first || !second || !result || cLayout != dLayout ||
      c != d)
    return refuse(InvalidValue);
  bool plain = *static_cast<const float *>(alpha) == 1 && *static_cast<const float *>(beta) == 0 &&
               !std::memcmp(algorithm, &chosen, sizeof chosen);
  if (!plain || !fits(*known, *first, *second, *result) ||
      !inside(state.allocations, reinterpret_cast<uint64_t>(workspace), bytes))
    return refuse(InvalidValue);
  ++state.counts.libraryCalls;
  enqueue(stream, [=, desc = *known, a1 = *first, b1 = *second, d1 = *result] {
    multiply(desc, a1, b1, d1, reinterpret_cast<uint64_t>(a), reinterpret_cast<uint64_t>(b),
             reinterpret_cast<uint64_t>(d));
  });
  return CUDA_SUCCESS;
}

} // namespace

#define EXPORT extern "C" __attribute__((visibility("default"))) CUresult

EXPORT cublasLtCreate(void **out) { return Entry<"cublasLtCreate", create<Handle>>::call(out); }
EXPORT cublasLtDestroy(void *handle) { return Return<destroy<Handle, InvalidValue>>::call(handle); }
EXPORT cublasLtMatmulDescCreate(void **out, int sums, int scale) {
  return Entry<"cublasLtMatmulDescCreate", createDesc>::call(out, sums, scale);
}
EXPORT cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *value, size_t bytes) {
  return Entry<"cublasLtMatmulDescSetAttribute", setDesc>::call(desc, attribute, value, bytes);
}
EXPORT cublasLtMatmulDescDestroy(void *desc) {
  return Return<destroy<Desc, InvalidValue>>::call(desc);
}
EXPORT cublasLtMatrixLayoutCreate(void **out, int type, uint64_t rows, uint64_t columns,
                                  int64_t pitch) {
  return Entry<"cublasLtMatrixLayoutCreate", createLayout>::call(out, type, rows, columns, pitch);
}
EXPORT cublasLtMatrixLayoutSetAttribute(void *layout, int attribute, const void *value,
                                        size_t bytes) {
  return Entry<"cublasLtMatrixLayoutSetAttribute", setLayout>::call(layout, attribute, value,
                                                                    bytes);
}
EXPORT cublasLtMatrixLayoutDestroy(void *layout) {
  return Return<destroy<Layout, InvalidValue>>::call(layout);
}
EXPORT cublasLtMatmulPreferenceCreate(void **out) {
  return Entry<"cublasLtMatmulPreferenceCreate", create<Preference>>::call(out);
}
EXPORT cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value,
                                            size_t bytes) {
  return Entry<"cublasLtMatmulPreferenceSetAttribute", setPreference>::call(preference, attribute,
                                                                            value, bytes);
}
EXPORT cublasLtMatmulPreferenceDestroy(void *preference) {
  return Return<destroy<Preference, InvalidValue>>::call(preference);
}
EXPORT cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d,
                                      void *preference, int wanted, void *results, int *found) {
  return Entry<"cublasLtMatmulAlgoGetHeuristic", choose>::call(handle, desc, a, b, c, d, preference,
                                                               wanted, results, found);
}
EXPORT cublasLtMatmul(void *handle, void *desc, const void *alpha, const void *a, void *aLayout,
                      const void *b, void *bLayout, const void *beta, const void *c, void *cLayout,
                      void *d, void *dLayout, const void *algorithm, void *workspace, size_t bytes,
                      CUstream stream) {
  return Entry<"cublasLtMatmul", matmul>::call(handle, desc, alpha, a, aLayout, b, bLayout, beta, c,
                                               cLayout, d, dLayout, algorithm, workspace, bytes,
                                               stream);
}
