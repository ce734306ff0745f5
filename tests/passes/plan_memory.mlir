// RUN: fluxion-opt --fluxion-outline --fluxion-order --fluxion-plan-memory %s | FileCheck %s
// RUN: fluxion-opt --fluxion-outline --fluxion-order --fluxion-plan-memory=apart=true %s | FileCheck %s --check-prefix=APART
// RUN: not fluxion-opt --fluxion-plan-memory %s 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: error: 'fluxion.exp' op must be inside a kernel before memory is planned
// CHECK: fluxion.state_bytes = 266304 : i64
// CHECK: fluxion.state param @w : tensor<4xf32> {offset = 0 : i64}
// CHECK: fluxion.state step @t : tensor<i64> {offset = 266240 : i64}
// CHECK: fluxion.state param @v : tensor<4xf32> {offset = 64 : i64}
fluxion.state param @w : tensor<4xf32>
fluxion.state step @t : tensor<i64>
fluxion.state param @v : tensor<4xf32>
fluxion.state buffer @large : tensor<65536xf32>

// A chain of maps runs in one buffer; the last result goes to the caller's memory at once.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: fluxion.arena_bytes = 64
// CHECK: "exp"{{.*}} at [#fluxion.place<arena, 0>]
// CHECK: "neg"{{.*}} at [#fluxion.place<arena, 0>]
// CHECK: "sqrt"{{.*}} at [#fluxion.place<output, 0>]
// APART-LABEL: func.func @chain
// APART-SAME: fluxion.arena_bytes = 128
// APART: "exp"{{.*}} at [#fluxion.place<arena, 0>]
// APART: "neg"{{.*}} at [#fluxion.place<arena, 64>]
func.func @chain(%x: tensor<4xf32>) -> tensor<4xf32> attributes {fluxion.entry} {
  %a = fluxion.exp %x : tensor<4xf32>
  %b = fluxion.neg %a : tensor<4xf32>
  %c = fluxion.sqrt %b : tensor<4xf32>
  return %c : tensor<4xf32>
}

// A barrier is its operands: the second kernel reads the first one's buffer.
// CHECK-LABEL: func.func @barrier
// CHECK-SAME: fluxion.arena_bytes = 64
// CHECK-NEXT: %[[A:.+]] = fluxion.kernel map "exp"(%{{.+}}) at [#fluxion.place<arena, 0>]
// CHECK-NOT: fluxion.barrier
// CHECK: fluxion.kernel map "neg"(%[[A]])
func.func @barrier(%x: tensor<4xf32>) -> tensor<4xf32> attributes {fluxion.entry} {
  %a = fluxion.exp %x : tensor<4xf32>
  %late:2 = fluxion.barrier %x, %a : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %b = fluxion.neg %late#1 : tensor<4xf32>
  return %b : tensor<4xf32>
}

// The new value is built where the old one lies.
// CHECK-LABEL: func.func @in_place
// CHECK: "optimizer_update"{{.*}} at [#fluxion.place<state, 0>]
// APART-LABEL: func.func @in_place
// APART: "optimizer_update"{{.*}} at [#fluxion.place<arena, 0>]
func.func @in_place(%g: tensor<4xf32>) attributes {fluxion.entry} {
  %w = fluxion.read @w : tensor<4xf32>
  %n = fluxion.add %w, %g : tensor<4xf32>
  fluxion.write @w, %n : tensor<4xf32>
  return
}

// The caller gets the old value after all kernels have run, so the new one waits in the arena.
// CHECK-LABEL: func.func @old_value_returned
// CHECK: "optimizer_update"{{.*}} at [#fluxion.place<arena, 0>]
func.func @old_value_returned(%g: tensor<4xf32>) -> tensor<4xf32> attributes {fluxion.entry} {
  %w = fluxion.read @w : tensor<4xf32>
  %n = fluxion.add %w, %g : tensor<4xf32>
  fluxion.write @w, %n : tensor<4xf32>
  return %w : tensor<4xf32>
}

// A permuting kernel reads other elements than it writes.
// CHECK-LABEL: func.func @reversed
// CHECK: "reverse_update"{{.*}} at [#fluxion.place<arena, 0>]
func.func @reversed() attributes {fluxion.entry} {
  %w = fluxion.read @w : tensor<4xf32>
  %n = fluxion.reverse %w dims [0] : tensor<4xf32>
  fluxion.write @w, %n : tensor<4xf32>
  return
}

// Exchanged items: one old value is saved, then the other moves to its place.
// CHECK-LABEL: func.func @exchange
// CHECK: "copy_state"(%[[V:.+]]) at [#fluxion.place<arena, 0>]
// CHECK: "copy_state"(%[[W:.+]]) at [#fluxion.place<state, 64>]
func.func @exchange() attributes {fluxion.entry} {
  %w = fluxion.read @w : tensor<4xf32>
  %v = fluxion.read @v : tensor<4xf32>
  fluxion.write @w, %v : tensor<4xf32>
  fluxion.write @v, %w : tensor<4xf32>
  return
}

