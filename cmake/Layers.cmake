# One target a layer. A layer sees its own headers and those of the layers it names under USES (and
# what these use), and nothing else: each layer's folder is put on the include path by a folder of
# its own that holds one link, so that "flow/load.h" does not exist for a target that may not use it.

# hg_add_layer(NAME SOURCES a.c ... [USES layer ...] [LIBS library ...])
function(hg_add_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LIBS" ${ARGN})
  set(gate ${CMAKE_BINARY_DIR}/layers/${name})
  file(MAKE_DIRECTORY ${gate})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/core/${name} ${gate}/${name} SYMBOLIC)
  add_library(hg_${name} STATIC ${ARG_SOURCES})
  target_include_directories(hg_${name} PUBLIC ${gate})
  list(TRANSFORM ARG_USES PREPEND hg_)
  target_link_libraries(hg_${name} PUBLIC ${ARG_USES} PRIVATE ${ARG_LIBS})
  set_property(GLOBAL APPEND PROPERTY HG_LAYERS ${name})
endfunction()

# A layer that is not written yet is left out.
function(hg_add_layer_directory layer)
  if(EXISTS ${CMAKE_SOURCE_DIR}/core/${layer}/CMakeLists.txt)
    add_subdirectory(${CMAKE_SOURCE_DIR}/core/${layer} ${CMAKE_BINARY_DIR}/core/${layer})
  endif()
endfunction()

# hg_add_unit_test(NAME test_base_error SOURCES test_error.c ... USES target ... [LIBS ...]
#                  [TIMEOUT seconds] [ENV name=value ...])
# The program fails when it leaves something behind in its TMPDIR (tests/support/scratch.h).
function(hg_add_unit_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SOURCES;USES;LIBS;ENV" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/support/scratch.c)
  target_include_directories(${ARG_NAME} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_USES} ${ARG_LIBS} PkgConfig::CMOCKA)
  target_compile_options(${ARG_NAME} PRIVATE -Wno-missing-prototypes)
  # Each would be optimised as a whole anew, for minutes; the end-to-end tests run what is shipped.
  set_target_properties(${ARG_NAME} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
  target_link_options(${ARG_NAME} PRIVATE $<$<C_COMPILER_ID:GNU>:-fno-lto>)
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
  set_tests_properties(
    ${ARG_NAME}
    PROPERTIES
      TIMEOUT ${ARG_TIMEOUT}
      COST ${ARG_TIMEOUT} # the long ones first
      ENVIRONMENT
      "HG_PLUGIN_DIR=${CMAKE_BINARY_DIR}/plugins;HG_TEST_PLUGIN_DIR=${CMAKE_BINARY_DIR}/test-plugins;HG_SOURCE_DIR=${CMAKE_SOURCE_DIR};HG_HEADGATE=${CMAKE_BINARY_DIR}/headgate;${ARG_ENV}"
  )
endfunction()
