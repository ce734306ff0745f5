// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Passes.h"
#include "passes/Program.h"
#include "passes/fusion/OpClass.h"
#include "passes/memory/Values.h"

#include "ir/ops/Control.h"
#include "ir/ops/Shape.h"

#include "llvm/ADT/BitVector.h"

using namespace mlir;

namespace fluxion::passes {
#define GEN_PASS_DEF_ORDERPASS
#include "passes/Passes.h.inc"

namespace {

// The dependences of one entry point and the memory its values take.
class Orderer {
public:
  explicit Orderer(func::FuncOp entry);
  // Applies the candidate order with the least peak; the first wins a tie.
  void run();

private:
  func::FuncOp entry;
  std::vector<Operation *> ops; // all but the terminator
  DenseMap<Operation *, int> index;
  std::vector<std::vector<int>> before, after; // dependences
  std::vector<llvm::BitVector> ancestors;
  std::vector<std::vector<int>> reads; // buffers each op reads, by number
  std::vector<std::vector<int>> makes; // buffers it makes
  std::vector<int64_t> bytes;          // of buffers; 0 where they lie in state or outputs
  std::vector<int> readers;            // how many ops read a buffer; more where it lives to the end

  void addEdge(int from, int to);
  void protectState();
  void findBuffers();
  std::vector<int> listSchedule(bool eagerSinks) const;
  int64_t peakOf(const std::vector<int> &order) const;
};

Orderer::Orderer(func::FuncOp entry) : entry(entry) {
  for (Operation &op : entry.front().without_terminator()) {
    index[&op] = (int)ops.size();
    ops.push_back(&op);
  }
  before.resize(ops.size()), after.resize(ops.size());
  ancestors.assign(ops.size(), llvm::BitVector(ops.size()));
  for (size_t i = 0; i < ops.size(); ++i)
    for (Value operand : ops[i]->getOperands())
      if (Operation *def = operand.getDefiningOp())
        addEdge(index[def], (int)i);
  protectState();
  findBuffers();
}

void Orderer::addEdge(int from, int to) {
  if (from == to || llvm::is_contained(before[to], from))
    return;
  before[to].push_back(from);
  after[from].push_back(to);
  llvm::BitVector reach = ancestors[from];
  reach.set(from);
  SmallVector<int> stack{to};
  while (!stack.empty()) {
    int node = stack.pop_back_val();
    llvm::BitVector old = ancestors[node];
    ancestors[node] |= reach;
    if (ancestors[node] != old)
      llvm::append_range(stack, after[node]);
  }
}

// Readers of an item come before the kernel that makes its new value, and so do assertions: then
// the new value can be built in place. Where the data flow says otherwise, it cannot, and nothing
// is added.
void Orderer::protectState() {
  for (auto write : entry.getOps<ir::WriteOp>()) {
    Operation *maker = rootOf(write.getValue()).getDefiningOp();
    if (!maker || !isa<ir::KernelOp>(maker))
      continue;
    int target = index[maker];
    auto mustPrecede = [&](int node) {
      if (node != target && !ancestors[node].test(target))
        addEdge(node, target);
    };
    for (auto check : entry.getOps<ir::CheckOp>())
      mustPrecede(index[check]);
    for (auto read : entry.getOps<ir::ReadOp>()) {
      if (read.getState() != write.getState())
        continue;
      SmallVector<Value> views{read.getValue()};
      while (!views.empty())
        for (Operation *user : views.pop_back_val().getUsers()) {
          if (isa<ir::ReshapeOp, ir::BarrierOp>(user))
            llvm::append_range(views, user->getResults());
          else if (isa<ir::KernelOp>(user))
            mustPrecede(index[user]);
        }
    }
  }
}

static Value bufferOf(Value value) {
  while (true) {
    value = rootOf(value);
    auto barrier = value.getDefiningOp<ir::BarrierOp>();
    if (!barrier)
      return value;
    value = barrier.getXs()[cast<OpResult>(value).getResultNumber()];
  }
}

void Orderer::findBuffers() {
  DenseMap<Value, int> number;
  reads.resize(ops.size()), makes.resize(ops.size());
  for (size_t i = 0; i < ops.size(); ++i)
    if (isa<ir::KernelOp>(ops[i]))
      for (Value result : ops[i]->getResults()) {
        number[result] = (int)bytes.size();
        makes[i].push_back((int)bytes.size());
        bytes.push_back(ir::byteSize(result.getType()));
        readers.push_back(0);
      }
  for (size_t i = 0; i < ops.size(); ++i) {
    for (Value operand : ops[i]->getOperands()) {
      auto known = number.find(bufferOf(operand));
      if (known == number.end())
        continue;
      if (isa<ir::WriteOp>(ops[i]))
        bytes[known->second] = 0;
      else if (isa<ir::KernelOp, ir::CheckOp>(ops[i]) &&
               !llvm::is_contained(reads[i], known->second)) {
        reads[i].push_back(known->second);
        ++readers[known->second];
      }
    }
  }
  for (Value operand : entry.front().getTerminator()->getOperands())
    if (auto known = number.find(bufferOf(operand)); known != number.end())
      bytes[known->second] = 0;
}

// Repeatedly the ready op that frees the most beyond what it makes; with `eagerSinks` only ops that
// make nothing lasting jump the queue, and the rest keeps its order.
std::vector<int> Orderer::listSchedule(bool eagerSinks) const {
  std::vector<int> waiting, left = readers, order;
  for (auto &list : before)
    waiting.push_back((int)list.size());
  std::vector<int> ready;
  for (size_t i = 0; i < ops.size(); ++i)
    if (!waiting[i])
      ready.push_back((int)i);
  while (!ready.empty()) {
    auto gain = [&](int node) {
      int64_t freed = 0, made = 0;
      for (int buffer : reads[node])
        freed += left[buffer] == 1 ? bytes[buffer] : 0;
      for (int buffer : makes[node])
        made += bytes[buffer];
      if (eagerSinks)
        return made == 0 ? int64_t(1) : int64_t(0);
      return made == 0 ? freed + 1 : freed - made;
    };
    auto best = ready.begin();
    int64_t bestGain = gain(*best);
    for (auto it = std::next(best); it != ready.end(); ++it)
      if (int64_t g = gain(*it); g > bestGain || (g == bestGain && *it < *best))
        best = it, bestGain = g;
    int node = *best;
    ready.erase(best);
    order.push_back(node);
    for (int buffer : reads[node])
      --left[buffer];
    for (int next : after[node])
      if (--waiting[next] == 0)
        ready.push_back(next);
  }
  return order;
}

int64_t Orderer::peakOf(const std::vector<int> &order) const {
  std::vector<int> left = readers;
  int64_t now = 0, peak = 0;
  for (int node : order) {
    for (int buffer : makes[node])
      now += bytes[buffer];
    peak = std::max(peak, now);
    for (int buffer : makes[node])
      now -= readers[buffer] ? 0 : bytes[buffer];
    for (int buffer : reads[node])
      now -= --left[buffer] == 0 ? bytes[buffer] : 0;
  }
  return peak;
}

void Orderer::run() {
  std::vector<int> best = listSchedule(/*eagerSinks=*/true);
  if (std::vector<int> greedy = listSchedule(/*eagerSinks=*/false); peakOf(greedy) < peakOf(best))
    best = std::move(greedy);
  assert(best.size() == ops.size() && "dependences of an entry point form a cycle");
  Operation *end = entry.front().getTerminator();
  for (int node : best)
    ops[node]->moveBefore(end);
}

struct OrderPass : impl::OrderPassBase<OrderPass> {
  using OrderPassBase::OrderPassBase;

  void runOnOperation() override {
    for (func::FuncOp entry : entryPoints(getOperation()))
      Orderer(entry).run();
  }
};

} // namespace
} // namespace fluxion::passes