// A large result that no kernel has built, and a large new value that had to wait, are copied by
// kernels, old values before new ones; the small ones of the functions before are not.
// CHECK-LABEL: func.func @copied
// CHECK: "add"{{.*}} at [#fluxion.place<arena, 0>]
// CHECK: "copy_result"(%{{.+}}) at [#fluxion.place<output, 0>]
// CHECK: %[[NEW:.+]] = fluxion.kernel map "copy_state"(%{{.+}}) at [#fluxion.place<state, 4096>]
// CHECK: fluxion.write @large, %[[NEW]]
func.func @copied(%g: tensor<65536xf32>) -> tensor<65536xf32> attributes {fluxion.entry} {
  %w = fluxion.read @large : tensor<65536xf32>
  %n = fluxion.add %w, %g : tensor<65536xf32>
  fluxion.write @large, %n : tensor<65536xf32>
  return %w : tensor<65536xf32>
}

// A check that depends on the new value may still fail, so state stays as it was until it has passed.
// CHECK-LABEL: func.func @checked
// CHECK: "add"{{.*}} at [#fluxion.place<arena
func.func @checked(%one: tensor<i64>) attributes {fluxion.entry} {
  %t = fluxion.read @t : tensor<i64>
  %n = fluxion.add %t, %one : tensor<i64>
  %ok = fluxion.compare gt %n, %t : tensor<i64>
  fluxion.check %ok, "the step counter ran over" : tensor<i1>
  fluxion.write @t, %n : tensor<i64>
  return
}

// @w's old value goes into @v as well: it must not be overwritten while that is computed.
// CHECK-LABEL: func.func @read_by_another_result
// CHECK: "both"{{.*}} at [#fluxion.place<arena, 0>, #fluxion.place<state, 64>]
func.func @read_by_another_result(%x: tensor<4xf32>) attributes {fluxion.entry} {
  %w = fluxion.read @w : tensor<4xf32>
  %n:2 = fluxion.kernel update "both"(%w, %x) {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    %0 = fluxion.add %a, %b : tensor<4xf32>
    %1 = fluxion.neg %a : tensor<4xf32>
    fluxion.yield %0, %1 : tensor<4xf32>, tensor<4xf32>
  } : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  fluxion.write @w, %n#0 : tensor<4xf32>
  fluxion.write @v, %n#1 : tensor<4xf32>
  return
}

// Momentum: the new slot is made of the old one alone, and the parameter of the new slot.
// CHECK-LABEL: func.func @momentum
// CHECK: "update"{{.*}} at [#fluxion.place<state, 64>, #fluxion.place<state, 0>]
func.func @momentum(%g: tensor<4xf32>) attributes {fluxion.entry} {
  %w = fluxion.read @w : tensor<4xf32>
  %m = fluxion.read @v : tensor<4xf32>
  %n:2 = fluxion.kernel update "update"(%w, %m, %g) {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>):
    %0 = fluxion.add %b, %c : tensor<4xf32>
    %1 = fluxion.sub %a, %0 : tensor<4xf32>
    fluxion.yield %0, %1 : tensor<4xf32>, tensor<4xf32>
  } : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  fluxion.write @v, %n#0 : tensor<4xf32>
  fluxion.write @w, %n#1 : tensor<4xf32>
  return
}

// The row's value is made again where it repeats along the row, from operands that must still be there.
// CHECK-LABEL: func.func @repeated_along_the_row
// CHECK: "scalar"{{.*}} at [#fluxion.place<arena, [[OLD:[0-9]+]]>]
// CHECK-NOT: "row"{{.*}} at [#fluxion.place<arena, [[OLD]]>
// CHECK: "row"
func.func @repeated_along_the_row(%x: tensor<4xf32>, %y: tensor<f32>) -> (tensor<4xf32>, tensor<f32>) attributes {fluxion.entry} {
  %s = fluxion.kernel map "scalar"(%y) {
  ^bb0(%a: tensor<f32>):
    %0 = fluxion.exp %a : tensor<f32>
    fluxion.yield %0 : tensor<f32>
  } : (tensor<f32>) -> tensor<f32>
  %n:2 = fluxion.kernel row "row"(%x, %s) {
  ^bb0(%a: tensor<4xf32>, %b: tensor<f32>):
    %0 = fluxion.reduce sum %a dims [0] : (tensor<4xf32>) -> tensor<f32>
    %1 = fluxion.add %0, %b : tensor<f32>
    %2 = fluxion.broadcast_in_dim %1 dims [] : (tensor<f32>) -> tensor<4xf32>
    %3 = fluxion.mul %a, %2 : tensor<4xf32>
    fluxion.yield %1, %3 : tensor<f32>, tensor<4xf32>
  } : (tensor<4xf32>, tensor<f32>) -> (tensor<f32>, tensor<4xf32>)
  %t = fluxion.kernel map "last"(%n#0) {
  ^bb0(%a: tensor<f32>):
    %0 = fluxion.neg %a : tensor<f32>
    fluxion.yield %0 : tensor<f32>
  } : (tensor<f32>) -> tensor<f32>
  return %n#1, %t : tensor<4xf32>, tensor<f32>
}
