# headgate_add_rule(name SOURCES a.c ...)
#
# One rule: the objects `rule_<name>`, which the tests link too, and the shared object <name>.so.
# The file config.schema.json beside the caller becomes config_schema.h.

set(HEADGATE_RULE_EMBED ${CMAKE_CURRENT_LIST_DIR}/../../embed.cmake)

function(headgate_add_rule name)
  cmake_parse_arguments(ARG "" "" "SOURCES" ${ARGN})
  set(header ${CMAKE_CURRENT_BINARY_DIR}/config_schema.h)
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${CMAKE_CURRENT_SOURCE_DIR}/config.schema.json
            -DOUTPUT=${header} -DNAME=config_schema -P ${HEADGATE_RULE_EMBED}
    DEPENDS config.schema.json ${HEADGATE_RULE_EMBED}
    COMMENT "Embedding the schema of ${name}")
  add_library(rule_${name} OBJECT ${ARG_SOURCES} ${header})
  target_include_directories(rule_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}
                                          PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(rule_${name} PUBLIC rule_common)
  if(NOT HG_SANITIZE)
    target_compile_options(rule_${name} PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O3>)
  endif()
  headgate_add_plugin(${name} SOURCES $<TARGET_OBJECTS:rule_${name}> LIBS rule_common)
  if(COMMAND hg_add_unit_test AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/tests/CMakeLists.txt)
    add_subdirectory(tests)
  endif()
endfunction()
