# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# fluxion_library(NAME DEPS targets... SOURCES files... [MLIR]): a static library of this folder.
#   DEPS   the arrows to other folders and to outside libraries
#   MLIR   compiles against MLIR with the shared precompiled header and links libMLIR
# fluxion_ops(FAMILY...): declarations and definitions generated from ir/ops/FAMILY.td.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(CCACHE ccache)
  if(CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
    set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
  endif()
endif()

find_program(LLD NAMES ld.lld-22 ld.lld HINTS /usr/lib/llvm-22/bin)
if(LLD AND CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_link_options(--ld-path=${LLD})
endif()

add_compile_options(-Wall -Wextra -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # A precompiled header without a time stamp lets ccache serve it and everything built on it.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fcolor-diagnostics> "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
endif()
if(FLUXION_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

function(fluxion_library name)
  cmake_parse_arguments(ARG "MLIR" "" "DEPS;SOURCES" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
  if(ARG_MLIR)
    fluxion_uses_mlir(${name})
  endif()
endfunction()

function(fluxion_uses_mlir target)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}>)
  target_include_directories(${target} SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_link_libraries(${target} PUBLIC MLIR LLVM)
  if(TARGET FluxionMlirHeaders AND NOT target STREQUAL FluxionMlirHeaders)
    target_precompile_headers(${target} REUSE_FROM FluxionMlirHeaders)
    get_target_property(kind ${target} TYPE)
    if(kind STREQUAL EXECUTABLE) # the header is compiled with -fPIC, which an executable must match
      set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
      target_compile_options(${target} PRIVATE -fPIC)
    endif()
  endif()
endfunction()

function(fluxion_tablegen td)
  cmake_parse_arguments(ARG "" "" "OUT" ${ARGN})
  get_filename_component(dir ${td} DIRECTORY)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${dir})
  foreach(pair ${ARG_OUT})
    string(REPLACE "=" ";" pair ${pair})
    list(GET pair 0 suffix)
    list(SUBLIST pair 1 -1 flags)
    string(REPLACE ".td" "${suffix}" out ${td})
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${out})
    add_custom_command(OUTPUT ${out}
      COMMAND ${FLUXION_MLIR_TBLGEN} ${flags} -I ${CMAKE_SOURCE_DIR} -I ${LLVM_INCLUDE_DIR}
              ${CMAKE_CURRENT_SOURCE_DIR}/${td} -o ${out} -d ${out}.d
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${td} DEPFILE ${out}.d)
    list(APPEND generated ${out})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY FLUXION_GENERATED ${generated})
endfunction()

find_program(FLUXION_MLIR_TBLGEN NAMES mlir-tblgen-22 mlir-tblgen HINTS /usr/lib/llvm-22/bin REQUIRED)
