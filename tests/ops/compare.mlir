// RUN: split-file %s %t
// RUN: fluxion-opt %t/valid.mlir | fluxion-opt | FileCheck %s
// RUN: fluxion run %t/valid.mlir --target=reference | FileCheck %s --check-prefix=VALUE
// RUN: fluxion-opt %t/invalid.mlir --split-input-file --verify-diagnostics

//--- valid.mlir

// CHECK-LABEL: func.func @eq(
// CHECK: %{{.+}} = fluxion.compare eq %{{.+}}, %{{.+}} : tensor<4xf32>
// VALUE-LABEL: @eq{{$}}
// VALUE-NEXT: result0: i1[4] [0, 1, 0, 0]{{$}}
func.func @eq() -> tensor<4xi1> {
  %x = fluxion.constant dense<[1.0, 2.0, 2.0, 0x7FC00000]> : tensor<4xf32>
  %y = fluxion.constant dense<[2.0, 2.0, 1.0, 1.0]> : tensor<4xf32>
  %z = fluxion.compare eq %x, %y : tensor<4xf32>
  return %z : tensor<4xi1>
}

// CHECK-LABEL: func.func @ne(
// CHECK: %{{.+}} = fluxion.compare ne %{{.+}}, %{{.+}} : tensor<4xf32>
// VALUE-LABEL: @ne{{$}}
// VALUE-NEXT: result0: i1[4] [1, 0, 1, 1]{{$}}
func.func @ne() -> tensor<4xi1> {
  %x = fluxion.constant dense<[1.0, 2.0, 2.0, 0x7FC00000]> : tensor<4xf32>
  %y = fluxion.constant dense<[2.0, 2.0, 1.0, 1.0]> : tensor<4xf32>
  %z = fluxion.compare ne %x, %y : tensor<4xf32>
  return %z : tensor<4xi1>
}

// CHECK-LABEL: func.func @lt(
// CHECK: %{{.+}} = fluxion.compare lt %{{.+}}, %{{.+}} : tensor<4xf32>
// VALUE-LABEL: @lt{{$}}
// VALUE-NEXT: result0: i1[4] [1, 0, 0, 0]{{$}}
func.func @lt() -> tensor<4xi1> {
  %x = fluxion.constant dense<[1.0, 2.0, 2.0, 0x7FC00000]> : tensor<4xf32>
  %y = fluxion.constant dense<[2.0, 2.0, 1.0, 1.0]> : tensor<4xf32>
  %z = fluxion.compare lt %x, %y : tensor<4xf32>
  return %z : tensor<4xi1>
}

// CHECK-LABEL: func.func @le(
// CHECK: %{{.+}} = fluxion.compare le %{{.+}}, %{{.+}} : tensor<4xf32>
// VALUE-LABEL: @le{{$}}
// VALUE-NEXT: result0: i1[4] [1, 1, 0, 0]{{$}}
func.func @le() -> tensor<4xi1> {
  %x = fluxion.constant dense<[1.0, 2.0, 2.0, 0x7FC00000]> : tensor<4xf32>
  %y = fluxion.constant dense<[2.0, 2.0, 1.0, 1.0]> : tensor<4xf32>
  %z = fluxion.compare le %x, %y : tensor<4xf32>
  return %z : tensor<4xi1>
}

// CHECK-LABEL: func.func @gt(
// CHECK: %{{.+}} = fluxion.compare gt %{{.+}}, %{{.+}} : tensor<4xf32>
// VALUE-LABEL: @gt{{$}}
// VALUE-NEXT: result0: i1[4] [0, 0, 1, 0]{{$}}
func.func @gt() -> tensor<4xi1> {
  %x = fluxion.constant dense<[1.0, 2.0, 2.0, 0x7FC00000]> : tensor<4xf32>
  %y = fluxion.constant dense<[2.0, 2.0, 1.0, 1.0]> : tensor<4xf32>
  %z = fluxion.compare gt %x, %y : tensor<4xf32>
  return %z : tensor<4xi1>
}

// CHECK-LABEL: func.func @ge(
// CHECK: %{{.+}} = fluxion.compare ge %{{.+}}, %{{.+}} : tensor<4xf32>
// VALUE-LABEL: @ge{{$}}
// VALUE-NEXT: result0: i1[4] [0, 1, 1, 0]{{$}}
func.func @ge() -> tensor<4xi1> {
  %x = fluxion.constant dense<[1.0, 2.0, 2.0, 0x7FC00000]> : tensor<4xf32>
  %y = fluxion.constant dense<[2.0, 2.0, 1.0, 1.0]> : tensor<4xf32>
  %z = fluxion.compare ge %x, %y : tensor<4xf32>
  return %z : tensor<4xi1>
}

// CHECK-LABEL: func.func @unsigned(
// CHECK: %{{.+}} = fluxion.compare lt %{{.+}}, %{{.+}} : tensor<2xui8>
// VALUE-LABEL: @unsigned{{$}}
// VALUE-NEXT: result0: i1[2] [0, 1]{{$}}
func.func @unsigned() -> tensor<2xi1> {
  %x = fluxion.constant dense<[200, 1]> : tensor<2xui8>
  %y = fluxion.constant dense<[100, 2]> : tensor<2xui8>
  %z = fluxion.compare lt %x, %y : tensor<2xui8>
  return %z : tensor<2xi1>
}

// CHECK-LABEL: func.func @signed(
// CHECK: %{{.+}} = fluxion.compare lt %{{.+}}, %{{.+}} : tensor<2xi8>
// VALUE-LABEL: @signed{{$}}
// VALUE-NEXT: result0: i1[2] [1, 1]{{$}}
func.func @signed() -> tensor<2xi1> {
  %x = fluxion.constant dense<[-56, 1]> : tensor<2xi8>
  %y = fluxion.constant dense<[100, 2]> : tensor<2xi8>
  %z = fluxion.compare lt %x, %y : tensor<2xi8>
  return %z : tensor<2xi1>
}

// CHECK-LABEL: func.func @predicates(
// CHECK: %{{.+}} = fluxion.compare gt %{{.+}}, %{{.+}} : tensor<2xi1>
// VALUE-LABEL: @predicates{{$}}
// VALUE-NEXT: result0: i1[2] [1, 0]{{$}}
func.func @predicates() -> tensor<2xi1> {
  %x = fluxion.constant dense<[true, false]> : tensor<2xi1>
  %y = fluxion.constant dense<[false, true]> : tensor<2xi1>
  %z = fluxion.compare gt %x, %y : tensor<2xi1>
  return %z : tensor<2xi1>
}

//--- invalid.mlir

func.func @direction(%x: tensor<3xf32>) {
  // expected-error@+2 {{expected ::fluxion::ir::CompareDirection to be one of: eq, ne, lt, le, gt, ge}}
  // expected-error@+1 {{failed to parse Fluxion_CompareDirectionAttr}}
  %y = fluxion.compare less %x, %x : tensor<3xf32>
  return
}
